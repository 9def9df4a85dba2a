"""The cell that neural architecture search found."""

import keras
from keras import ops

from kseq.cells.base import Cell, Dropped, Tensor

tanh, sigmoid, relu = keras.activations.tanh, keras.activations.sigmoid, keras.activations.relu


@keras.saving.register_keras_serializable("kseq")
class NASCell(Cell):
    """The cell that a search over architectures found best at language modelling.

        x_1 .. x_8 = x(t) W                 u_1 .. u_8 = h(t-1) U + b           blocks of `units` columns
        p = tanh(s(x_1 + u_1) * relu(x_2 + u_2))
        q = tanh(s(x_3 + u_3) + relu(x_4 * u_4))
        r = tanh(tanh(x_5 + u_5) * s(x_6 + u_6))
        v = s(tanh(x_7 + u_7) + s(x_8 + u_8))
        c(t) = tanh(p + c(t-1)) * q
        h(t) = tanh(c(t) * tanh(r + v))

    `kernel` is `(features, 8 units)`, `recurrent_kernel` `(units, 8 units)`. The states are `[h, c]`. The
    functions are part of what was found and are no arguments.

    Args:
        units: width of `h` and `c`.
        **kwargs: as in `kseq.cells.base.Cell`.

    Reference:
        Zoph and Le, "Neural Architecture Search with Reinforcement Learning", 2017.
    """

    gates = 8

    @property
    def state_size(self) -> list[int]:
        return [self.units, self.units]

    def input_bias(self) -> None:
        return None

    def step(self, projected: Tensor, states: list, dropped: Dropped | None = None) -> tuple[Tensor, list]:
        h, c = states
        product = self.recurrent_product(h, dropped)
        product = product if self.bias is None else product + self.bias
        x, u = (ops.split(z, 8, axis=-1) for z in (projected, product))
        p = tanh(sigmoid(x[0] + u[0]) * relu(x[1] + u[1]))
        q = tanh(sigmoid(x[2] + u[2]) + relu(x[3] * u[3]))
        r = tanh(tanh(x[4] + u[4]) * sigmoid(x[5] + u[5]))
        v = sigmoid(tanh(x[6] + u[6]) + sigmoid(x[7] + u[7]))
        c = tanh(p + c) * q
        h = tanh(c * tanh(r + v))
        return h, [h, c]
