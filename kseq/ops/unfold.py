"""The loop over time."""

from collections.abc import Callable
from typing import Any

from keras import ops, tree

from kseq.ops.loops import scan

Tensor = Any
States = Any  # any nested structure of tensors, batch first
Step = Callable[[Tensor, States], tuple[Tensor, States]]
Sequence = Callable[[Tensor, States, "Tensor | None"], tuple["Tensor | None", States]]


def unfold(
    step: Step,
    inputs: Tensor,
    states: States,
    initial_output: Tensor,
    *,
    project: Callable[[Tensor], Tensor] | None = None,
    sequence: Sequence | None = None,
    mask: Tensor | None = None,
    go_backwards: bool = False,
    zero_output_for_mask: bool = False,
    return_sequences: bool = True,
    unroll: bool = False,
) -> tuple[Tensor, Tensor | None, States]:
    """Apply one step at every time with shared parameters.

        (y(t), s(t)) = step(project(x(t)), s(t-1))          for t = 1 .. time

    A masked step changes nothing: the state is held, and the output repeats the last one (or is zero).

    Args:
        step: `step(x_t, states) -> (output, new_states)`, without side effects.
        inputs: `(batch, time, features)`.
        states: nested structure of `(batch, ...)` tensors, the states before the first step.
        initial_output: `(batch, units)`, what masked steps give before the first real one.
        project: applied to all time steps at once before the loop, on `(time, batch, features)`.
        sequence: computes all steps in one go, with a projection of its own, in place of a loop over
            `step`: `sequence(inputs, states, mask) -> (outputs, states)`, the output of a step being its
            first state; outputs `(batch, time, units)`, or None without `return_sequences`.
        mask: boolean `(batch, time)`, True for a real step.
        go_backwards: read the sequence from its end; the outputs come in the order of reading.
        zero_output_for_mask: give zero at masked steps in place of the last real output.
        return_sequences: keep the outputs of all steps.
        unroll: write the steps out one by one in place of a loop; needs a static time dimension.

    Returns:
        `(last_output, outputs, states)`; `outputs` is `(batch, time, units)`, or None without
        `return_sequences`.
    """
    if mask is not None:
        mask = ops.cast(mask, "bool")
    if go_backwards:
        inputs = ops.flip(inputs, axis=1)
        mask = None if mask is None else ops.flip(mask, axis=1)
    if sequence is None:
        outputs, last, states = _by_steps(
            step, inputs, states, initial_output, project, mask, return_sequences, unroll
        )
    else:
        outputs, last, states = _by_sequence(sequence, inputs, states, initial_output, mask)
    if zero_output_for_mask and mask is not None:
        last = ops.where(mask[:, -1:], last, ops.zeros_like(last))
        outputs = None if outputs is None else ops.where(mask[..., None], outputs, ops.zeros_like(outputs))
    return last, outputs, states


def time_major_mask(mask: Tensor) -> Tensor:
    """A mask `(batch, time)` as `(time, batch, 1)`."""
    # As numbers, which grappler does not turn back as it does a cast: TensorFlow's oneDNN kernels
    # write an error line to stderr when they transpose booleans.
    numbers = ops.swapaxes(ops.where(mask, 1.0, 0.0), 0, 1)
    return ops.expand_dims(numbers > 0.5, -1)


def _by_sequence(
    sequence: Sequence, inputs: Tensor, states: States, initial_output: Tensor, mask: Tensor | None
) -> tuple:
    outputs, states = sequence(inputs, states, mask)
    last = states[0]
    if mask is not None:
        last = ops.where(ops.any(mask, axis=1, keepdims=True), last, initial_output)
        if outputs is not None:
            started = ops.cumsum(ops.cast(mask, "int32"), axis=1) > 0
            outputs = ops.where(started[..., None], outputs, initial_output[:, None])
    return outputs, last, states


def _by_steps(
    step: Step,
    inputs: Tensor,
    states: States,
    initial_output: Tensor,
    project: Callable[[Tensor], Tensor] | None,
    mask: Tensor | None,
    collect: bool,
    unroll: bool,
) -> tuple:
    x = ops.swapaxes(inputs, 0, 1)  # (time, batch, features)
    x = x if project is None else project(x)

    def body(carry: Any, now: list[Tensor]) -> tuple[Any, tuple]:
        old_output, old_states = carry
        output, new_states = step(now[0], old_states)
        if mask is not None:
            keep = now[1]  # (batch, 1)
            output = ops.where(keep, output, old_output)
            new_states = tree.map_structure(
                lambda new, old: ops.where(_like_rank(keep, new), new, old), new_states, old_states
            )
        return (output, new_states), (output,) if collect else ()

    xs = [x] if mask is None else [x, time_major_mask(mask)]
    like = [initial_output] if collect else []
    (last, states), outputs = scan(body, (initial_output, states), xs, like, unroll=unroll)
    return ops.swapaxes(outputs[0], 0, 1) if collect else None, last, states


def _like_rank(mask: Tensor, x: Tensor) -> Tensor:
    return ops.reshape(mask, (-1,) + (1,) * (len(x.shape) - 1))
