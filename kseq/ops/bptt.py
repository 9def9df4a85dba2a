"""Back-propagation through time with a gradient derived by hand."""

import functools
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from kseq.ops.gradients import with_gradient
from kseq.ops.loops import scan
from kseq.ops.lowering import target
from kseq.ops.plan import join, make_plan, not_before, total
from kseq.ops.recurrence import Recurrence, Tensor, Tensors, summed_product
from kseq.ops.unfold import time_major_mask


def sequence(
    recurrence: Recurrence,
    inputs: Tensor,
    states: Tensors,
    weights: dict,
    *,
    mask: Tensor | None = None,
    dropped: Tensor | None = None,
    keep: bool = True,
    recompute: bool = False,
    collect: bool = True,
) -> tuple[Tensor | None, Tensors]:
    """Run a recurrence over whole sequences, ready to go back through time.

    The forward loop keeps only what the way back needs. The backward loop carries only what one step
    needs from the next; the gradients of inputs and weights are formed after it, each as one matrix
    product over time and batch. Long sequences go segment by segment, so that what is needed besides the
    history, four times the outputs on both ways, is there for one segment at a time.

    Args:
        recurrence: the step; must be `differentiable`.
        inputs: `(batch, time, features)`.
        states: `(batch, units)` each.
        weights: `kernel` `(features, gates * units)`, `bias` `(gates * units,)` or None, and `recurrent`, the
            weights of the step.
        mask: boolean `(batch, time)` or None; a masked step holds the states.
        dropped: `(batch, units)`, factor on `h(t-1)` where it meets the recurrent kernel, or None.
        keep: keep the history of the forward loop. Without it nothing is kept but the outputs, and should
            a gradient be asked for, the forward loop runs once more.
        recompute: keep nothing in any case, and go in segments of about `sqrt(time)` steps: on the way back
            there is the history of one segment, `O(sqrt(time))` in place of `O(time)`, for one more
            forward pass (Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016).
        collect: return the outputs of all steps, not the last states alone.

    Returns:
        `(outputs, states)`, outputs `(batch, time, units)` or None.
    """
    if dropped is None and not keep:
        found = target().sequence(recurrence, inputs, tuple(states), weights, mask, collect)
        if found is not None:
            return found
    gated = recurrence.num_kept > 0
    plan = make_plan(inputs.shape, states[0].shape[-1], gated, training=keep, recompute=recompute)
    keep = keep and not recompute
    count, biased = len(states), weights["bias"] is not None
    flat = [weights["kernel"], *([weights["bias"]] if biased else []), *weights["recurrent"]]

    loop = functools.partial(forward, recurrence, fused=plan.fused)
    go = plan.program(functools.partial(loop, keep=keep, collect=collect))
    again = plan.program(functools.partial(loop, keep=True, collect=False))
    back = plan.program(functools.partial(backward, recurrence, fused=plan.fused))

    def over(inputs: Tensor, states: Tensors, mask: Tensor | None) -> tuple[Tensor | None, Tensors]:
        def run(inputs: Tensor, *args: Tensor) -> tuple:
            states, (kernel, *flat) = args[:count], args[count:]
            bias = flat.pop(0) if biased else None
            weights = {"kernel": kernel, "bias": bias, "recurrent": tuple(flat)}
            parts = plan.split({"inputs": inputs, "states": states, "mask": mask, "dropped": dropped})
            shards = [go(part, weights) for part in parts]
            outputs = [join([shard["outputs"] for shard in shards])] if collect else []
            last = [join([shard["states"][n] for shard in shards]) for n in range(count)]
            kept = [shard["history"] for shard in shards] if keep else None

            def gradient(*given: Tensor) -> tuple:
                doutputs = given[0] if collect else None
                given = plan.split({"outputs": doutputs, "states": given[-count:]})
                found = []
                for n, (part, their) in enumerate(zip(parts, given, strict=True)):
                    history = kept[n] if keep else again(_after(part, their), weights)["history"]
                    dz, dstates = back(part, weights, history, their)
                    found.append({"states": dstates, **products(recurrence, part, weights, history, dz)})
                by_weights = [(f["kernel"], *([f["bias"]] if biased else []), *f["recurrent"]) for f in found]
                return (
                    join([f["inputs"] for f in found]),
                    *(join([f["states"][n] for f in found]) for n in range(count)),
                    *(total(pieces) for pieces in zip(*by_weights, strict=True)),
                )

            return (*outputs, *last), gradient

        results = with_gradient(run, [inputs, *states, *flat])
        return results[0] if collect else None, tuple(results[-count:])

    return _in_segments(over, plan.segment, inputs, tuple(states), mask)


def _in_segments(over: Callable, length: int | None, inputs: Tensor, states: Tensors, mask: Any) -> tuple:
    """Run a sequence function on one segment after the other, each starting where the last one ended."""
    if length is None or length >= inputs.shape[1]:
        return over(inputs, states, mask)
    ends = list(range(length, inputs.shape[1], length))
    parts = ops.split(inputs, ends, axis=1)  # not slices: the gradient of each would have all steps
    masks = [None] * len(parts) if mask is None else ops.split(mask, ends, axis=1)
    pieces = []
    for part, its_mask in zip(parts, masks, strict=True):
        outputs, states = over(part, states, its_mask)
        pieces.append(outputs)
    return None if pieces[0] is None else ops.concatenate(pieces, axis=1), states


def _after(part: dict, given: dict) -> dict:
    """The part, not to be had before the gradients that are given."""
    present = [{k: v for k, v in values.items() if v is not None} for values in (part, given)]
    return {**part, **not_before(*present)}


