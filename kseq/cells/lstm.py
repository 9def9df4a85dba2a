"""Long short-term memory, with and without peepholes."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kseq.cells.base import Cell, Dropped, Tensor
from kseq.errors import positive
from kseq.ops.lstm import LSTM, CoupledLSTM


@keras.saving.register_keras_serializable("kseq")
class LSTMCell(Cell):
    """Long short-term memory with a forget gate.

        i(t) = s(x(t) W_i + h(t-1) U_i + b_i)               input gate
        f(t) = s(x(t) W_f + h(t-1) U_f + b_f)               forget gate
        g(t) = tanh(x(t) W_g + h(t-1) U_g + b_g)            candidate
        c(t) = clip(f(t) * c(t-1) + i(t) * g(t))            memory cell
        o(t) = s(x(t) W_o + h(t-1) U_o + b_o)               output gate
        h(t) = o(t) * tanh(c(t))

    With `coupled_gates` the input gate is `i(t) = 1 - f(t)`, and blocks of `i` are in no weight below.

    `kernel` is `(features, 4 units)`, `recurrent_kernel` `(units, 4 units)`, `bias` `(4 units,)`, gates in
    the order i f g o as in `keras.layers.LSTM` and `torch.nn.LSTM`. The states are `[h, c]`.

    Args:
        units: width of `h` and `c`.
        activation: of the candidate and of the cell's way out ("tanh" above).
        recurrent_activation: `s`, of the gates.
        unit_forget_bias: add 1 to the forget gate's bias at the start (Jozefowicz et al., 2015), so that
            the cell begins by remembering.
        cell_clip: bound of the absolute value of `c`, or None.
        coupled_gates: whether what is forgotten makes room for what is new: a quarter fewer weights.
        **kwargs: as in `kseq.cells.base.Cell`.

    Reference:
        Hochreiter and Schmidhuber, "Long Short-Term Memory", 1997; Gers, Schmidhuber and Cummins,
        "Learning to Forget", 2000; Greff et al., "LSTM: A Search Space Odyssey", 2017 (coupled gates).
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        *,
        unit_forget_bias: bool = True,
        cell_clip: float | None = None,
        coupled_gates: bool = False,
        **kwargs: Any,
    ):
        super().__init__(units, **kwargs)
        self.activation = keras.activations.get(activation)
        self.recurrent_activation = keras.activations.get(recurrent_activation)
        self.unit_forget_bias = unit_forget_bias
        self.cell_clip = None if cell_clip is None else positive("cell_clip", cell_clip)
        self.coupled_gates = coupled_gates

    @property
    def gates(self) -> int:
        return 3 if self.coupled_gates else 4

    @property
    def state_size(self) -> list[int]:
        return [self.units, self.units]

    def add_bias(self, name: str, shape: tuple[int, ...], initializer: Any = None) -> Any:
        def with_forget_bias(shape: tuple, dtype: Any = None) -> Tensor:
            u, before_f = self.units, self.gates - 3
            start = self.bias_initializer(shape, dtype=dtype)
            one = ops.concatenate([ops.zeros(before_f * u), ops.ones(u), ops.zeros(2 * u)])
            return start + ops.cast(one, start.dtype)

        return super().add_bias(name, shape, with_forget_bias if self.unit_forget_bias else None)

    @property
    def recurrence(self) -> LSTM:
        form = CoupledLSTM if self.coupled_gates else LSTM
        return form(self.activation, self.recurrent_activation, self.cell_clip)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "activation": keras.activations.serialize(self.activation),
            "recurrent_activation": keras.activations.serialize(self.recurrent_activation),
            "unit_forget_bias": self.unit_forget_bias,
            "cell_clip": self.cell_clip,
            "coupled_gates": self.coupled_gates,
        }


@keras.saving.register_keras_serializable("kseq")
class PeepholeLSTMCell(LSTMCell):
    """Long short-term memory whose gates see the memory cell.

        i(t) = s(x(t) W_i + h(t-1) U_i + p_i * c(t-1) + b_i)
        f(t) = s(x(t) W_f + h(t-1) U_f + p_f * c(t-1) + b_f)
        g(t) = tanh(x(t) W_g + h(t-1) U_g + b_g)
        c(t) = clip(f(t) * c(t-1) + i(t) * g(t))
        o(t) = s(x(t) W_o + h(t-1) U_o + p_o * c(t) + b_o)
        h(t) = o(t) * tanh(c(t))

    The peepholes are diagonal: each gate sees only its own cell. `peephole_kernel` is `(3, units)`, in the
    order i f o, `(2, units)` f o with coupled gates. The output gate sees the new cell, the others the old
    one.

    Args:
        units: width of `h` and `c`.
        peephole_initializer: of `peephole_kernel`.
        **kwargs: as in `LSTMCell`.

    Reference:
        Gers, Schraudolph and Schmidhuber, "Learning Precise Timing with LSTM Recurrent Networks", 2002.
    """

    def __init__(self, units: int, *args: Any, peephole_initializer: Any = "zeros", **kwargs: Any):
        super().__init__(units, *args, **kwargs)
        self.peephole_initializer = keras.initializers.get(peephole_initializer)

    def build(self, inputs_shape: Sequence[int | None], states_shape: Any = None) -> None:
        super().build(inputs_shape)
        self.peephole_kernel = self.add_weight(
            shape=(self.gates - 1, self.units),
            name="peephole_kernel",
            initializer=self.peephole_initializer,
            regularizer=self.recurrent_regularizer,
            constraint=self.recurrent_constraint,
        )

    def recurrent_weights(self, dropped: Dropped | None = None) -> tuple:
        return *super().recurrent_weights(dropped), ops.cast(self.peephole_kernel, self.compute_dtype)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "peephole_initializer": keras.initializers.serialize(self.peephole_initializer),
        }
