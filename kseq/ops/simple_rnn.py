"""The step of the Elman network and its gradient."""

import dataclasses

from keras import ops

from kseq.ops.activations import derivative
from kseq.ops.recurrence import Recurrence, Tensor, Tensors, times


@dataclasses.dataclass(frozen=True)
class SimpleRNN(Recurrence):
    """Equations in `kseq.cells.SimpleRNNCell`. Weights: `(recurrent_kernel,)`."""

    def step(self, z: Tensor, states: Tensors, weights: Tensors, dropped: Tensor | None = None) -> tuple:
        h = self.activation(z + ops.matmul(times(states[0], dropped), weights[0]))
        return (h,), ()

    def factors(
        self, before: Tensors, after: Tensors, kept: Tensors, weights: Tensors, dropped: Tensor | None
    ) -> Tensors:
        return (derivative(self.activation)(after[0]),)

    def step_back(
        self, dstates: Tensors, factors: Tensors, weights_back: Tensors, dropped: Tensor | None
    ) -> tuple[Tensor, Tensors]:
        dz = dstates[0] * factors[0]
        return dz, (times(ops.matmul(dz, weights_back[0]), dropped),)
