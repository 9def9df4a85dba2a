"""The step of long short-term memory."""

from collections.abc import Callable
from typing import Any

from keras import ops

Tensor = Any


def lstm_step(
    z: Tensor,
    c: Tensor,
    peepholes: Tensor | None = None,
    cell_clip: float | None = None,
    activation: Callable[[Tensor], Tensor] = ops.tanh,
    recurrent_activation: Callable[[Tensor], Tensor] = ops.sigmoid,
) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
    """One step from the summed inputs of the gates; equations in `kseq.cells.PeepholeLSTMCell`.

    Args:
        z: `(batch, 4 * units)`, `x(t) W + h(t-1) U + b` of the gates i f g o.
        c: `(batch, units)`, the cell before the step.
        peepholes: `(3, units)` in the order i f o, or None.
        cell_clip: bound of the absolute value of the new cell, or None.
        activation: of the candidate and the output.
        recurrent_activation: of the gates.

    Returns:
        `(h, c, (i, f, g, o))`, each `(batch, units)`.
    """
    i, f, g, o = ops.split(z, 4, axis=-1)
    if peepholes is not None:
        i = i + peepholes[0] * c
        f = f + peepholes[1] * c
    i, f, g = recurrent_activation(i), recurrent_activation(f), activation(g)
    c = f * c + i * g
    if cell_clip is not None:
        c = ops.clip(c, -cell_clip, cell_clip)
    o = recurrent_activation(o if peepholes is None else o + peepholes[2] * c)
    return o * activation(c), c, (i, f, g, o)
