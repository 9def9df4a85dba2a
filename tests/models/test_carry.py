"""States between batches: as values, and under a model that reads a text in windows."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kseq.models import LanguageModel
from kseq.models.carry import Carry
from tests.helpers import assert_all_close, normal, randomise

SIZES = [[3, 3], [4]]
ROWS = 3


def states(rows=ROWS, seed=1):
    return [[normal(rows, 3, seed=seed), normal(rows, 3, seed=seed + 1)], [normal(rows, 4, seed=seed + 2)]]


def reset(*rows):
    return tf.constant(rows, bool)


def test_get_set_and_clear():
    carry = Carry(SIZES)
    assert carry.get() is None
    carry.set(states())
    assert_all_close(carry.get(), states(), rtol=0, atol=0)
    assert isinstance(carry.get()[0], list) and isinstance(carry.get()[0][0], np.ndarray)
    carry.set(states(5))  # another number of rows
    assert_all_close(carry.get(), states(5), rtol=0, atol=0)
    carry.clear()
    assert carry.get() is None


@pytest.mark.parametrize("compiled", [False, True])
def test_rows_start_anew_where_reset(compiled):
    carry, fresh = Carry(SIZES), states(seed=9)
    carry.set(states())
    start = tf.function(carry.start) if compiled else carry.start
    found = start(fresh, reset(False, True, False))
    expected = keras.tree.map_structure(
        lambda old, new: np.where([[False], [True], [False]], new, old), states(), fresh
    )
    assert_all_close(found, expected, rtol=0, atol=0)
    assert_all_close(start(fresh, reset(True, True, True)), fresh, rtol=0, atol=0)


@pytest.mark.parametrize("rows", [1, 2, 4, 7])
@pytest.mark.parametrize("compiled", [False, True])
def test_another_number_of_rows_starts_all_anew(rows, compiled):
    carry, fresh = Carry(SIZES), states(rows, seed=9)
    start = tf.function(carry.start) if compiled else carry.start
    assert_all_close(start(fresh, reset(*[False] * rows)), fresh, rtol=0, atol=0)  # nothing carried
    carry.set(states())
    assert_all_close(start(fresh, reset(*[False] * rows)), fresh, rtol=0, atol=0)


def test_states_keep_float32_and_come_back_in_the_dtype_of_the_batch():
    carry = Carry(SIZES)
    half = keras.tree.map_structure(lambda x: tf.cast(x, tf.bfloat16), states())
    carry.set(half)
    assert {x.dtype for x in keras.tree.flatten(carry.get())} == {np.dtype("float32")}
    assert {x.dtype for x in keras.tree.flatten(carry.start(half, reset(*[False] * ROWS)))} == {tf.bfloat16}


def test_it_is_no_weight_and_round_trips_its_config():
    carry = Carry(SIZES, name="mine")
    assert carry.count_params() == 0 and not carry.trainable_variables
    copy = Carry.from_config(carry.get_config())
    assert copy.get_config() == carry.get_config()


# under a model

VOCABULARY, UNITS = 11, 5


def make(cell="peephole_lstm", **options):
    model = LanguageModel(VOCABULARY, cell, UNITS, 2, **{"seed": 3, **options})
    model.build()
    return randomise(model)


def tokens(rows, time, seed=0):
    return np.random.default_rng(seed).integers(3, VOCABULARY, (rows, time)).astype("int32")


def batch(tokens, reset=False):
    return {"tokens": tokens, "reset": np.broadcast_to(np.array(reset), len(tokens))}


def fresh(model, tokens):
    return model.forward(tokens, model.initial_states(len(tokens)))[0]


@pytest.mark.slow
@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
@pytest.mark.parametrize("cell", ["simple_rnn", "jordan_rnn", "lstm", "peephole_lstm", "gru", "simple_gru"])
def test_windows_of_any_length_read_what_one_pass_reads(cell, training):
    model, text = make(cell), tokens(3, 20)
    for cuts in ([20], [7, 1, 12], [1] * 3 + [17]):
        edges = np.cumsum([0, *cuts])
        parts = [
            model(batch(text[:, a:b], a == 0), training=training)
            for a, b in zip(edges[:-1], edges[1:], strict=True)
        ]
        assert_all_close(np.concatenate(parts, axis=1), fresh(model, text))


def test_rows_begin_a_new_text_where_the_stream_says_so():
    model, first, second = make(), tokens(2, 4), tokens(2, 3, seed=1)
    model(batch(first, True))
    found = model(batch(second, [False, True]))
    assert_all_close(found[0], fresh(model, np.concatenate([first, second], 1))[0, 4:])
    assert_all_close(found[1], fresh(model, second)[1])


def test_training_and_evaluation_carry_their_own_states_and_plain_tokens_none():
    model, first, second = make(), tokens(2, 4), tokens(2, 3, seed=1)
    model(batch(first, True), training=True)
    assert model.evaluation_carry.get() is None
    before = model.training_carry.get()
    model(batch(tokens(4, 6, seed=2), True), training=False)
    model(tokens(2, 5, seed=3), training=True)
    assert_all_close(model.training_carry.get(), before, rtol=0, atol=0)
    found = model(batch(second), training=True)
    assert_all_close(found, fresh(model, np.concatenate([first, second], 1))[:, 4:])


def test_states_can_be_read_and_set():
    model, first, second = make(), tokens(2, 4), tokens(2, 3, seed=1)
    _, after_first = model.forward(first, model.initial_states(2))
    model.evaluation_carry.set(after_first)
    model(batch(second))
    _, after_both = model.forward(np.concatenate([first, second], 1), model.initial_states(2))
    assert_all_close(model.evaluation_carry.get(), after_both)


def test_states_are_saved_with_the_model(tmp_path):
    model, first, second = make(), tokens(2, 4), tokens(2, 3, seed=1)
    model(batch(first, True))
    model(batch(tokens(3, 4), True), training=True)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for name in ("evaluation_carry", "training_carry"):
        assert_all_close(getattr(loaded, name).get(), getattr(model, name).get(), rtol=0, atol=0)
    assert_all_close(loaded(batch(second)), model(batch(second)))
    loaded.evaluation_carry.clear()
    loaded.save(tmp_path / "empty.keras")
    assert keras.saving.load_model(tmp_path / "empty.keras").evaluation_carry.get() is None


def test_every_step_of_a_traced_function_carries_on():
    model, text = make(), tokens(2, 12)
    signature = {"tokens": tf.TensorSpec([None, None], tf.int32), "reset": tf.TensorSpec([None], tf.bool)}
    call = tf.function(lambda inputs: model(inputs), input_signature=[signature])
    cuts = [(0, 5), (5, 6), (6, 12)]
    parts = [call(batch(text[:, a:b], a == 0)) for a, b in cuts]
    assert_all_close(np.concatenate(parts, axis=1), fresh(model, text))
    alone = call(batch(text[:1]))  # one row after two
    assert_all_close(alone, fresh(model, text[:1]))
