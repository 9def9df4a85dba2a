"""Long short-term memory with layer normalisation."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kseq.cells.base import Dropped, Tensor
from kseq.cells.lstm import LSTMCell

EPSILON = 1e-5


@keras.saving.register_keras_serializable("kseq")
class LayerNormLSTMCell(LSTMCell):
    """Long short-term memory whose sums are normalised over their features at every step.

        N(z) = (z - mean(z)) / sqrt(var(z) + 1e-5)
        a(t) = N(x(t) W) * n_x + N(h(t-1) U) * n_h + b      gates i f g o are functions of a(t) as in LSTMCell
        c(t) = clip(f(t) * c(t-1) + i(t) * g(t))
        h(t) = o(t) * tanh(N(c(t)) * n_c + b_c)

    Both products are normalised over all gates together. The gains `kernel_gain` `n_x` and `recurrent_gain`
    `n_h` are `(4 units,)`, `cell_gain` `n_c` and `cell_bias` `b_c` `(units,)`; gains begin as ones.

    Args:
        units: width of `h` and `c`.
        **kwargs: as in `LSTMCell`.

    Reference:
        Ba, Kiros and Hinton, "Layer Normalization", 2016.
    """

    def build(self, inputs_shape: Sequence[int | None], states_shape: Any = None) -> None:
        super().build(inputs_shape)
        wide, narrow = (self.gates * self.units,), (self.units,)
        self.kernel_gain = self.add_weight(shape=wide, initializer="ones", name="kernel_gain")
        self.recurrent_gain = self.add_weight(shape=wide, initializer="ones", name="recurrent_gain")
        self.cell_gain = self.add_weight(shape=narrow, initializer="ones", name="cell_gain")
        self.cell_bias = None
        if self.use_bias:
            self.cell_bias = self.add_weight(shape=narrow, initializer="zeros", name="cell_bias")

    def project(self, inputs: Tensor) -> Tensor:
        projected = normalised(ops.matmul(inputs, self.kernel)) * self.kernel_gain
        return projected if self.bias is None else projected + self.bias

    def step(self, projected: Tensor, states: list, dropped: Dropped | None = None) -> tuple[Tensor, list]:
        h, c = states
        product = self.recurrent_product(h, dropped)
        z = projected + normalised(product) * self.recurrent_gain  # (batch, 4 * units)
        kept, c = self.recurrence.open(z, c)
        shown = normalised(c) * self.cell_gain
        h = kept[-1] * self.activation(shown if self.cell_bias is None else shown + self.cell_bias)
        return h, [h, c]


def normalised(z: Tensor) -> Tensor:
    """`z` less its mean, over its standard deviation, along the last axis."""
    centred = z - ops.mean(z, axis=-1, keepdims=True)
    return centred * ops.rsqrt(ops.mean(ops.square(centred), axis=-1, keepdims=True) + EPSILON)
