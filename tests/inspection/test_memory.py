"""The problems are what they say, and a cell that can learn one does."""

import matplotlib.image
import numpy as np
import pytest

from kseq.errors import UserError
from kseq.inspection.memory import TASKS, Probe, memory_plot, memory_probe, memory_table
from kseq.inspection.memory.tasks import LENGTH, SYMBOLS, WORDS

RNG = np.random.default_rng(0)


def test_adding_marks_one_number_in_each_half():
    x, y = TASKS["adding"].draw(RNG, 200, 11)
    assert x.shape == (200, 11, 2) and y.shape == (200, 1)
    np.testing.assert_array_equal(x[:, :5, 1].sum(1), 1)
    np.testing.assert_array_equal(x[:, 5:, 1].sum(1), 1)
    np.testing.assert_allclose((x[..., 0] * x[..., 1]).sum(1, keepdims=True), y, rtol=1e-6)
    guess = np.full_like(y, 1.0)
    assert TASKS["adding"].score(y, guess) == pytest.approx(TASKS["adding"].chance, abs=0.04)


def test_copying_shows_the_symbols_once():
    x, y = TASKS["copy"].draw(RNG, 5, 7)
    ids = x.argmax(-1)
    np.testing.assert_array_equal(ids[:, :LENGTH], y)
    assert (ids[:, LENGTH + 7] == SYMBOLS + 1).all() and (ids[:, LENGTH : LENGTH + 7] == SYMBOLS).all()


def test_agreement_is_with_the_first_noun():
    x, y = TASKS["agreement"].draw(RNG, 400, 9)
    texts = [[WORDS[n] for n in row] for row in x.argmax(-1)]
    plurals = {"cats", "keys", "children", "rivers", "boxes"}
    assert [row[1] in plurals for row in texts] == [bool(n) for n in y]
    nearest = np.mean([(row[-1] in plurals) == bool(n) for row, n in zip(texts, y, strict=True)])
    assert abs(nearest - 0.5) < 0.1 and all(len(row) == 11 for row in texts)


def test_probe_learns_what_is_easy_and_tells(tmp_path):
    told = []
    options = {"units": 16, "max_updates": 600, "time_limit": 100, "tell": told.append}
    (probe,) = probes = memory_probe("agreement", ["simple_rnn"], [3], **options)
    assert told == probes and probe.solved and probe.score > 0.95 and probe.updates % 100 == 0


def test_table_and_plot(tmp_path):
    probes = [
        Probe("adding", cell, delay, score, score < 0.02, 300, 1.0)
        for cell, delay, score in (("lstm", 10, 0.001), ("lstm", 20, 0.01), ("simple_rnn", 10, 0.17))
    ]
    lines = memory_table(probes).splitlines()
    assert lines[1].split() == ["lstm", "0.0010", "0.0100"] and lines[2].split() == ["simple_rnn", "(0.1700)"]
    path = memory_plot(probes, tmp_path / "memory.png", title="adding")
    assert matplotlib.image.imread(path)[..., :3].std() > 0.05


WRONG = {
    "task": ({"task": "adder"}, "`task` must be one of adding, agreement, copy, got 'adder'"),
    "cell": ({"cells": ["lsmt"]}, "did you mean `lstm`"),
    "units": ({"units": 0}, "`units` must be positive, got 0"),
    "delay": ({"delays": [1]}, "at least 2, got 1"),
}


@pytest.mark.parametrize(("options", "message"), WRONG.values(), ids=WRONG)
def test_wrong_input(options, message):
    with pytest.raises(UserError, match=message):
        memory_probe(**options)
    with pytest.raises(UserError, match="no probe of memory"):
        memory_table([])


@pytest.mark.slow
def test_lstm_adds_over_a_distance_where_elman_does_not():
    options = {"max_updates": 1200, "time_limit": 120, "units": 32}
    lstm, elman = memory_probe("adding", ["lstm", "simple_rnn"], [50], **options)
    assert lstm.solved and not elman.solved
