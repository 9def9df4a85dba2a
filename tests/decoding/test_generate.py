"""Generation from a Markov chain whose state counts the steps: a step function without a model."""

import keras
import numpy as np
import pytest
from keras import ops

from kseq.decoding import check_options, generate, random_numbers, stream
from kseq.errors import UserError
from tests.helpers import normal, to_numpy

VOCABULARY, BATCH, LENGTH = 6, 3, 25
TABLE = 2 * normal(3, VOCABULARY, VOCABULARY)  # by phase and last id
TABLE -= np.log(np.exp(TABLE).sum(-1, keepdims=True))


def step(last_ids, states):
    phase = ops.cast(states["phase"][0][:, 0], "int32")
    rows = ops.take(ops.convert_to_tensor(TABLE.reshape(-1, VOCABULARY)), phase * VOCABULARY + last_ids, 0)
    return rows, {"phase": ((states["phase"][0] + 1) % 3,)}


def first(batch=BATCH):
    ids = ops.convert_to_tensor(np.arange(batch, dtype="int32") % VOCABULARY)
    return step(ids, {"phase": (ops.zeros((batch, 1)),)})


def generated(uniform, **options):
    return to_numpy(generate(step, *first(uniform.shape[1]), uniform, **options))


OPTIONS = [
    {},
    {"temperature": 0.0},
    {"temperature": 0, "top_k": 3, "top_p": 0.5},
    {"temperature": 0.4},
    {"top_k": 2},
    {"top_p": 0.6, "banned": (2, 4)},
]
every_option = pytest.mark.parametrize("options", OPTIONS, ids=str)


@every_option
def test_generate_writes_what_stream_writes(options):
    uniform = random_numbers(LENGTH, BATCH, seed=5)
    written = generated(uniform, **options)
    assert written.shape == (BATCH, LENGTH) and written.dtype == np.int32
    pieces = list(stream(step, *first(), uniform, **options))
    assert all(type(k) is int for piece in pieces for k in piece)
    np.testing.assert_array_equal(np.transpose(pieces), written)


def test_greedy_takes_the_likeliest_whatever_the_numbers():
    expected = []
    for row in range(BATCH):
        last, ids = row, []
        for t in range(LENGTH):
            last = int(TABLE[t % 3, last].argmax())
            ids.append(last)
        expected.append(ids)
    for seed in (1, 2):
        found = generated(random_numbers(LENGTH, BATCH, seed=seed), temperature=0.0, top_p=0.9)
        np.testing.assert_array_equal(found, expected)


def test_rows_do_not_mix():
    uniform = random_numbers(LENGTH, BATCH, seed=5)
    together = generated(uniform)
    np.testing.assert_array_equal(generated(uniform[:, :1]), together[:1])
    np.testing.assert_array_equal(generated(uniform[:7]), together[:, :7])


def test_numbers_are_fixed_by_the_seed():
    one, same, other, free = (to_numpy(random_numbers(50, 3, seed=s)) for s in (7, 7, 8, None))
    assert one.shape == (50, 3) and one.dtype == np.float32 and one.min() >= 0 and one.max() < 1
    np.testing.assert_array_equal(one, same)
    assert len(np.unique(np.concatenate([one, other, free]))) > 440


def test_follows_the_chain():
    """Frequencies of the second token given the first; the state's phase is then 1."""
    rows = 20_000
    uniform = random_numbers(2, rows, seed=3)
    log_probs, states = first(1)
    many = keras.tree.map_structure(lambda x: ops.repeat(x, rows, axis=0), states)
    found = to_numpy(generate(step, ops.repeat(log_probs, rows, axis=0), many, uniform))
    likeliest = int(TABLE[0, 0].argmax())
    second = found[found[:, 0] == likeliest, 1]
    frequencies = np.bincount(second, minlength=VOCABULARY) / len(second)
    np.testing.assert_allclose(frequencies, np.exp(TABLE[1, likeliest]), atol=0.02)


@pytest.mark.parametrize("temperature", [0.0, 1.0, 50.0])
def test_banned_ids_are_never_written(temperature):
    found = generated(random_numbers(300, 2, seed=1), temperature=temperature, banned=(0, 3, 5))
    assert set(np.unique(found)) <= {1, 2, 4}


@every_option
def test_in_one_graph_with_options_as_tensors(options):
    uniform = random_numbers(LENGTH, BATCH, seed=5)
    banned = options.get("banned", ())
    values = [options.get("temperature", 1.0), options.get("top_k", 0), options.get("top_p", 1.0)]

    def run(uniform, temperature, top_k, top_p):
        named = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
        return generate(step, *first(), uniform, **named, banned=banned)

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        scalars = [tf.TensorSpec([], dtype) for dtype in (tf.float32, tf.int32, tf.float32)]
        compiled = tf.function(run, input_signature=[tf.TensorSpec([None, BATCH]), *scalars])
    elif keras.backend.backend() == "jax":
        import jax

        compiled = jax.jit(run)
    else:
        pytest.skip("no graphs on this backend")
    arguments = [np.float32(values[0]), np.int32(values[1]), np.float32(values[2])]
    np.testing.assert_array_equal(to_numpy(compiled(uniform, *arguments)), generated(uniform, **options))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -0.1}, "`temperature` must be 0 .greedy. or more, got -0.1"),
        ({"temperature": float("nan")}, "`temperature` must be"),
        ({"top_k": -1}, "`top_k` must be 0 .all tokens. or more, got -1"),
        ({"top_p": 0.0}, "`top_p` must be above 0 and at most 1, got 0.0"),
        ({"top_p": 1.5}, "`top_p` must be above 0 and at most 1, got 1.5"),
    ],
    ids=str,
)
def test_options_out_of_range_are_named(options, message):
    with pytest.raises(UserError, match=message):
        check_options(**options)
    with pytest.raises(UserError, match=message):
        next(stream(step, *first(), random_numbers(1, BATCH), **options))
