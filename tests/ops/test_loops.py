"""The loop of each backend against `keras.ops.scan` and against steps written out in NumPy."""

import keras
import numpy as np
import pytest
from keras import ops

from kseq.ops.loops import scan
from tests.gradients import gradients
from tests.helpers import assert_all_close, normal

TIME, BATCH, WIDTH = 6, 3, 4
A, B = normal(TIME, BATCH, WIDTH, seed=1), normal(TIME, BATCH, 1, seed=2)
START = {"vector": normal(BATCH, WIDTH, seed=3), "pair": [normal(BATCH, 1, seed=4)]}

directions = pytest.mark.parametrize("reverse", [False, True], ids=["forwards", "backwards"])
both_loops = pytest.mark.parametrize("unroll", [False, True], ids=["loop", "unrolled"])


def body(carry, now, tanh=ops.tanh):
    """Two outputs of different widths, neither of them the carry; every carry depends on every other."""
    a, b = now
    (scalar,) = carry["pair"]
    vector = tanh(a + 0.5 * carry["vector"] * b - scalar)
    return {"vector": vector, "pair": [0.9 * scalar + vector[:, :1]]}, (2.0 * vector + b, scalar - b)


def twin(reverse):
    carry, outputs = START, [None] * TIME
    for t in reversed(range(TIME)) if reverse else range(TIME):
        carry, outputs[t] = body(carry, [A[t], B[t]], np.tanh)
    return carry, tuple(np.stack(values) for values in zip(*outputs, strict=True))


def tensors(nest):
    return keras.tree.map_structure(ops.convert_to_tensor, nest)


def run(body=body, like=(A[0], B[0]), **options):
    return scan(body, tensors(START), tensors([A, B]), tensors(list(like)), **options)


@both_loops
@directions
def test_equals_the_steps_written_out(reverse, unroll):
    carry, outputs = run(reverse=reverse, unroll=unroll)
    expected_carry, expected = twin(reverse)
    assert_all_close([carry, outputs], [expected_carry, expected])
    assert set(carry) == {"vector", "pair"} and isinstance(outputs, tuple)
    assert [tuple(x.shape) for x in outputs] == [(TIME, BATCH, WIDTH), (TIME, BATCH, 1)]


@directions
def test_equals_the_scan_of_keras(reverse):
    """That of TensorFlow wants outputs like the carry, so here they are."""

    def same(carry, now):
        carry, _ = body(carry, now)
        return carry, (carry["vector"], carry["pair"][0])

    def keras_body(carry, now):
        carry, _ = body({"vector": carry[0], "pair": [carry[1]]}, now)
        carry = [carry["vector"], carry["pair"][0]]
        return carry, carry

    carry, outputs = run(same, reverse=reverse)
    start = tensors([START["vector"], START["pair"][0]])
    expected_carry, expected = ops.scan(keras_body, start, tensors([A, B]), reverse=reverse)
    assert_all_close([carry["vector"], *carry["pair"], *outputs], [*expected_carry, *expected])


@both_loops
@directions
def test_no_outputs(reverse, unroll):
    carry, outputs = run(lambda *a: (body(*a)[0], ()), (), reverse=reverse, unroll=unroll)
    assert outputs == ()
    assert_all_close(carry, twin(reverse)[0])


@both_loops
def test_one_step(unroll):
    carry, outputs = scan(body, tensors(START), tensors([A[:1], B[:1]]), tensors([A[0], B[0]]), unroll=unroll)
    expected_carry, expected = body(START, [A[0], B[0]], np.tanh)
    assert_all_close([carry, outputs], [expected_carry, [x[None] for x in expected]])


@directions
def test_gradients_are_those_of_the_steps_written_out(reverse):
    def loss(unroll):
        def value(a, b):
            carry, outputs = scan(
                body, tensors(START), [a, b], tensors([A[0], B[0]]), reverse=reverse, unroll=unroll
            )
            return ops.sum(carry["vector"]) + sum(ops.sum(x**2) for x in outputs)

        return value

    loop, unrolled = (gradients(loss(unroll), [A, B], compiled=True)[0] for unroll in (False, True))
    assert_all_close(loop, unrolled)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="shapes are always known elsewhere")
@directions
@pytest.mark.parametrize("time", [None, TIME], ids=["unknown_time", "known_time"])
def test_unknown_shapes(time, reverse):
    import tensorflow as tf

    specs = [tf.TensorSpec([time, None, WIDTH]), tf.TensorSpec([time, None, 1])]
    shapes = []

    @tf.function(input_signature=specs)
    def compiled(a, b):
        carry, outputs = scan(body, tensors(START), [a, b], [a[0], b[0]], reverse=reverse)
        shapes.extend(x.shape.as_list() for x in outputs)
        return carry, outputs

    assert_all_close(compiled(*tensors([A, B])), twin(reverse))
    assert [shape[::2] for shape in shapes] == [[time, WIDTH], [time, 1]]
