"""The Elman cell."""

from typing import Any

import keras

from kseq.cells.base import Cell
from kseq.ops.simple_rnn import SimpleRNN


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

    @property
    def recurrence(self) -> SimpleRNN:
        return SimpleRNN(self.activation)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "activation": keras.activations.serialize(self.activation),
        }
