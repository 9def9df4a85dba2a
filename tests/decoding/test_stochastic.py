"""Stochastic beams: sampling without replacement, by counting."""

import collections

import numpy as np
import pytest
from keras import ops

from kseq.decoding import BannedIds, beam_search
from tests.decoding.toy import EOS, Toy, starts
from tests.helpers import assert_all_close, to_numpy
from tests.reference import decoding as reference

LENGTH, BEAMS, VOCABULARY, DRAWS = 3, 4, 4, 8000
TOY = Toy(VOCABULARY, seed=2, sharpness=1.0)


def draw(draws=DRAWS, seed=0, beams=BEAMS, count=BEAMS, **options):
    """Searches from one start, each with random numbers of its own."""
    uniform = np.random.default_rng(seed).random((LENGTH, draws, beams, VOCABULARY), "float32")
    options = {"beam_size": beams, "num_results": count, "eos_id": EOS, "uniform": uniform, **options}
    return beam_search(TOY.step, starts(*[2] * draws), TOY.states(draws), length=LENGTH, **options)


@pytest.fixture(scope="module")
def found():
    return draw()


@pytest.fixture(scope="module")
def probabilities():
    every = reference.every_sequence(TOY.model(2), LENGTH, EOS)
    return {ids: np.exp(p) for ids, p in every}


def sequences(found):
    """The sequences as tuples, `(draws, count)` of them."""
    ids, lengths = to_numpy(found.ids), to_numpy(found.lengths)
    return [
        [tuple(x[:n].tolist()) for x, n in zip(*row, strict=True)] for row in zip(ids, lengths, strict=True)
    ]


def assert_distributed(outcomes, expected):
    """A loose chi-square test; what is expected less than five times counts as one outcome."""
    draws, counted = len(outcomes), collections.Counter(outcomes)
    common = [outcome for outcome, p in expected.items() if p * draws >= 5]
    counts = [counted[c] for c in common]
    counts = np.array([*counts, draws - sum(counts)])
    share = np.array([expected[c] for c in common])
    share = draws * np.append(share, max(1 - share.sum(), 1e-3))
    chi_square, freedom = ((counts - share) ** 2 / share).sum(), len(common)
    assert chi_square < freedom + 4 * np.sqrt(2 * freedom), (chi_square, freedom)


def test_the_first_is_a_sample_of_the_model(found, probabilities):
    assert sum(probabilities.values()) == pytest.approx(1.0)
    assert_distributed([row[0] for row in sequences(found)], probabilities)


def test_the_second_is_a_sample_of_what_the_first_leaves(found, probabilities):
    p = probabilities
    pairs = {(a, b): p[a] * p[b] / (1 - p[a]) for a in p for b in p if a != b}
    assert_distributed([tuple(row[:2]) for row in sequences(found)], pairs)


def test_nothing_is_drawn_twice_and_the_order_is_that_of_the_scores(found, probabilities):
    assert all(len(set(row)) == BEAMS for row in sequences(found))
    scores = to_numpy(found.scores)
    assert (np.diff(scores, axis=1) <= 0).all() and np.allclose(scores[:, 0], 0.0)
    expected = [[np.log(probabilities[ids]) for ids in row] for row in sequences(found)]
    np.testing.assert_allclose(to_numpy(found.log_probs), expected, rtol=1e-4, atol=1e-5)


def test_constraints_are_normalised(probabilities):
    """Each step is sampled from what the ban leaves of it."""
    model = reference.constrained(TOY.model(2), reference.banned(3))
    local = lambda so_far: model(so_far) - np.log(np.exp(model(so_far)).sum())  # noqa: E731
    expected = {ids: np.exp(p) for ids, p in reference.every_sequence(local, LENGTH, EOS)}
    found = draw(seed=5, constraints=[BannedIds([3])])
    assert_distributed([row[0] for row in sequences(found)], expected)


def test_numbers_fix_the_result_and_fewer_results_are_the_first_ones():
    one, same, other = draw(50), draw(50), draw(50, seed=1)
    assert_all_close(one, same, rtol=0, atol=0)
    assert sequences(one) != sequences(other)
    assert [row[:2] for row in sequences(one)] == sequences(draw(50, count=2))
    assert_all_close(draw(50, early_stop=False), one, rtol=0, atol=0)


def test_all_sequences_when_there_are_no_more(probabilities):
    found = draw(3, beams=48, count=48)
    for row in sequences(found):
        assert set(row) - {()} == set(probabilities)


def test_numbers_may_come_from_a_function():
    uniform = np.random.default_rng(0).random((LENGTH, 5, BEAMS, VOCABULARY), "float32")
    table = ops.convert_to_tensor(uniform)
    assert_all_close(draw(5, uniform=lambda t: table[t]), draw(5, uniform=uniform), rtol=0, atol=0)
