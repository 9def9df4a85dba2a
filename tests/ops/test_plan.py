"""How the loop over time is to run, and that splitting and joining lose nothing."""

import dataclasses

import keras
import numpy as np
import pytest

from kseq.ops import plan
from kseq.ops.plan import MAX_UNITS, MIN_ROWS, Plan, join, make_plan, total
from tests.helpers import assert_all_close, normal

tensorflow_only = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="only on TensorFlow is there something to decide"
)


@pytest.fixture(autouse=True)
def four_cores(monkeypatch):
    monkeypatch.setattr(plan, "num_cores", lambda: 4)


def planned(shape=(32, 5, 3), units=8, gated=True, training=True):
    """The plan of a traced model."""
    return make_plan(shape, units, gated, training=training, eager=False)


def test_other_backends_and_eager_execution_run_one_loop_that_is_not_compiled_by_itself():
    found = make_plan((32, 5, 3), 8, True, training=True)
    assert (found.shards, found.compiled) == (1, False)
    assert found.reason and found.fused == (keras.backend.backend() == "jax")


@tensorflow_only
@pytest.mark.parametrize("shape", [(None, 5, 3), (32, None, 3), (None, None, 3)])
def test_unknown_shapes_are_not_compiled(shape):
    found = planned(shape)
    assert (found.shards, found.compiled, found.fused) == (1, False, False)
    assert "not known" in found.reason


@tensorflow_only
@pytest.mark.parametrize(
    ("batch", "shards"),
    [
        (4 * MIN_ROWS, 4),
        (4 * MIN_ROWS - 1, 3),  # 15 rows: 3 x 5
        (2 * MIN_ROWS, 2),
        (2 * MIN_ROWS - 1, 1),
        (1, 1),
        (31, 1),
        (6 * MIN_ROWS, 4),
    ],
)
def test_training_a_gated_unit_is_split_as_far_as_rows_and_cores_go(batch, shards):
    found = planned((batch, 5, 3))
    assert (found.shards, found.compiled, found.fused) == (shards, True, True)


@tensorflow_only
@pytest.mark.parametrize(
    ("options", "shards"),
    [
        ({"units": MAX_UNITS}, 4),
        ({"units": MAX_UNITS + 1}, 1),
        ({"training": False}, 1),
        ({"gated": False}, 1),
    ],
)
def test_what_is_all_matrix_product_is_one_program(options, shards):
    found = planned(**options)
    assert (found.shards, found.compiled) == (shards, True)


@tensorflow_only
def test_eager_execution_is_seen():
    import tensorflow as tf

    found = []

    @tf.function
    def trace(x):
        found.append(make_plan(x.shape, 8, True, training=True))
        return x

    trace(tf.zeros((32, 5, 3)))
    assert found == [planned()]


@tensorflow_only
def test_every_plan_gives_its_reason():
    plans = planned(), planned(training=False), planned((None, 5, 3))
    assert len({p.reason for p in plans}) == 3


def test_one_shard_is_what_was_given():
    part = {"x": object(), "none": None}
    assert Plan().split(part) == [part] and Plan().split(part)[0] is part


@tensorflow_only
def test_split_cuts_the_batch_and_join_puts_it_together():
    x, pair = normal(6, 3), (normal(6, 2, seed=1), normal(6, 1, 4, seed=2))
    parts = Plan(shards=3).split({"x": x, "pair": pair, "none": None})
    assert len(parts) == 3 and all(p["none"] is None and len(p["pair"]) == 2 for p in parts)
    assert_all_close(join([p["x"] for p in parts]), x, rtol=0, atol=0)
    for n in (0, 1):
        assert_all_close(join([p["pair"][n] for p in parts]), pair[n], rtol=0, atol=0)
    assert_all_close(parts[1]["x"], x[2:4], rtol=0, atol=0)


def test_total_is_the_sum():
    pieces = [keras.ops.convert_to_tensor(normal(3, seed=n)) for n in range(3)]
    assert_all_close(total(pieces), np.sum([normal(3, seed=n) for n in range(3)], axis=0), rtol=1e-6)
    assert total(pieces[:1]) is pieces[0]


@tensorflow_only
def test_only_a_compiled_plan_compiles():
    def double(x):
        return 2 * x

    assert Plan().program(double) is double
    compiled = dataclasses.replace(Plan(), compiled=True).program(double)
    assert compiled is not double and float(compiled(keras.ops.ones(()))) == 2
