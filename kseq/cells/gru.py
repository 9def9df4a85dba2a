"""The gated recurrent unit, full and simplified."""

from typing import Any

import keras
from keras import ops

from kseq.cells.base import Cell, Dropped, Tensor
from kseq.ops.gru import GRU, GRUResetBefore, SimpleGRU


@keras.saving.register_keras_serializable("kseq")
class GRUCell(Cell):
    """Gated recurrent unit, in three forms.

        z(t) = s(x(t) W_z + h(t-1) U_z + b_z)                                  update gate
        r(t) = s(x(t) W_r + h(t-1) U_r + b_r)                                  reset (relevance) gate
        k(t) = tanh(x(t) W_k + b_k + r(t) * (h(t-1) U_k + d_k))                reset_after=True
        k(t) = tanh(x(t) W_k + b_k + (r(t) * h(t-1)) U_k)                      reset_after=False
        k(t) = tanh(x(t) W_k + b_k + h(t-1) U_k)                               use_reset_gate=False
        h(t) = z(t) * h(t-1) + (1 - z(t)) * k(t)

    Here `z` near one keeps the old state, as in Keras, PyTorch and the 2014 paper; the update gate of
    some lecture notes is `1 - z`. Gates lie in the order z r k; `kernel` is `(features, 3 units)`.
    `reset_after=True` needs one matrix product a step in place of two, and is what cuDNN and PyTorch
    compute; its `bias` is `(2, 3 units)`, the second row added to `h(t-1) U`. The simplified unit has no
    reset gate: gates z k, `kernel` `(features, 2 units)`.

    Args:
        units: width of `h`.
        activation: of the candidate `k` ("tanh" above).
        recurrent_activation: `s`, of the gates.
        reset_after: whether the reset gate acts after the recurrent product.
        use_reset_gate: False for the simplified unit.
        **kwargs: as in `kseq.cells.base.Cell`.

    Reference:
        Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", 2014. The simplified unit
        is what Dey and Salem, "Gate-Variants of Gated Recurrent Unit", 2017, and Zhou et al., "Minimal
        Gated Unit", 2016, come to from two sides.
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        *,
        reset_after: bool = True,
        use_reset_gate: bool = True,
        **kwargs: Any,
    ):
        super().__init__(units, **kwargs)
        self.activation = keras.activations.get(activation)
        self.recurrent_activation = keras.activations.get(recurrent_activation)
        self.reset_after = reset_after
        self.use_reset_gate = use_reset_gate

    @property
    def gates(self) -> int:
        return 3 if self.use_reset_gate else 2

    @property
    def _two_biases(self) -> bool:
        return self.use_reset_gate and self.reset_after

    def bias_shape(self) -> tuple[int, ...]:
        shape = super().bias_shape()
        return (2, *shape) if self._two_biases else shape

    def input_bias(self) -> Tensor | None:
        return self.bias[0] if self.use_bias and self._two_biases else self.bias

    @property
    def recurrence(self) -> SimpleGRU:
        form = SimpleGRU
        if self.use_reset_gate:
            form = GRU if self.reset_after else GRUResetBefore
        return form(self.activation, self.recurrent_activation)

    def recurrent_weights(self, dropped: Dropped | None = None) -> tuple:
        weights = super().recurrent_weights(dropped)
        if not (self.use_bias and self._two_biases):
            return weights
        return *weights, ops.cast(self.bias, self.compute_dtype)[1]

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "activation": keras.activations.serialize(self.activation),
            "recurrent_activation": keras.activations.serialize(self.recurrent_activation),
            "reset_after": self.reset_after,
            "use_reset_gate": self.use_reset_gate,
        }
