"""Beam search on tables small enough to work out on paper."""

import numpy as np
import pytest
from keras import ops

from kseq import decoding
from kseq.decoding import GNMT, beam_search
from tests.decoding.cases import STARTS, search
from tests.decoding.toy import EOS, Toy, starts
from tests.helpers import to_numpy


@pytest.mark.parametrize("stochastic", [False, True])
def test_what_is_impossible_is_left_out(stochastic):
    """Only 3 and 4 may be written, 4 goes on to the end alone; probabilities of 0 do no harm."""
    table = np.full((5, 5), -np.inf, "float32")
    table[[0, 3, 3, 4], [3, 3, 4, EOS]] = np.log([1.0, 0.5, 0.5, 1.0])

    def step(last_ids, states):
        return ops.take(table, last_ids, axis=0), states

    uniform = np.random.default_rng(0).random((4, 1, 5, 5), "float32") if stochastic else None
    options = {"beam_size": 5, "num_results": 5, "length": 4, "eos_id": EOS, "uniform": uniform}
    found = beam_search(step, starts(0), [], **options)
    ids, lengths, scores, log_probs = (to_numpy(x)[0] for x in found)
    sequences = [tuple(x[:n].tolist()) for x, n in zip(ids, lengths, strict=True)]
    expected = {(3, 4, EOS): 0.5, (3, 3, 4, EOS): 0.25, (3, 3, 3, 3): 0.125, (3, 3, 3, 4): 0.125, (): 0.0}
    assert set(sequences) == set(expected) and sequences[-1] == ()
    np.testing.assert_allclose(np.exp(log_probs), [expected[x] for x in sequences], rtol=1e-6)
    assert np.isfinite(scores).all()


# worked out by hand; 0 is the end, 1 the start


def table_step(rows):
    table = np.log(np.array(rows, "float32") + 1e-12)
    return lambda last_ids, states: (ops.take(table, last_ids, axis=0), states)


GREEDY_GOES_WRONG = table_step(
    [
        [1.0, 0.0, 0.0, 0.00, 0.00, 0.00],
        [0.0, 0.0, 0.5, 0.40, 0.10, 0.00],
        [0.25, 0.0, 0.0, 0.00, 0.40, 0.35],
        [0.1, 0.0, 0.0, 0.00, 0.00, 0.90],
        [0.6, 0.0, 0.0, 0.00, 0.00, 0.40],
        [0.8, 0.0, 0.0, 0.00, 0.20, 0.00],
    ]
)
SHORT_GOES_WRONG = table_step(
    [
        [1.0, 0.0, 0.00, 0.00, 0.0, 0.0],
        [0.4, 0.0, 0.35, 0.25, 0.0, 0.0],
        [0.1, 0.0, 0.00, 0.00, 0.9, 0.0],
        [0.5, 0.0, 0.00, 0.50, 0.0, 0.0],
        [0.1, 0.0, 0.00, 0.00, 0.0, 0.9],
        [0.9, 0.0, 0.10, 0.00, 0.0, 0.0],
    ]
)


def by_hand(step, **options):
    found = beam_search(step, starts(1), [], length=5, eos_id=0, **options)
    sequences = [
        ids[:length].tolist()
        for ids, length in zip(to_numpy(found.ids)[0], to_numpy(found.lengths)[0], strict=True)
    ]
    return sequences, np.exp(to_numpy(found.log_probs))[0]


def test_greedy_goes_wrong():
    """0.5 * 0.4 * 0.6 step by step, but 0.4 * 0.9 * 0.8 is more."""
    sequences, probabilities = by_hand(GREEDY_GOES_WRONG, beam_size=1)
    assert sequences == [[2, 4, 0]] and probabilities == pytest.approx([0.12])
    sequences, probabilities = by_hand(GREEDY_GOES_WRONG, beam_size=2, num_results=2)
    assert sequences == [[3, 5, 0], [2, 4, 0]] and probabilities == pytest.approx([0.288, 0.12])
    sequences, probabilities = by_hand(GREEDY_GOES_WRONG, beam_size=3, num_results=3)
    # [2, 0] has 0.125, but was the fourth of its step: only the first three may end
    assert sequences == [[3, 5, 0], [2, 5, 0], [2, 4, 0]]
    assert probabilities == pytest.approx([0.288, 0.14, 0.12])


def test_short_goes_wrong():
    """To end at once is likelier than anything else, but not by the token."""
    assert by_hand(SHORT_GOES_WRONG, beam_size=2)[0] == [[0]]
    sequences, probabilities = by_hand(SHORT_GOES_WRONG, beam_size=2, length_penalty=decoding.average)
    assert sequences == [[2, 4, 5, 0]] and probabilities == pytest.approx([0.35 * 0.9**3])


def test_a_beam_of_one_is_greedy():
    toy = Toy(9, seed=6)
    found = search(toy, beam_size=1, length=12, eos_id=EOS)
    greedy = decoding.generate(toy.step, starts(*STARTS), toy.states(4), length=12, eos_id=EOS)
    np.testing.assert_array_equal(to_numpy(found.ids)[:, 0], to_numpy(greedy))


@pytest.mark.parametrize(
    ("penalty", "steps"),
    [(decoding.log_probability, 1), (decoding.average, 2), (GNMT(2.2), 4)],
    ids=["none", "average", "gnmt"],
)
def test_it_stops_as_soon_as_nothing_can_win(penalty, steps):
    """The end has p = 0.9 everywhere, and scores -0.105; what goes on has 0.06 ** t after t steps.

    Were all further tokens certain, up to the length of 40, its score would be log(0.06 ** t), divided by 40
    for the average: -0.07, -0.14; or by (45 / 6) ** 2.2 = 84.2: -0.03, -0.07, -0.10, -0.13.
    """
    calls = []

    def step(last_ids, states):
        calls.append(1)
        row = ops.convert_to_tensor(np.log([0.06, 0.9, 0.04]).astype("float32"))
        return ops.zeros((ops.shape(last_ids)[0], 1)) + row, states

    options = {"length_penalty": penalty, "eos_id": EOS}
    found = beam_search(step, starts(0), [], beam_size=2, length=40, **options)
    assert to_numpy(found.ids)[0, 0].tolist() == [EOS] + [0] * 39
    assert len(calls) == steps
