"""The best continuations, in two stages and in one, against a stable sort."""

import keras
import numpy as np
import pytest
from keras import ops

from kseq.decoding import top
from tests.helpers import normal, to_numpy


def expected(log_probs, ranks, k):
    """By value, then by place."""
    every = (log_probs + ranks[..., None]).reshape(len(ranks), -1)
    order = np.argsort(-every, axis=1, kind="stable")[:, :k]
    vocabulary = log_probs.shape[2]
    return np.take_along_axis(every, order, axis=1), order // vocabulary, order % vocabulary


@pytest.mark.parametrize("vocabulary", [5, 255, 256, 600, 1021, 8000])
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize(("beams", "k"), [(1, 1), (1, 2), (3, 6), (4, 4)])
def test_the_best_are_found(vocabulary, ties, beams, k):
    log_probs, ranks = 3 * normal(2, beams, vocabulary, seed=1), normal(2, beams, seed=2)
    if ties:
        log_probs, ranks = np.round(log_probs), np.round(ranks)
    found = top.top_candidates(ops.convert_to_tensor(log_probs), ops.convert_to_tensor(ranks), k)
    found, wanted = [to_numpy(x) for x in found], expected(log_probs, ranks, k)
    np.testing.assert_array_equal(found[0], wanted[0])
    if ties:  # PyTorch does not say which of equal values comes first
        there = (log_probs + ranks[..., None])[np.arange(2)[:, None], found[1], found[2]]
        np.testing.assert_array_equal(there, wanted[0])
    if not ties or keras.backend.backend() != "torch":
        np.testing.assert_array_equal(found[1], wanted[1])
        np.testing.assert_array_equal(found[2], wanted[2])


@pytest.mark.parametrize("vocabulary", [5, 600, 1021])
def test_infinite_ones_come_last(vocabulary):
    log_probs = np.full((1, 2, vocabulary), -np.inf, "float32")
    log_probs[0, 1, [2, vocabulary - 1]] = [-1.0, -2.0]
    found = top.top_candidates(ops.convert_to_tensor(log_probs), ops.zeros((1, 2)), 4)
    ids, parents = to_numpy(found.ids)[0], to_numpy(found.parents)[0]
    assert ids[:2].tolist() == [2, vocabulary - 1] and parents[:2].tolist() == [1, 1]
    assert ids.max() < vocabulary
