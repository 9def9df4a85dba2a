"""The Jordan cell."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kseq.cells.base import Cell, Dropped, Tensor
from kseq.errors import positive


@keras.saving.register_keras_serializable("kseq")
class JordanRNNCell(Cell):
    """Jordan cell: only the output feeds back.

        h(t) = f(x(t) W + o(t-1) U + b)
        o(t) = g(h(t) V + d)
        y(t) = o(t)

    The state is `o`, so all that the cell remembers passes through its output: weaker than an Elman cell,
    but when the true output of the previous step is known (teacher forcing), no step depends on another
    and all of them are computed in parallel: see `kseq.layers.JordanRNN`.

    Args:
        units: width of the hidden layer `h`.
        output_units: width of the output and state `o`; `units` if None.
        activation: `f`.
        output_activation: `g`, for instance "softmax"; None is linear.
        **kwargs: as in `kseq.cells.base.Cell`; `recurrent_dropout` drops features of `o(t-1)`.

    Reference:
        Jordan, "Serial Order: A Parallel Distributed Processing Approach", 1986; Goodfellow, Bengio and
        Courville, "Deep Learning", section 10.2.1, 2016.
    """

    def __init__(
        self,
        units: int,
        output_units: int | None = None,
        activation: Any = "tanh",
        output_activation: Any = None,
        **kwargs: Any,
    ):
        super().__init__(units, **kwargs)
        self.output_units = positive("output_units", units if output_units is None else output_units)
        self.activation = keras.activations.get(activation)
        self.output_activation = keras.activations.get(output_activation)

    @property
    def state_size(self) -> int:
        return self.output_units

    output_size = recurrent_size = state_size

    def build(self, inputs_shape: Sequence[int | None], states_shape: Any = None) -> None:
        super().build(inputs_shape)
        self.output_kernel = self.add_weight(
            shape=(self.units, self.output_units),
            name="output_kernel",
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.output_bias = self.add_bias("output_bias", (self.output_units,)) if self.use_bias else None

    def step(self, projected: Tensor, states: list, dropped: Dropped | None = None) -> tuple[Tensor, list]:
        h = self.activation(projected + self.recurrent_product(states[0], dropped))
        o = ops.matmul(h, self.output_kernel)
        o = self.output_activation(o if self.output_bias is None else o + self.output_bias)
        return o, [o]

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "output_units": self.output_units,
            "activation": keras.activations.serialize(self.activation),
            "output_activation": keras.activations.serialize(self.output_activation),
        }
