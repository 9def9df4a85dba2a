"""Each constraint by itself against its definition, on random sequences half written."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from kseq import decoding
from kseq.errors import UserError
from tests.helpers import normal, to_numpy
from tests.reference import decoding as reference

ROWS, LENGTH, VOCABULARY, EOS = 6, 9, 4, 1
PREFIX = np.array([[3, 2, 0], [0, 0, 1], [2, 0, 0]], "int32")  # two rows for each
PAIRS = {
    "banned": (decoding.BannedIds((0, 2)), lambda row: reference.banned(0, 2)),
    "min length": (decoding.MinLength(4, EOS), lambda row: reference.min_length(4, EOS)),
    "prefix": (decoding.ForcedPrefix(PREFIX), lambda row: reference.forced_prefix(PREFIX[row // 2])),
    "repetition": (decoding.RepetitionPenalty(1.5), lambda row: reference.repetition_penalty(1.5)),
    **{
        f"{n}-grams": (decoding.NoRepeatedNgrams(n), lambda row, n=n: reference.no_repeated_ngrams(n))
        for n in (1, 2, 3, 4)
    },
}


@pytest.mark.parametrize("name", PAIRS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), position=st.integers(0, LENGTH - 1), vocabulary=st.integers(4, 5))
def test_as_defined(name, seed, position, vocabulary):
    ours, theirs = PAIRS[name]
    log_probs = -np.abs(normal(ROWS, vocabulary, seed=seed))
    ids = np.random.default_rng(seed).integers(0, vocabulary, (ROWS, LENGTH)).astype("int32")
    ids[:, position:] = 0
    found = ours(*(ops.convert_to_tensor(x) for x in (log_probs, ids, np.int32(position))))
    expected = [theirs(n)(log_probs[n], tuple(ids[n, :position].tolist())) for n in range(ROWS)]
    expected = np.maximum(np.stack(expected), -1e9)
    np.testing.assert_allclose(to_numpy(found), expected, rtol=1e-6)


def test_strengths_may_be_tensors():
    log_probs, ids, position = -np.ones((2, 3), "float32"), np.array([[2, 0], [0, 0]], "int32"), np.int32(1)
    for tensor, number in [
        (decoding.RepetitionPenalty(ops.convert_to_tensor(1.5)), decoding.RepetitionPenalty(1.5)),
        (decoding.MinLength(ops.convert_to_tensor(3), EOS), decoding.MinLength(3, EOS)),
    ]:
        arguments = [ops.convert_to_tensor(x) for x in (log_probs, ids, position)]
        np.testing.assert_array_equal(to_numpy(tensor(*arguments)), to_numpy(number(*arguments)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: decoding.RepetitionPenalty(0), "`penalty` must be positive, got 0"),
        (lambda: decoding.NoRepeatedNgrams(0), "`size` must be positive, got 0"),
        (
            lambda: applied(decoding.BannedIds([1, 4])),
            "`ids` must be in the vocabulary, between 0 and 3, got 4",
        ),
        (
            lambda: applied(decoding.BannedIds([-1])),
            "`ids` must be in the vocabulary, between 0 and 3, got -1",
        ),
        (lambda: applied(decoding.MinLength(2, 9)), "`eos_id` must be in the vocabulary, .*, got 9"),
    ],
)
def test_what_cannot_be_is_named(make, message):
    with pytest.raises(UserError, match=message):
        make()


def applied(constraint):
    return constraint(ops.zeros((2, 4)), ops.zeros((2, 3), "int32"), 0)
