"""The Elman cell."""

from typing import Any

import keras
from keras import ops

from kseq.cells.base import Cell, Tensor


@keras.saving.register_keras_serializable("kseq")
class SimpleRNNCell(Cell):
    """Elman cell: the hidden state feeds back into itself.

        h(t) = f(x(t) W + h(t-1) U + b)
        y(t) = h(t)

    Args:
        units: width of `h`.
        activation: `f`; any Keras activation, or None for a linear recurrence.
        **kwargs: as in `kseq.cells.base.Cell`.

    Example:
        >>> cell = SimpleRNNCell(4)
        >>> output, [h] = cell(keras.ops.ones((2, 3)), [keras.ops.zeros((2, 4))])
        >>> output.shape == h.shape == (2, 4)
        True

    Reference:
        Elman, "Finding Structure in Time", Cognitive Science, 1990.
    """

    def __init__(self, units: int, activation: Any = "tanh", **kwargs: Any):
        super().__init__(units, **kwargs)
        self.activation = keras.activations.get(activation)

    def step(
        self, projected: Tensor, states: list, recurrent_mask: Tensor | None = None
    ) -> tuple[Tensor, list]:
        h = states[0] if recurrent_mask is None else states[0] * recurrent_mask
        h = self.activation(projected + ops.matmul(h, self.recurrent_kernel))
        return h, [h]

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "activation": keras.activations.serialize(self.activation),
        }