def forward(
    recurrence: Recurrence, part: dict, weights: dict, *, keep: bool, collect: bool, fused: bool
) -> dict:
    """Run a recurrence over whole sequences.

    Args:
        recurrence: the step.
        part: what has a batch axis: `inputs` `(batch, time, features)`, `states`, and, or None, the boolean
            `mask` `(batch, time)`, the reverse of which is held, and `dropped` `(batch, units)`.
        weights: `kernel`, `bias` (or None), `recurrent` (a tuple).
        keep: keep what `backward` needs.
        collect: give the outputs.
        fused: a compiler fuses what is elementwise into the loop.

    Returns:
        `outputs` `(batch, time, units)` or None, the last `states`, and `history`, for `backward`.
    """
    mask = _mask(part)
    dropped = part["dropped"]
    projected = ops.matmul(_inputs(part, mask), weights["kernel"])
    bias = weights["bias"]
    if bias is not None and not fused:
        projected, bias = projected + bias, None

    states = tuple(part["states"])
    count, scratch = len(states), states[:1] * recurrence.num_kept

    def body(carry: Tensors, now: list[Tensor]) -> tuple[Tensors, Tensors]:
        old = carry[:count]
        z = now[0] if bias is None else now[0] + bias
        new, kept = recurrence.step(z, old, weights["recurrent"], dropped)
        if mask is not None:
            new = tuple(ops.where(now[1], a, b) for a, b in zip(new, old, strict=True))
        return (new, (*new, *kept)) if keep else ((*new, *kept), new[:collect])

    # Without a history, what a step keeps goes round with the states and comes out at the end: values
    # that are written somewhere XLA computes once; others it computes again at each of their uses.
    start, like = (states, (*states, *scratch)) if keep else ((*states, *scratch), states[:collect])
    xs = [projected] if mask is None else [projected, mask]
    carry, steps = scan(body, start, xs, like)
    return {
        "outputs": ops.swapaxes(steps[0], 0, 1) if collect else None,
        "states": carry[:count],
        "history": {"states": steps[:count], "kept": steps[count:]} if keep else {"scratch": carry[count:]},
    }


def backward(
    recurrence: Recurrence, part: dict, weights: dict, history: dict, given: dict, *, fused: bool
) -> tuple[Tensor, Tensors]:
    """Go back through time.

    Args:
        recurrence: the step.
        part: as in `forward`.
        weights: as in `forward`.
        history: from `forward`.
        given: gradients of `outputs` and `states`.
        fused: a compiler fuses what is elementwise into the loop.

    Returns:
        `dz`, `(time, batch, gates * units)`, the gradient of the projected inputs, and that of `states`.
    """
    mask = _mask(part)
    dropped = part["dropped"]
    after, kept = history["states"], history["kept"]
    before = _before(part["states"], after)
    weights_back = recurrence.weights_back(weights["recurrent"])
    count = len(after)

    def factors(before: Tensors, after: Tensors, kept: Tensors) -> Tensors:
        return recurrence.factors(before, after, kept, weights["recurrent"], dropped)

    known = (*before, *after, *kept) if fused else factors(before, after, kept)

    def body(dstates: Tensors, now: list[Tensor]) -> tuple[Tensors, Tensors]:
        if doutputs is not None:
            doutput, *now = now
            dstates = (dstates[0] + doutput, *dstates[1:])
        held = (None,) * count
        if mask is not None:  # a masked step passes the gradient through
            *now, real = now
            held = tuple(ops.where(real, ops.zeros_like(d), d) for d in dstates)
            dstates = tuple(ops.where(real, d, ops.zeros_like(d)) for d in dstates)
        now = factors(now[:count], now[count : 2 * count], now[2 * count :]) if fused else now
        dz, dstates = recurrence.step_back(dstates, now, weights_back, dropped)
        dstates = tuple(d if h is None else d + h for d, h in zip(dstates, held, strict=True))
        return dstates, (dz,)

    doutputs = None if given["outputs"] is None else ops.swapaxes(given["outputs"], 0, 1)
    xs = [x for x in (doutputs, *known, mask) if x is not None]
    gates = keras.KerasTensor((after[0].shape[1], weights["kernel"].shape[-1]), weights["kernel"].dtype)
    dstates, (dz,) = scan(body, tuple(given["states"]), xs, [gates], reverse=True)
    return dz, dstates


def products(recurrence: Recurrence, part: dict, weights: dict, history: dict, dz: Tensor) -> dict:
    """The gradients of `inputs`, `kernel`, `bias` and `recurrent`, each one product over time and batch."""
    mask = _mask(part)
    after, kept, dropped = history["states"], history["kept"], part["dropped"]
    before = _before(part["states"], after)
    inputs = ops.matmul(dz, ops.transpose(weights["kernel"]))
    return {
        "inputs": ops.swapaxes(inputs, 0, 1),
        "kernel": summed_product(_inputs(part, mask), dz),
        "bias": None if weights["bias"] is None else ops.sum(dz, axis=(0, 1)),
        "recurrent": recurrence.weight_gradients(dz, before, after, kept, weights["recurrent"], dropped),
    }


def _before(first: Tensors, after: Tensors) -> Tensors:
    """The states before each step from those after it."""
    return tuple(ops.concatenate([x[None], later])[:-1] for x, later in zip(first, after, strict=True))


def _mask(part: dict) -> Tensor | None:
    return None if part["mask"] is None else time_major_mask(part["mask"])


def _inputs(part: dict, mask: Tensor | None) -> Tensor:
    """The inputs, time-major; zero where masked, so that no garbage reaches a product."""
    x = ops.swapaxes(part["inputs"], 0, 1)
    return x if mask is None else ops.where(mask, x, ops.zeros_like(x))
