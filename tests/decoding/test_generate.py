"""Generation from a chain whose state counts the steps: a step function without a model."""

import keras
import numpy as np
import pytest
from keras import ops

from kseq import decoding
from kseq.decoding import check_options, generate, random_numbers, stream
from kseq.errors import UserError
from tests.decoding.toy import EOS, Toy, compiled, starts
from tests.helpers import to_numpy
from tests.reference import decoding as reference

VOCABULARY, BATCH, LENGTH = 6, 3, 25
TOY = Toy(VOCABULARY, seed=1)
STARTS = tuple(range(BATCH))


def written(uniform=None, start_ids=STARTS, **options):
    return to_numpy(generate(TOY.step, starts(*start_ids), TOY.states(len(start_ids)), uniform, **options))


def streamed(uniform=None, **options):
    pieces = list(stream(TOY.step, starts(*STARTS), TOY.states(BATCH), uniform, **options))
    assert all(type(k) is int for piece in pieces for k in piece)
    return np.transpose(pieces)


CONSTRAINTS = [
    decoding.RepetitionPenalty(1.2),
    decoding.NoRepeatedNgrams(3),
    decoding.MinLength(4, EOS),
    decoding.ForcedPrefix(np.array([[5, 2], [0, 4], [3, 0]], "int32")),
]
OPTIONS = [
    {},
    {"temperature": 0.0},
    {"temperature": 0, "top_k": 3, "top_p": 0.5},
    {"temperature": 0.4},
    {"top_k": 2},
    {"top_p": 0.6, "constraints": [decoding.BannedIds((2, 4))]},
    {"min_p": 0.3},
    {"eos_id": EOS},
    {"eos_id": EOS, "constraints": CONSTRAINTS},
]
every_option = pytest.mark.parametrize("options", OPTIONS, ids=lambda options: ", ".join(options) or "none")


@every_option
@pytest.mark.parametrize("greedy", [False, True], ids=["sampled", "greedy"])
def test_generate_writes_what_stream_writes(options, greedy):
    numbers = {"length": LENGTH} if greedy else {"uniform": random_numbers(LENGTH, BATCH, seed=5)}
    found, pieces = written(**numbers, **options), streamed(**numbers, **options)
    assert found.shape == (BATCH, LENGTH) and found.dtype == np.int32
    size = pieces.shape[1]
    assert size == LENGTH or "eos_id" in options
    np.testing.assert_array_equal(pieces, found[:, :size])
    assert (found[:, size:] == 0).all()


@pytest.mark.parametrize("constraints", [False, True])
def test_greedy_takes_the_likeliest_whatever_the_numbers(constraints):
    expected = []
    for start in STARTS:
        prefix = [[5, 2], [0, 4], [3, 0]][start]
        model = TOY.model(start)
        if constraints:
            model = reference.constrained(
                model,
                reference.repetition_penalty(1.2),
                reference.no_repeated_ngrams(3),
                reference.min_length(4, EOS),
                reference.forced_prefix(prefix),
            )
        ids = ()
        while len(ids) < LENGTH and EOS not in ids:
            ids = (*ids, int(np.argmax(model(ids))))
        expected.append([*ids, *[0] * (LENGTH - len(ids))])
    options = {"eos_id": EOS, "constraints": CONSTRAINTS if constraints else ()}
    np.testing.assert_array_equal(written(length=LENGTH, **options), expected)
    for seed in (1, 2):
        numbers = random_numbers(LENGTH, BATCH, seed=seed)
        np.testing.assert_array_equal(written(numbers, temperature=0.0, top_p=0.9, **options), expected)


def test_rows_do_not_mix():
    uniform = random_numbers(LENGTH, BATCH, seed=5)
    for options in ({}, {"eos_id": EOS}):
        together = written(uniform, **options)
        for row in range(BATCH):
            alone = written(uniform[:, row : row + 1], [row], **options)
            np.testing.assert_array_equal(alone, together[row : row + 1])
        np.testing.assert_array_equal(written(uniform[:7], **options), together[:, :7])


def test_rows_end_with_padding():
    uniform = random_numbers(60, 40, seed=5)
    free = written(uniform, [2] * 40)
    found = written(uniform, [2] * 40, eos_id=EOS)
    lengths = [list(row).index(EOS) + 1 if EOS in row else len(row) for row in free]
    assert len(set(lengths)) > 5
    for row, length in enumerate(lengths):
        np.testing.assert_array_equal(found[row, :length], free[row, :length])
        assert (found[row, length:] == 0).all()


def test_the_loop_ends_when_all_rows_have():
    calls = []

    def step(last_ids, states):
        calls.append(1)
        return ops.one_hot(last_ids - 1, 8), states  # counts down

    found = generate(step, starts(4, 7, 2), [], length=50, eos_id=EOS)
    assert to_numpy(found)[:, :7].tolist() == [
        [3, 2, 1, 0, 0, 0, 0],
        [6, 5, 4, 3, 2, 1, 0],
        [1, 0, 0, 0, 0, 0, 0],
    ]
    assert len(calls) == 6 and found.shape == (3, 50)


