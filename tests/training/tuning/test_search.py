"""What keras-tuner's oracles do under our budgets, and after kills."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kseq.errors import UserError
from kseq.training.tuning import board
from tests.training.tuning.searches import SPACE, at_most, score, search

ROOT = Path(__file__).parents[3]


def rows(oracle):
    return board.rows(oracle, SPACE)


@pytest.mark.slow
def test_random_is_seeded_and_finds_values_of_the_space(tmp_path):
    found = []
    for name in ("one", "two"):
        tuner, oracle = search(tmp_path / name, trials=5)
        tuner.search()
        found.append([row.values for row in rows(oracle)])
    assert found[0] == found[1] and len(found[0]) == 5
    for values in found[0]:
        assert -1 <= values["x"] <= 1 and values["n"] in range(1, 51) and values["kind"] in ("a", None)
    best = board.ranked(rows(oracle), "min")[0]
    assert best.score == min(row.score for row in rows(oracle))
    assert list((tmp_path / "one" / "hparams").rglob("events*"))


@pytest.mark.slow
def test_hyperband_grants_more_to_the_better(tmp_path):
    tuner, oracle = search(tmp_path / "h", "hyperband")
    tuner.search()
    granted = {epochs: [r.score for r in rows(oracle) if r.epochs == epochs] for epochs in (1, 3, 9)}
    assert len(granted[1]) > len(granted[9]) and min(granted[9]) == min(granted[1] + granted[3] + granted[9])


@pytest.mark.slow
def test_bayesian(tmp_path):
    tuner, oracle = search(tmp_path / "b", "bayesian", trials=11)
    tuner.search()
    assert min(row.score for row in rows(oracle)[9:]) <= min(row.score for row in rows(oracle)[:9])


def test_large_models_are_rejected_and_cost_no_trial(tmp_path):
    tuner, oracle = search(tmp_path / "r", trials=3, train=at_most(200))
    tuner.search()
    done = [row for row in rows(oracle) if row.status == "done"]
    rejected = [row for row in rows(oracle) if row.status == "rejected"]
    assert len(done) == 3 and rejected and all(row.values["n"] <= 20 for row in done)
    assert "200 are the most" in rejected[0].outcome.error and rejected[0].outcome.parameters > 200


def test_time_ends_a_search_and_counts_over_sessions(tmp_path):
    tuner, oracle = search(tmp_path / "t", seconds=1.0)
    tuner.search()
    first = len(rows(oracle))
    again, oracle = search(tmp_path / "t", seconds=1.0)
    again.search()
    assert first >= 1 and len(rows(oracle)) == first and oracle.total() >= 1.0


def test_a_failing_trial_is_one_and_three_in_a_row_are_the_end(tmp_path):
    tuner, oracle = search(
        tmp_path / "f", trials=3, train=lambda trial: 1 / 0 if trial.id == "1" else score(trial)
    )
    tuner.search()
    assert [row.status for row in rows(oracle)] == ["done", "failed", "done"]
    assert rows(oracle)[1].outcome.error == "ZeroDivisionError: division by zero"
    tuner, oracle = search(tmp_path / "g", trials=9, train=lambda trial: 1 / 0)
    with pytest.raises(UserError, match="trial after trial fails: ZeroDivisionError"):
        tuner.search()


def test_a_search_without_end(tmp_path):
    with pytest.raises(UserError, match="never ends"):
        search(tmp_path / "e")
    with pytest.raises(UserError, match="did you mean `random`"):
        search(tmp_path / "e", "randon", trials=1)


def program(directory, *words, status=0, message=""):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.training.tuning.searches", str(directory), *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=400)
    assert done.returncode == status and message in done.stderr, done.stderr
    return (directory / "ran").read_text().split()


@pytest.mark.slow
def test_a_killed_search_repeats_at_most_the_trial_it_was_in(tmp_path):
    whole = program(tmp_path / "whole")
    assert program(tmp_path / "killed", "--kill", "3", status=-9) == ["0", "1", "2"]
    ran = program(tmp_path / "killed")
    assert ran == ["0", "1", "2", "2", "3", "4", "5"] and len(whole) == 6
    values = [
        [
            json.loads(file.read_text())["hyperparameters"]["values"]
            for file in sorted(place.glob("*/trial.json"))
        ]
        for place in (tmp_path / "whole", tmp_path / "killed")
    ]
    assert values[0] == values[1]


def chosen(place):
    """Returns the values of all trials."""
    files = sorted(place.glob("*/trial.json"))
    return [json.loads(file.read_text())["hyperparameters"]["values"] for file in files]


def test_a_trial_that_ended_right_before_a_kill_is_not_run_again(tmp_path):
    """keras-tuner writes the trial first and the list of trials after it."""
    tuner, oracle = search(tmp_path / "k", trials=2)
    place, written = tmp_path / "k" / "oracle.json", []
    oracle.save = lambda: written.append(place.read_text() if place.exists() else None)
    type(oracle).save(oracle)
    tuner.search()
    state = json.loads(place.read_text())
    state |= {"start_order": ["0"], "ongoing_trials": {"tuner0": "0"}, "end_order": []}
    place.write_text(json.dumps(state))  # of trial 0 the end, of trial 1 all is missing
    del oracle.save
    ran = []
    again, oracle = search(
        tmp_path / "k", trials=2, train=lambda trial: (ran.append(trial.id), score(trial))[1]
    )
    again.search()
    assert ran == ["1"] and [row.status for row in rows(oracle)] == ["done", "done"]


@pytest.mark.slow
def test_a_worker_that_dies_costs_one_retry_of_its_trial(tmp_path):
    ran = program(tmp_path / "w", "--workers", "2", "--kill", "2", "--trials", "8")
    assert len(ran) == 9 and set(ran) == {str(n) for n in range(8)}
    _, oracle = search(tmp_path / "w", trials=8)
    assert [row.status for row in rows(oracle)] == ["done"] * 8


@pytest.mark.slow
def test_when_no_worker_is_left_the_chief_says_so(tmp_path):
    ran = program(
        tmp_path / "n", "--workers", "1", "--fatal", "1", status=1, message="error: no worker is left"
    )
    assert ran.count("0") == 2  # a trial is retried once
