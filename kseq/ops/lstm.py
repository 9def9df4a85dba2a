"""The step of long short-term memory and its gradient."""

import dataclasses
from collections.abc import Callable

import keras
from keras import ops

from kseq.ops.activations import derivative
from kseq.ops.recurrence import Recurrence, Tensor, Tensors, summed_product, times


@dataclasses.dataclass(frozen=True)
class LSTM(Recurrence):
    """Equations in `kseq.cells.PeepholeLSTMCell`; states `(h, c)`, gates in the order i f g o.

    Weights: `(recurrent_kernel,)` or `(recurrent_kernel, peephole_kernel)`.

    Args:
        recurrent_activation: of the gates.
        cell_clip: bound of the absolute value of the new cell, or None.
    """

    recurrent_activation: Callable[[Tensor], Tensor] = keras.activations.sigmoid
    cell_clip: float | None = None

    num_kept = 4  # i f g o

    @property
    def differentiable(self) -> bool:
        return super().differentiable and derivative(self.recurrent_activation) is not None

    def step(self, z: Tensor, states: Tensors, weights: Tensors, dropped: Tensor | None = None) -> tuple:
        h, c = states
        z = z + ops.matmul(times(h, dropped), weights[0])  # (batch, gates * units)
        kept, c = self.open(z, c, weights[1] if len(weights) == 2 else None)
        return (kept[-1] * self.activation(c), c), kept

    def open(self, z: Tensor, c: Tensor, peepholes: Tensor | None = None) -> tuple[Tensors, Tensor]:
        """The candidate and the gates, `o` last, and the new memory cell."""
        i, f, g, o = ops.split(z, 4, axis=-1)
        if peepholes is not None:
            i = i + peepholes[0] * c
            f = f + peepholes[1] * c
        i, f, g = self.recurrent_activation(i), self.recurrent_activation(f), self.activation(g)
        c = self._clip(f * c + i * g)
        return (i, f, g, self.recurrent_activation(o if peepholes is None else o + peepholes[2] * c)), c

    def _clip(self, c: Tensor) -> Tensor:
        return c if self.cell_clip is None else ops.clip(c, -self.cell_clip, self.cell_clip)

    def factors(
        self, before: Tensors, after: Tensors, kept: Tensors, weights: Tensors, dropped: Tensor | None
    ) -> Tensors:
        # With d(c) the whole gradient of c(t):
        #   d(z_o) = d(h) * to_o        d(c) = d(c from t+1) + d(h) * to_c
        #   d(z_i), d(z_f), d(z_g) = d(c) * (to_i, to_f, to_g)        d(c(t-1)) = d(c) * to_before
        slope, gate_slope = derivative(self.activation), derivative(self.recurrent_activation)
        (_, c_before), (_, c), (i, f, g, o) = before, after, kept
        way_out = self.activation(c)
        to_o, to_c = way_out * gate_slope(o), o * slope(way_out)
        to_i, to_f, to_g = g * gate_slope(i), c_before * gate_slope(f), i * slope(g)
        to_before = f
        if len(weights) == 2:
            peepholes = weights[1]
            to_c = to_c + to_o * peepholes[2]
            to_before = to_before + to_i * peepholes[0] + to_f * peepholes[1]
        through = self._through(c_before * f + i * g, to_i, to_f, to_g, to_before)
        return to_o, to_c, *through

    def _through(self, c: Tensor, *factors: Tensor) -> Tensors:
        """Factors on the way through the clipping of a cell."""
        if self.cell_clip is None:
            return factors
        inside = ops.cast(ops.abs(c) <= self.cell_clip, c.dtype)
        return tuple(x * inside for x in factors)

    def step_back(
        self, dstates: Tensors, factors: Tensors, weights_back: Tensors, dropped: Tensor | None
    ) -> tuple[Tensor, Tensors]:
        dh, dc = dstates
        to_o, to_c, *to_gates, to_before = factors
        dc = dc + dh * to_c
        dz = ops.concatenate([*(dc * x for x in to_gates), dh * to_o], axis=-1)
        return dz, (times(ops.matmul(dz, weights_back[0]), dropped), dc * to_before)

    def weight_gradients(
        self,
        dz: Tensor,
        before: Tensors,
        after: Tensors,
        kept: Tensors,
        weights: Tensors,
        dropped: Tensor | None,
    ) -> Tensors:
        (h_before, c_before), (_, c) = before, after
        dkernel = summed_product(times(h_before, dropped), dz)
        if len(weights) == 1:
            return (dkernel,)
        *before_g, _, do = ops.split(dz, self.num_kept, axis=-1)
        pairs = *((d, c_before) for d in before_g), (do, c)
        return dkernel, ops.stack([ops.sum(d * x, axis=(0, 1)) for d, x in pairs])


@dataclasses.dataclass(frozen=True)
class CoupledLSTM(LSTM):
    """What is forgotten makes room for what is new: `i = 1 - f`; gates in the order f g o, peepholes f o."""

    num_kept = 3  # f g o

    def open(self, z: Tensor, c: Tensor, peepholes: Tensor | None = None) -> tuple[Tensors, Tensor]:
        f, g, o = ops.split(z, 3, axis=-1)
        f = self.recurrent_activation(f if peepholes is None else f + peepholes[0] * c)
        g = self.activation(g)
        c = self._clip(f * c + (1 - f) * g)
        return (f, g, self.recurrent_activation(o if peepholes is None else o + peepholes[1] * c)), c

    def factors(
        self, before: Tensors, after: Tensors, kept: Tensors, weights: Tensors, dropped: Tensor | None
    ) -> Tensors:
        slope, gate_slope = derivative(self.activation), derivative(self.recurrent_activation)
        (_, c_before), (_, c), (f, g, o) = before, after, kept
        way_out = self.activation(c)
        to_o, to_c = way_out * gate_slope(o), o * slope(way_out)
        to_f, to_g, to_before = (c_before - g) * gate_slope(f), (1 - f) * slope(g), f
        if len(weights) == 2:
            to_c = to_c + to_o * weights[1][1]
            to_before = to_before + to_f * weights[1][0]
        return to_o, to_c, *self._through(f * c_before + (1 - f) * g, to_f, to_g, to_before)
