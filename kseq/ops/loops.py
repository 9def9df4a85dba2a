"""Loops over time, one per backend."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops, tree

from kseq.ops.lowering import target

Tensor = Any
Body = Callable[[Any, list[Tensor]], tuple[Any, tuple[Tensor, ...]]]


def scan(
    body: Body,
    carry: Any,
    xs: Sequence[Tensor],
    like: Sequence[Tensor] = (),
    *,
    reverse: bool = False,
    unroll: bool = False,
) -> tuple[Any, tuple[Tensor, ...]]:
    """Run `carry, outputs = body(carry, [x[t] for x in xs])` over the first axis of `xs`.

    Args:
        body: one step, without side effects.
        carry: nested structure of tensors; keeps its shapes.
        xs: tensors with time in front.
        like: for each output of a step a tensor of its shape and dtype.
        reverse: go from the last step to the first; outputs stay at their time.
        unroll: write the steps out one by one; needs a static time dimension.

    Returns:
        `(carry, outputs)`, each output with time in front.
    """
    if unroll or target().unroll:
        return _written_out(body, carry, xs, reverse)
    if keras.backend.backend() == "tensorflow":
        return _tensorflow(body, carry, xs, like, reverse)
    return ops.scan(body, carry, list(xs), reverse=reverse)


def _written_out(body: Body, carry: Any, xs: Sequence[Tensor], reverse: bool) -> tuple:
    times = range(xs[0].shape[0])
    steps = []
    for t in reversed(times) if reverse else times:
        carry, outputs = body(carry, [x[t] for x in xs])
        steps.append(outputs)
    return carry, tuple(
        ops.stack(values) for values in zip(*(steps[::-1] if reverse else steps), strict=True)
    )


def _tensorflow(body: Body, carry: Any, xs: Sequence[Tensor], like: Sequence[Tensor], reverse: bool) -> tuple:
    # keras.ops.scan on TensorFlow demands outputs of the carry's structure and keeps the carry in
    # TensorArrays, which costs a third more time; equal otherwise (tests/ops/test_loops.py).
    import tensorflow as tf

    static_time = xs[0].shape[0]
    time = static_time if static_time is not None else tf.shape(xs[0])[0]
    arrays = [tf.TensorArray(x.dtype, time, element_shape=x.shape[1:]).unstack(x) for x in xs]
    outputs = [tf.TensorArray(x.dtype, time, element_shape=x.shape) for x in like]
    flat = [tf.convert_to_tensor(x) for x in tree.flatten(carry)]

    def iterate(n: Tensor, flat_carry: list[Tensor], outputs: list) -> tuple:
        t = time - 1 - n if reverse else n
        new, values = body(tree.pack_sequence_as(carry, flat_carry), [a.read(t) for a in arrays])
        flat_new = tree.flatten(new)
        for after, before in zip(flat_new, flat_carry, strict=True):
            after.set_shape(before.shape.merge_with(after.shape))
        return n + 1, flat_new, [a.write(t, value) for a, value in zip(outputs, values, strict=True)]

    _, flat, outputs = tf.while_loop(
        lambda n, *_: n < time,
        iterate,
        (tf.constant(0), flat, outputs),
        maximum_iterations=time,
        shape_invariants=(tf.TensorShape([]), [x.shape for x in flat], [tf.TensorShape(None)] * len(outputs)),
    )
    stacked = tuple(a.stack() for a in outputs)
    for x, one in zip(stacked, like, strict=True):
        x.set_shape([static_time, *one.shape])
    return tree.pack_sequence_as(carry, flat), stacked