def test_numbers_are_fixed_by_the_seed():
    one, same, other, free = (to_numpy(random_numbers(50, 3, seed=s)) for s in (7, 7, 8, None))
    assert one.shape == (50, 3) and one.dtype == np.float32 and one.min() >= 0 and one.max() < 1
    np.testing.assert_array_equal(one, same)
    assert len(np.unique(np.concatenate([one, other, free]))) > 440


def test_follows_the_chain():
    """Frequencies of the second token given the first."""
    rows = 20_000
    found = written(random_numbers(2, rows, seed=3), [0] * rows)
    likeliest = int(TOY.table[0, 0].argmax())
    second = found[found[:, 0] == likeliest, 1]
    frequencies = np.bincount(second, minlength=VOCABULARY) / len(second)
    np.testing.assert_allclose(frequencies, np.exp(TOY.table[1, likeliest]), atol=0.02)


@pytest.mark.parametrize("temperature", [0.0, 1.0, 50.0])
def test_banned_ids_are_never_written(temperature):
    options = {"temperature": temperature, "constraints": [decoding.BannedIds((0, 3, 5))]}
    found = written(random_numbers(80, 6, seed=1), [1, 2] * 3, **options)
    assert set(np.unique(found)) <= {1, 2, 4}


@every_option
def test_in_one_graph_with_options_as_tensors(options):
    uniform = random_numbers(LENGTH, BATCH, seed=5)
    constraints, eos_id = options.get("constraints", ()), options.get("eos_id")
    names = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0}
    values = [options.get(name, default) for name, default in names.items()]

    def run(uniform, *values):
        named = dict(zip(names, values, strict=True))
        return generate(
            TOY.step,
            starts(*STARTS),
            TOY.states(BATCH),
            uniform,
            eos_id=eos_id,
            constraints=constraints,
            **named,
        )

    program = compiled(run)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        scalars = [tf.TensorSpec([], dtype) for dtype in (tf.float32, tf.int32, tf.float32, tf.float32)]
        program = tf.function(run, input_signature=[tf.TensorSpec([None, BATCH]), *scalars])
    arguments = [np.float32(values[0]), np.int32(values[1]), np.float32(values[2]), np.float32(values[3])]
    np.testing.assert_array_equal(to_numpy(program(uniform, *arguments)), written(uniform, **options))


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="XLA by itself is TensorFlow's")
def test_compiled_by_xla_and_with_unknown_batch():
    import tensorflow as tf

    options = {"eos_id": EOS, "constraints": CONSTRAINTS}

    def run(start_ids, length):
        states = TOY.states(tf.shape(start_ids)[0])
        return generate(TOY.step, start_ids, states, length=length, **options)

    expected = written(length=LENGTH, **options)
    graph = tf.function(run, input_signature=[tf.TensorSpec([None], tf.int32), tf.TensorSpec([], tf.int32)])
    np.testing.assert_array_equal(graph(starts(*STARTS), LENGTH), expected)
    program = tf.function(lambda start_ids: run(start_ids, LENGTH), jit_compile=True, autograph=False)
    np.testing.assert_array_equal(program(starts(*STARTS)), expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -0.1}, "`temperature` must be 0 .greedy. or more, got -0.1"),
        ({"temperature": float("nan")}, "`temperature` must be"),
        ({"top_k": -1}, "`top_k` must be 0 .all tokens. or more, got -1"),
        ({"top_p": 0.0}, "`top_p` must be above 0 and at most 1, got 0.0"),
        ({"top_p": 1.5}, "`top_p` must be above 0 and at most 1, got 1.5"),
        ({"min_p": -0.1}, "`min_p` must be at least 0 .all tokens. and at most 1, got -0.1"),
        ({"min_p": 1.1}, "`min_p` must be at least 0 .all tokens. and at most 1, got 1.1"),
    ],
    ids=str,
)
def test_options_out_of_range_are_named(options, message):
    with pytest.raises(UserError, match=message):
        check_options(**options)
    for run in (written, streamed):
        with pytest.raises(UserError, match=message):
            run(random_numbers(1, BATCH), **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "`uniform` .to sample. or `length` .greedy. must be given, got neither"),
        ({"length": 3, "uniform": np.zeros((3, BATCH))}, "must be given, got both"),
        ({"length": 0}, "`length` must be positive, got 0"),
        ({"length": 3, "constraints": [decoding.BannedIds([6])]}, "`ids` must be in the vocabulary"),
    ],
)
def test_what_cannot_be_is_named(options, message):
    for run in (written, streamed):
        with pytest.raises(UserError, match=message):
            run(**options)
