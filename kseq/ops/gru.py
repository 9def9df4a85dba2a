"""The step of the gated recurrent unit, in its forms, and its gradient."""

import dataclasses
from collections.abc import Callable

import keras
from keras import ops

from kseq.ops.activations import derivative
from kseq.ops.recurrence import Recurrence, Tensor, Tensors, summed_product, times


@dataclasses.dataclass(frozen=True)
class SimpleGRU(Recurrence):
    """The unit without a reset gate; equations in `kseq.cells.GRUCell`, gates in the order z k.

    Weights: `(recurrent_kernel,)`.

    Args:
        recurrent_activation: of the gates.
    """

    recurrent_activation: Callable[[Tensor], Tensor] = keras.activations.sigmoid

    num_kept = 2  # z k

    @property
    def differentiable(self) -> bool:
        return super().differentiable and derivative(self.recurrent_activation) is not None

    def step(self, z: Tensor, states: Tensors, weights: Tensors, dropped: Tensor | None = None) -> tuple:
        (h,) = states
        z, k = ops.split(z + ops.matmul(times(h, dropped), weights[0]), 2, axis=-1)
        return self._mix(h, self.recurrent_activation(z), self.activation(k))

    def _mix(self, h: Tensor, z: Tensor, k: Tensor, *kept: Tensor) -> tuple:
        return (z * h + (1 - z) * k,), (z, k, *kept)

    def factors(
        self, before: Tensors, after: Tensors, kept: Tensors, weights: Tensors, dropped: Tensor | None
    ) -> Tensors:
        # d(z_z), d(z_k) = d(h) * (to_z, to_k)        d(h(t-1)) = d(h) * z + by way of the gates
        z, k = kept[:2]
        to_z = (before[0] - k) * derivative(self.recurrent_activation)(z)
        to_k = (1 - z) * derivative(self.activation)(k)
        return to_z, to_k, z

    def step_back(
        self, dstates: Tensors, factors: Tensors, weights_back: Tensors, dropped: Tensor | None
    ) -> tuple[Tensor, Tensors]:
        (dh,) = dstates
        to_z, to_k, z = factors
        dz = ops.concatenate([dh * to_z, dh * to_k], axis=-1)
        return dz, (dh * z + times(ops.matmul(dz, weights_back[0]), dropped),)


@dataclasses.dataclass(frozen=True)
class GRU(SimpleGRU):
    """The reset gate acts after the recurrent product; gates in the order z r k.

    Weights: `(recurrent_kernel, recurrent_bias)`, the second `(3 * units,)`.
    """

    num_kept = 4  # z k r, and what r multiplies

    def step(self, z: Tensor, states: Tensors, weights: Tensors, dropped: Tensor | None = None) -> tuple:
        (h,) = states
        recurrent = ops.matmul(times(h, dropped), weights[0])
        if len(weights) == 2:
            recurrent = recurrent + weights[1]
        z, r, k = ops.split(z, 3, axis=-1)
        recurrent_z, recurrent_r, recurrent_k = ops.split(recurrent, 3, axis=-1)
        z = self.recurrent_activation(z + recurrent_z)
        r = self.recurrent_activation(r + recurrent_r)
        return self._mix(h, z, self.activation(k + r * recurrent_k), r, recurrent_k)

    def factors(
        self, before: Tensors, after: Tensors, kept: Tensors, weights: Tensors, dropped: Tensor | None
    ) -> Tensors:
        # d(z_r) = d(z_k) * to_r
        _, _, r, recurrent_k = kept
        to_r = recurrent_k * derivative(self.recurrent_activation)(r)
        return *super().factors(before, after, kept, weights, dropped), to_r, r

    def step_back(
        self, dstates: Tensors, factors: Tensors, weights_back: Tensors, dropped: Tensor | None
    ) -> tuple[Tensor, Tensors]:
        (dh,) = dstates
        to_z, to_k, z, to_r, r = factors
        dz, dk = dh * to_z, dh * to_k
        dr = dk * to_r
        recurrent = ops.concatenate([dz, dr, dk * r], axis=-1)
        dh = dh * z + times(ops.matmul(recurrent, weights_back[0]), dropped)
        return ops.concatenate([dz, dr, dk], axis=-1), (dh,)

    def weight_gradients(
        self,
        dz: Tensor,
        before: Tensors,
        after: Tensors,
        kept: Tensors,
        weights: Tensors,
        dropped: Tensor | None,
    ) -> Tensors:
        dz, dr, dk = ops.split(dz, 3, axis=-1)
        recurrent = ops.concatenate([dz, dr, dk * kept[2]], axis=-1)
        dkernel = summed_product(times(before[0], dropped), recurrent)
        return (dkernel,) if len(weights) == 1 else (dkernel, ops.sum(recurrent, axis=(0, 1)))


@dataclasses.dataclass(frozen=True)
class GRUResetBefore(SimpleGRU):
    """The reset gate acts on the state before the recurrent product; gates in the order z r k.

    Weights: `(recurrent_kernel,)`.
    """

    num_kept = 3  # z k r

    def step(self, z: Tensor, states: Tensors, weights: Tensors, dropped: Tensor | None = None) -> tuple:
        (h,) = states
        seen, units = times(h, dropped), h.shape[-1]
        z, r, k = ops.split(z, 3, axis=-1)
        recurrent = ops.matmul(seen, weights[0][:, : 2 * units])
        recurrent_z, recurrent_r = ops.split(recurrent, 2, axis=-1)
        z = self.recurrent_activation(z + recurrent_z)
        r = self.recurrent_activation(r + recurrent_r)
        k = self.activation(k + ops.matmul(r * seen, weights[0][:, 2 * units :]))
        return self._mix(h, z, k, r)

    def weights_back(self, weights: Tensors) -> Tensors:
        kernel, units = weights[0], weights[0].shape[0]
        return ops.transpose(kernel[:, : 2 * units]), ops.transpose(kernel[:, 2 * units :])

    def factors(
        self, before: Tensors, after: Tensors, kept: Tensors, weights: Tensors, dropped: Tensor | None
    ) -> Tensors:
        # d(z_r) = d(r * h(t-1)) * to_r
        r = kept[2]
        to_r = times(before[0], dropped) * derivative(self.recurrent_activation)(r)
        return *super().factors(before, after, kept, weights, dropped), to_r, r

    def step_back(
        self, dstates: Tensors, factors: Tensors, weights_back: Tensors, dropped: Tensor | None
    ) -> tuple[Tensor, Tensors]:
        (dh,) = dstates
        to_z, to_k, z, to_r, r = factors
        dz, dk = dh * to_z, dh * to_k
        dreset = ops.matmul(dk, weights_back[1])  # gradient of r * h(t-1)
        dr = dreset * to_r
        by_gates = ops.matmul(ops.concatenate([dz, dr], axis=-1), weights_back[0])
        dh = dh * z + times(dreset * r + by_gates, dropped)
        return ops.concatenate([dz, dr, dk], axis=-1), (dh,)

    def weight_gradients(
        self,
        dz: Tensor,
        before: Tensors,
        after: Tensors,
        kept: Tensors,
        weights: Tensors,
        dropped: Tensor | None,
    ) -> Tensors:
        units = dz.shape[-1] // 3
        seen = times(before[0], dropped)
        gates = summed_product(seen, dz[..., : 2 * units])
        candidate = summed_product(kept[2] * seen, dz[..., 2 * units :])
        return (ops.concatenate([gates, candidate], axis=-1),)
