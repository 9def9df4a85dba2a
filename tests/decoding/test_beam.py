"""Beam search against the list of all sequences, and against a search over lists."""

import numpy as np
import pytest

from tests.decoding.cases import CASES, Case, search
from tests.decoding.toy import EOS, Toy, assert_found
from tests.helpers import assert_all_close, to_numpy
from tests.reference import decoding as reference

every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


@every_case
def test_a_beam_as_wide_as_the_space_finds_the_best_of_all_sequences(case):
    toy, length, count = Toy(seed=3), 4, 7
    found = search(toy, beam_size=4**3 * 5, length=length, num_results=count, **case.options)
    assert_found(found, case.expected(reference.best_sequences, toy, count, length))


@pytest.mark.parametrize("seed", [4, 5])
def test_the_same_at_length_6(seed):
    toy, case = Toy(seed=seed), Case("average")
    found = search(toy, beam_size=4**5 * 5, length=6, num_results=20, **case.options)
    assert_found(found, case.expected(reference.best_sequences, toy, 20, 6))


@every_case
def test_narrow_beams_equal_the_twin(case):
    for seed, (beam_size, count) in enumerate([(2, 2), (5, 3)]):
        toy = Toy(vocabulary=7, seed=10 + seed)
        found = search(toy, beam_size=beam_size, length=8, num_results=count, **case.options)
        assert_found(found, case.expected(reference.beam_search, toy, count, 8, beam_size=beam_size))


@pytest.mark.parametrize("name", ["none", "average", "negative power", "coverage, all"])
def test_to_stop_early_changes_nothing(name):
    options = {"beam_size": 3, "length": 10, "num_results": 2, **CASES[name].options}
    early, late = (search(Toy(5, seed=7), **options, early_stop=early) for early in (True, False))
    assert_all_close(early, late, rtol=0, atol=0)


@pytest.mark.parametrize(("name", "vocabulary"), [("none", 530), ("coverage, all", 600), ("gnmt", 1021)])
def test_large_vocabularies(name, vocabulary):
    toy, case = Toy(vocabulary, seed=2, sharpness=3.0), CASES[name]
    found = search(toy, beam_size=5, length=8, num_results=3, **case.options)
    assert_found(found, case.expected(reference.beam_search, toy, 3, 8, beam_size=5))


@pytest.mark.parametrize(
    ("num_groups", "diversity", "count", "vocabulary"),
    [(2, 0.8, 1, 7), (3, 0.3, 4, 7), (6, 0.8, 6, 7), (3, 0.8, 6, 530), (1, 0.8, 4, 7), (3, 0.0, 6, 7)],
)
def test_diverse_groups_equal_the_twin(num_groups, diversity, count, vocabulary):
    case, toy = Case("gnmt", "bigrams", coverage=True), Toy(vocabulary, seed=20, sharpness=2.0)
    groups = {"num_groups": num_groups, "diversity": diversity}
    found = search(toy, beam_size=6, length=6, num_results=count, **groups, **case.options)
    expected = case.expected(reference.beam_search, toy, count, 6, beam_size=6, **groups)
    if diversity:
        assert_found(found, expected)
    else:  # all groups find the same: equal scores, in any order
        assert_all_close(found.scores, np.array([[f.score for f in row] for row in expected]))


def test_diversity_spreads_the_first_word():
    toy = Toy(8, seed=3)
    found = search(toy, beam_size=4, num_groups=4, diversity=50.0, length=3, num_results=4, eos_id=EOS)
    for row in to_numpy(found.ids):
        firsts = [ids[0] for ids in row if ids[0] != EOS]
        assert len(set(firsts)) == len(firsts)
