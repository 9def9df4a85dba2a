"""Long short-term memory over a whole sequence on TensorFlow, gradient derived by hand.

Everything here is time-major: `(time, batch, ...)`. The equations are those of
`kseq.cells.PeepholeLSTMCell`; `docs/bptt.md` derives the gradient.
"""

import functools
import os
from typing import Any

import tensorflow as tf

from kseq.ops.lstm import lstm_step

Tensor = Any
MIN_SHARD = 4  # rows of a batch below which a loop of their own does not pay


def lstm_sequence(
    projected: Tensor,
    h0: Tensor,
    c0: Tensor,
    recurrent_kernel: Tensor,
    peepholes: Tensor | None = None,
    mask: Tensor | None = None,
    recurrent_mask: Tensor | None = None,
    cell_clip: float | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Run the recurrence forward, ready to go back through time.

    The forward loop keeps the gates and the cell. The backward loop carries only what one step needs
    from the next: its factors are formed for all steps at once before it, and the gradients of all
    weights after it, as one matrix product over `(time * batch)`.

    Args:
        projected: `(time, batch, 4 * units)`.
        h0: `(batch, units)`.
        c0: `(batch, units)`.
        recurrent_kernel: `(units, 4 * units)`.
        peepholes: `(3, units)` or None.
        mask: boolean `(time, batch, 1)` or None; a masked step holds `h` and `c`.
        recurrent_mask: `(batch, units)`, factor on `h(t-1)` inside the gates, or None.
        cell_clip: bound of the absolute value of `c`, or None.

    Returns:
        `(h, h_last, c_last)`, h `(time, batch, units)`.
    """
    constants = {"mask": mask, "recurrent_mask": recurrent_mask}
    weights = [recurrent_kernel] if peepholes is None else [recurrent_kernel, peepholes]
    shards = _num_shards(projected)
    forward, backward = _programs(cell_clip, _may_compile(projected))

    @tf.custom_gradient
    def run(projected: Tensor, h0: Tensor, c0: Tensor, *weights: Tensor) -> tuple:
        parts = _split({"projected": projected, "h0": h0, "c0": c0, **constants}, shards)
        kept = [forward(part, list(weights)) for part in parts]  # i f g o c h of every shard
        h = _concat([k["h"] for k in kept], axis=1)

        def gradient(dh: Tensor, dh_last: Tensor, dc_last: Tensor) -> tuple:
            given = _split({"dh": dh, "dh_last": dh_last, "dc_last": dc_last}, shards)
            back = [
                backward(k, part, g, list(weights)) for k, part, g in zip(kept, parts, given, strict=True)
            ]
            dz = _concat([b["dz"] for b in back], axis=1)
            c = _concat([k["c"] for k in kept], axis=1)
            dweights = _weight_gradients(dz, h, c, h0, c0, recurrent_mask, len(weights) == 2)
            dh0, dc0 = (_concat([b[name] for b in back], axis=0) for name in ("dh0", "dc0"))
            return dz, dh0, dc0, *dweights

        c_last = _concat([k["c"][-1] for k in kept], axis=0)
        return (h, h[-1], c_last), gradient

    return run(projected, h0, c0, *weights)


def _forward(part: dict, weights: list[Tensor], cell_clip: float | None) -> dict:
    """The loop forward; keeps the gates, the cell and the output of every step."""
    kernel, peepholes = weights[0], weights[1] if len(weights) == 2 else None
    mask, recurrent_mask = part.get("mask"), part.get("recurrent_mask")
    steps = _Steps(part["projected"], mask)

    def body(t: Tensor, h: Tensor, c: Tensor, kept: tuple) -> tuple:
        seen = h if recurrent_mask is None else h * recurrent_mask
        z = steps.read(0, t) + tf.matmul(seen, kernel)
        h_new, c_new, gates = lstm_step(z, c, peepholes, cell_clip)
        if mask is not None:
            keep = steps.read(1, t)
            h_new, c_new = tf.where(keep, h_new, h), tf.where(keep, c_new, c)
        values = (*gates, c_new, h_new)
        return t + 1, h_new, c_new, tuple(a.write(t, v) for a, v in zip(kept, values, strict=True))

    h0, c0 = part["h0"], part["c0"]
    arrays = tuple(steps.array(h0) for _ in range(6))
    *_, arrays = tf.while_loop(
        lambda t, *_: t < steps.time, body, (0, h0, c0, arrays), maximum_iterations=steps.time
    )
    return dict(zip("ifgoch", (a.stack() for a in arrays), strict=True))


def _backward(kept: dict, part: dict, given: dict, weights: list[Tensor], cell_clip: float | None) -> dict:
    """The loop back; gives the gradient of the gates' summed inputs and of the first states."""
    i, f, g, o, c = (kept[name] for name in "ifgoc")
    kernel, peepholes = weights[0], weights[1] if len(weights) == 2 else None
    mask, recurrent_mask = part.get("mask"), part.get("recurrent_mask")
    c_before = tf.concat([part["c0"][None], c[:-1]], axis=0)

    # What one step multiplies, for all steps at once. With d(c) the whole gradient of c(t):
    #   d(z_o) = d(h) * to_o        d(c) = d(c from t+1) + d(h) * to_c
    #   d(z_i), d(z_f), d(z_g) = d(c) * (to_i, to_f, to_g)        d(c(t-1)) = d(c) * to_before
    tanh_c = tf.tanh(c)
    to_o = tanh_c * o * (1 - o)
    to_c = o * (1 - tanh_c * tanh_c)
    to_i, to_f, to_g = g * i * (1 - i), c_before * f * (1 - f), i * (1 - g * g)
    to_before = f
    if peepholes is not None:
        to_c += to_o * peepholes[2]
        to_before += to_i * peepholes[0] + to_f * peepholes[1]
    if cell_clip is not None:
        inside = tf.cast(tf.abs(c_before * f + i * g) <= cell_clip, c.dtype)
        to_i, to_f, to_g, to_before = (x * inside for x in (to_i, to_f, to_g, to_before))
    hold = None
    if mask is not None:  # a masked step passes both gradients through
        real = tf.cast(mask, c.dtype)
        hold = 1 - real
        to_o, to_c, to_i, to_f, to_g = (x * real for x in (to_o, to_c, to_i, to_f, to_g))
        to_before = to_before * real + hold

    steps = _Steps(given["dh"], to_o, to_c, to_i, to_f, to_g, to_before, hold)
    kernel_t = tf.transpose(kernel)  # once: a transposed product in every step takes three times as long

    def body(t: Tensor, dh: Tensor, dc: Tensor, dz_all: tf.TensorArray) -> tuple:
        dh = dh + steps.read(0, t)
        dc = dc + dh * steps.read(2, t)
        to_gates = [dc * steps.read(n, t) for n in (3, 4, 5)]
        dz = tf.concat([*to_gates, dh * steps.read(1, t)], axis=-1)
        dh_before = tf.matmul(dz, kernel_t)
        if recurrent_mask is not None:
            dh_before = dh_before * recurrent_mask
        if hold is not None:
            dh_before = dh_before + dh * steps.read(7, t)
        return t - 1, dh_before, dc * steps.read(6, t), dz_all.write(t, dz)

    _, dh0, dc0, dz_all = tf.while_loop(
        lambda t, *_: t >= 0,
        body,
        (steps.time - 1, given["dh_last"], given["dc_last"], steps.array(part["projected"][0])),
        maximum_iterations=steps.time,
    )
    return {"dz": dz_all.stack(), "dh0": dh0, "dc0": dc0}


def _weight_gradients(
    dz: Tensor, h: Tensor, c: Tensor, h0: Tensor, c0: Tensor, recurrent_mask: Tensor | None, peepholes: bool
) -> list[Tensor]:
    units = h.shape[-1]
    h_before = tf.concat([h0[None], h[:-1]], axis=0)
    if recurrent_mask is not None:
        h_before = h_before * recurrent_mask
    dkernel = tf.matmul(tf.reshape(h_before, (-1, units)), tf.reshape(dz, (-1, 4 * units)), transpose_a=True)
    if not peepholes:
        return [dkernel]
    c_before = tf.concat([c0[None], c[:-1]], axis=0)
    di, df, _, do = tf.split(dz, 4, axis=-1)
    pairs = ((di, c_before), (df, c_before), (do, c))
    return [dkernel, tf.stack([tf.reduce_sum(d * x, axis=(0, 1)) for d, x in pairs])]


class _Steps:
    """Time-major tensors to be read step by step inside a loop."""

    def __init__(self, *tensors: Tensor | None):
        first = tensors[0]
        self.time = first.shape[0] if first.shape[0] is not None else tf.shape(first)[0]
        self._arrays = [None if x is None else self.array(x[0], x.dtype).unstack(x) for x in tensors]

    def read(self, n: int, t: Tensor) -> Tensor:
        return self._arrays[n].read(t)

    def array(self, like: Tensor, dtype: Any = None) -> tf.TensorArray:
        return tf.TensorArray(dtype or like.dtype, self.time, element_shape=like.shape)


def _programs(cell_clip: float | None, compiled: bool) -> tuple:
    forward = functools.partial(_forward, cell_clip=cell_clip)
    backward = functools.partial(_backward, cell_clip=cell_clip)
    if not compiled:
        return forward, backward
    # new ones for each trace of the model: one that lives longer would warn of retracing at a new shape
    options = {"jit_compile": True, "autograph": False}
    return tf.function(forward, **options), tf.function(backward, **options)


def _may_compile(x: Tensor) -> bool:
    # XLA compiles anew for every shape: only shapes that are known beforehand are worth it
    return not tf.executing_eagerly() and x.shape.is_fully_defined()


def _num_shards(x: Tensor) -> int:
    """How many loops of their own the batch is split into, so that they run on all cores at once."""
    batch = x.shape[1]
    cores = tf.config.threading.get_inter_op_parallelism_threads() or os.cpu_count() or 1
    if tf.executing_eagerly() or batch is None:
        return 1
    possible = [n for n in range(1, cores + 1) if batch % n == 0 and batch // n >= MIN_SHARD]
    return max(possible, default=1)


def _split(tensors: dict[str, Tensor | None], shards: int) -> list[dict[str, Tensor]]:
    """Cut along the batch: axis 1 of sequences, axis 0 of states."""
    present = {name: x for name, x in tensors.items() if x is not None}
    if shards == 1:
        return [present]
    cut = {n: tf.split(x, shards, axis=1 if x.shape.rank == 3 else 0) for n, x in present.items()}
    return [{name: pieces[k] for name, pieces in cut.items()} for k in range(shards)]


def _concat(pieces: list[Tensor], axis: int) -> Tensor:
    return pieces[0] if len(pieces) == 1 else tf.concat(pieces, axis)
