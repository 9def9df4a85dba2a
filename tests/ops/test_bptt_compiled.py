"""The derived gradient inside compiled programs: split over the cores, of unknown shape, under outer XLA."""

import keras
import numpy as np
import pytest
from keras import ops

from kseq.ops import plan
from tests.bptt_cases import (
    ALL_OPTIONS,
    BATCH,
    CASES,
    FEATURES,
    MASKS,
    ONE_OF_EACH,
    TIME,
    UNITS,
    X,
    assert_equals_plain,
    derived_path,
    found_by,
    layer_results,
    plain,
    twin_gradients,
    value_of,
)
from tests.helpers import assert_all_close, flat, normal

tensorflow_only = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow",
    reason="only on TensorFlow the loop is split and compiled by itself",
)
not_on_torch = pytest.mark.skipif(
    keras.backend.backend() == "torch", reason="on PyTorch nothing is compiled here: tests/ops/test_bptt.py"
)


@pytest.fixture
def plans(monkeypatch):
    """Two cores, whatever the machine; collects the plans that were made."""
    from kseq.ops import bptt

    made, original = [], bptt.make_plan
    monkeypatch.setattr(plan, "num_cores", lambda: 2)
    monkeypatch.setattr(bptt, "make_plan", lambda *a, **k: made.append(original(*a, **k)) or made[-1])
    return made


@not_on_torch
@pytest.mark.parametrize("training", [True, False], ids=["training", "inference"])
@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_compiled_under_all_options_at_once(name, training, plans, monkeypatch):
    case, mask = CASES[name], MASKS["left" if training else "gaps"]
    layer = case.make(**ALL_OPTIONS)
    with derived_path(monkeypatch):
        found = found_by(lambda *a: layer_results(*a, mask, training), layer, compiled=True)
    assert_all_close(found, twin_gradients(case, layer, mask, **ALL_OPTIONS))
    if keras.backend.backend() == "tensorflow":
        split = training and name != "simple_rnn"
        assert [(p.shards, p.compiled) for p in plans] == [(2 if split else 1, True)]


@not_on_torch
@pytest.mark.parametrize("name", ["lstm"])
def test_compiled_without_a_mask_against_the_compiled_plain_loop(name, plans, monkeypatch):
    assert_equals_plain(monkeypatch, CASES[name].make(), training=(True,), compiled=True)


@tensorflow_only
@pytest.mark.parametrize(("batch", "shards"), [(7, 1), (12, 2)])
def test_batches_that_split_evenly_and_do_not(batch, shards, plans, monkeypatch):
    layer = CASES["lstm"].make()
    x, states = normal(batch, TIME, FEATURES), [normal(batch, UNITS, seed=s) for s in (1, 2)]

    def squares(function):
        def results(*args):
            return [r**2 / 3 for r in function(*args)]

        return results

    def gradient(function, compiled):
        return found_by(squares(function), layer, x, states, compiled=compiled, loss=total)

    with derived_path(monkeypatch):
        found = gradient(layer_results, compiled=True)
    assert_all_close(found, gradient(plain, compiled=False))
    assert [p.shards for p in plans] == [shards]


def total(results):
    return sum(ops.sum(r) for r in results)


@tensorflow_only
@pytest.mark.parametrize(
    ("name", "batch", "time", "mask"),
    [
        ("peephole", None, TIME, "right"),
        ("gru-after", BATCH, None, "none"),
        ("gru-before", None, None, "right"),
        ("simple_rnn", None, None, "gaps"),
    ],
)
def test_unknown_dimensions(name, batch, time, mask, plans, monkeypatch):
    import tensorflow as tf

    case, mask = CASES[name], MASKS[mask]
    layer = case.make(return_sequences=True)
    states = [tf.TensorSpec([batch, UNITS])] * case.num_states
    signature = [tf.TensorSpec([batch, time, FEATURES]), *states]

    @tf.function(input_signature=signature)
    def run(x, *states):
        with tf.GradientTape() as tape:
            tape.watch([x, *states])
            value = value_of(layer_results(layer, x, states, mask))
        return tape.gradient(value, [x, *states, *(w.value for w in layer.trainable_variables)])

    with derived_path(monkeypatch):
        found = run(*map(tf.constant, (X, *case.states)))
    assert_all_close(found, ordered(layer, twin_gradients(case, layer, mask)))
    assert [p.compiled for p in plans] == [False]


def ordered(layer, gradients):
    """What the twin found in the order of `[x, *states, *trainable_variables]`."""
    dx, dstates, dweights = gradients
    return [dx, *dstates, *(dweights[w.name] for w in layer.trainable_variables)]


@tensorflow_only
@pytest.mark.parametrize(("name", "training"), [("peephole-clip", True), ("gru-after", False)])
def test_inside_an_outer_xla_program(name, training, plans, monkeypatch):
    import tensorflow as tf

    case, mask = CASES[name], MASKS["gaps"]
    layer = case.make()

    @tf.function(jit_compile=True)
    def run(x, *states):
        with tf.GradientTape() as tape:
            tape.watch([x, *states])
            value = value_of(layer_results(layer, x, states, mask, training))
        return tape.gradient(value, [x, *states, *(w.value for w in layer.trainable_variables)])

    with derived_path(monkeypatch):
        found = run(*map(tf.constant, (X, *case.states)))
    assert_all_close(found, ordered(layer, twin_gradients(case, layer, mask)))


@not_on_torch
@pytest.mark.parametrize("name", ["peephole"])
def test_nan_in_the_padding_of_a_compiled_program(name, plans, monkeypatch):
    case, mask = CASES[name], MASKS["gaps"]
    layer, poisoned = case.make(), np.where(mask[..., None], X, np.float32(np.nan))
    with derived_path(monkeypatch):
        found = found_by(lambda *a: layer_results(*a, mask), layer, poisoned, compiled=True)
    assert all(np.isfinite(a).all() for a in flat(found))
    assert_all_close(found, twin_gradients(case, layer, mask))


@not_on_torch
@pytest.mark.parametrize("name", ["gru-after"])
def test_mixed_bfloat16_in_a_compiled_program(name, plans, monkeypatch):
    layer = CASES[name].make(dtype="mixed_bfloat16")
    with derived_path(monkeypatch):
        found = found_by(lambda *a: layer_results(*a, MASKS["gaps"]), layer, compiled=True)
    for ours, theirs in zip(
        flat(found), flat(twin_gradients(CASES[name], layer, MASKS["gaps"])), strict=True
    ):
        assert np.linalg.norm(ours - theirs) < 0.05 * np.linalg.norm(theirs)


@tensorflow_only
def test_keras_trains_on_it_with_batches_of_any_size(plans):
    """`fit` meets a last batch that is smaller than the others."""
    inputs = keras.Input((TIME, FEATURES))
    layer = CASES["gru-after"].make(return_sequences=False, return_state=False)
    model = keras.Model(inputs, layer(inputs))
    model.compile(keras.optimizers.SGD(0.1), "mse")
    x, y = normal(11, TIME, FEATURES), normal(11, UNITS, seed=1)
    history = model.fit(x, y, batch_size=BATCH, epochs=3, verbose=0).history["loss"]
    assert history[-1] < history[0]
    assert plans
