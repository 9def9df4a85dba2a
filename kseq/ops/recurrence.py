"""The loop over time."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops, tree

Tensor = Any
States = Any  # any nested structure of tensors, batch first
Step = Callable[[Tensor, States], tuple[Tensor, States]]
Sequence = Callable[[Tensor, States, "Tensor | None"], tuple[Tensor, States]]


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
        sequence: computes all steps in one go in place of a loop over `step`:
            `sequence(projected, states, mask) -> (outputs, states)`, everything time-major, mask
            `(time, batch, 1)` or None, the output of a masked step equal to that before it.
        mask: boolean `(batch, time)`, True for a real step.
        go_backwards: read the sequence from its end; the outputs come in the order of reading.
        zero_output_for_mask: give zero at masked steps in place of the last real output.
        return_sequences: keep the outputs of all steps.
        unroll: write the steps out one by one in place of a loop; needs a static time dimension.

    Returns:
        `(last_output, outputs, states)`; `outputs` is `(batch, time, units)`, or None without
        `return_sequences`.
    """
    x = ops.swapaxes(inputs, 0, 1)  # (time, batch, features)
    if mask is not None:
        # As numbers, which grappler does not turn back as it does a cast: TensorFlow's oneDNN kernels
        # write an error line to stderr when they transpose booleans.
        mask = ops.swapaxes(ops.where(ops.cast(mask, "bool"), 1.0, 0.0), 0, 1)
        mask = ops.expand_dims(mask > 0.5, -1)  # (time, batch, 1)
    if go_backwards:
        x = ops.flip(x, axis=0)
        mask = None if mask is None else ops.flip(mask, axis=0)
    x = x if project is None else project(x)
    if sequence is None:
        loop = _loop_python if unroll else _loop_of_backend()
        (last, states), outputs = loop(
            _masked(step), (initial_output, states), [x] if mask is None else [x, mask], return_sequences
        )
    else:
        outputs, states = sequence(x, states, mask)
        if mask is not None:
            started = ops.cumsum(ops.cast(mask, "int32"), axis=0) > 0
            outputs = ops.where(started, outputs, initial_output)
        last = outputs[-1]
    if zero_output_for_mask and mask is not None:
        last = ops.where(mask[-1], last, ops.zeros_like(last))
        outputs = None if outputs is None else ops.where(mask, outputs, ops.zeros_like(outputs))
    if not return_sequences:
        return last, None, states
    return last, ops.swapaxes(outputs, 0, 1), states


def _masked(step: Step) -> Callable:
    """A loop body that holds output and states where the mask, the second input, is False."""

    def body(carry: Any, x: list[Tensor]) -> tuple[Any, Tensor]:
        old_output, old_states = carry
        output, new_states = step(x[0], old_states)
        if len(x) == 1:
            return (output, new_states), output
        keep = x[1]  # (batch, 1)
        output = ops.where(keep, output, old_output)
        new_states = tree.map_structure(
            lambda new, old: ops.where(_like_rank(keep, new), new, old), new_states, old_states
        )
        return (output, new_states), output

    return body


def _like_rank(mask: Tensor, x: Tensor) -> Tensor:
    return ops.reshape(mask, (-1,) + (1,) * (len(x.shape) - 1))


def _loop_of_backend() -> Callable:
    return _loop_tensorflow if keras.backend.backend() == "tensorflow" else _loop_scan


def _loop_python(body: Callable, carry: Any, xs: list[Tensor], collect: bool) -> tuple:
    outputs = []
    for t in range(xs[0].shape[0]):
        carry, output = body(carry, [x[t] for x in xs])
        outputs.append(output)
    return carry, ops.stack(outputs) if collect else None


def _loop_scan(body: Callable, carry: Any, xs: list[Tensor], collect: bool) -> tuple:
    def keep_carry_only(carry: Any, x: list[Tensor]) -> tuple[Any, None]:
        return body(carry, x)[0], None

    return ops.scan(body if collect else keep_carry_only, carry, xs)


def _loop_tensorflow(body: Callable, carry: Any, xs: list[Tensor], collect: bool) -> tuple:
    # keras.ops.scan on TensorFlow demands outputs of the carry's structure and keeps the carry in
    # TensorArrays, which costs a third more time; equal otherwise (tests/ops/test_recurrence.py).
    import tensorflow as tf

    time = tf.shape(xs[0])[0]
    arrays = [tf.TensorArray(x.dtype, size=time).unstack(x) for x in xs]
    flat = [tf.convert_to_tensor(x) for x in tree.flatten(carry)]
    outputs = tf.TensorArray(flat[0].dtype, size=time if collect else 0, element_shape=flat[0].shape)

    def iterate(t: Tensor, flat_carry: list[Tensor], outputs: Any) -> tuple:
        new_carry, output = body(
            tree.pack_sequence_as(carry, flat_carry), [array.read(t) for array in arrays]
        )
        if collect:
            outputs = outputs.write(t, output)
        flat_new = tree.flatten(new_carry)
        for new, old in zip(flat_new, flat_carry, strict=True):
            new.set_shape(old.shape.merge_with(new.shape))
        return t + 1, flat_new, outputs

    _, flat, outputs = tf.while_loop(
        lambda t, *_: t < time,
        iterate,
        (tf.constant(0), flat, outputs),
        maximum_iterations=xs[0].shape[0] if xs[0].shape[0] is not None else time,
        shape_invariants=(
            tf.TensorShape([]),
            [x.shape for x in flat],
            tf.TensorShape(None),
        ),
    )
    if not collect:
        return tree.pack_sequence_as(carry, flat), None
    stacked = outputs.stack()
    stacked.set_shape([xs[0].shape[0], *flat[0].shape])
    return tree.pack_sequence_as(carry, flat), stacked
