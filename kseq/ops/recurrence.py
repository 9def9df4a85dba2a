"""One step of a recurrence and its gradient."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from kseq.ops.activations import derivative

Tensor = Any
Tensors = tuple[Any, ...]


@dataclasses.dataclass(frozen=True)
class Recurrence:
    """One step of time and the way back through it, in pure functions.

        forward:     states(t), kept(t) = step(z(t), states(t-1))          z(t) = x(t) W + b
        backward:    d(z(t)), d(states(t-1)) = step_back(d(states(t)), factors(t))

    `factors` is what one step back multiplies with. It is elementwise and knows nothing of later steps,
    so it may be formed inside the loop or for all steps at once before it. The gradients of the weights
    are sums over time and batch, each one large product after the loop. `docs/bptt.md` derives them.

    The states are `(h, ...)`; `h` is the output. The weights are `(recurrent_kernel, ...)`. `dropped` is
    a factor on `h(t-1)` where it meets the recurrent kernel, `(batch, units)`, or None.

    Args:
        activation: of the candidate, a function of `keras.activations`.
    """

    activation: Callable[[Tensor], Tensor] = keras.activations.tanh

    #: tensors of the shape of `h` that a step keeps for the way back, beside the states
    num_kept = 0

    @property
    def differentiable(self) -> bool:
        """Whether the derivatives of the activations are known."""
        return derivative(self.activation) is not None

    def step(self, z: Tensor, states: Tensors, weights: Tensors, dropped: Tensor | None = None) -> tuple:
        """One step forward.

        Args:
            z: `(batch, gates * units)`, what the input adds to the gates.
            states: `(batch, units)` each.
            weights: of the recurrent part.
            dropped: `(batch, units)` or None.

        Returns:
            `(states, kept)`.
        """
        raise NotImplementedError

    def factors(
        self, before: Tensors, after: Tensors, kept: Tensors, weights: Tensors, dropped: Tensor | None
    ) -> Tensors:
        """What one step back multiplies with; any number of axes in front of `(batch, units)`.

        Args:
            before: the states before the step.
            after: the states after it.
            kept: what `step` kept.
            weights: of the recurrent part.
            dropped: as in `step`.
        """
        raise NotImplementedError

    def weights_back(self, weights: Tensors) -> Tensors:
        """The weights as `step_back` takes them: transposed once, outside the loop."""
        return (ops.transpose(weights[0]),)

    def step_back(
        self, dstates: Tensors, factors: Tensors, weights_back: Tensors, dropped: Tensor | None
    ) -> tuple[Tensor, Tensors]:
        """One step back.

        Args:
            dstates: whole gradient of the states after the step.
            factors: of this step.
            weights_back: from `weights_back`.
            dropped: as in `step`.

        Returns:
            `(dz, dstates)`: gradient of `z(t)`, `(batch, gates * units)`, and of the states before.
        """
        raise NotImplementedError

    def weight_gradients(
        self,
        dz: Tensor,
        before: Tensors,
        after: Tensors,
        kept: Tensors,
        weights: Tensors,
        dropped: Tensor | None,
    ) -> Tensors:
        """Gradients of the weights from those of all steps, `(time, batch, ...)` each.

        Here that of a recurrent kernel whose product is added to `z(t)`: `sum_t h(t-1)' d(z(t))`.
        """
        return (summed_product(times(before[0], dropped), dz),)


def times(x: Tensor, factor: Tensor | None) -> Tensor:
    """`x * factor`, or `x` where there is no factor."""
    return x if factor is None else x * factor


def summed_product(x: Tensor, dz: Tensor) -> Tensor:
    """`sum_t x(t)' dz(t)` as one matrix product over time and batch."""
    x, dz = ops.reshape(x, (-1, x.shape[-1])), ops.reshape(dz, (-1, dz.shape[-1]))
    return ops.matmul(ops.transpose(x), dz)
