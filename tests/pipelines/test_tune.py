"""`tune` as a user runs it."""

import csv
import json
import re
from pathlib import Path

import pytest
import yaml

from kseq.training.tuning.place import SearchDirectory
from pipelines import language_model, names, ner, sentiment, translation
from pipelines.sentiment import PIPELINE
from tests.pipelines.programs import refused, run, shown
from tests.pipelines.test_sentiment import table

SMALL = ["--embedding-dim", "8", "--batch-size", "16", "--warmup-steps", "2", "--epochs", "1"]
TUNE = ["tune", "--data", "things.tsv", *SMALL, "--name", "first"]
SPACE = {"units": [4, 40], "learning_rate": {"low": 0.001, "high": 0.1, "log": True}, "bidirectional": False}
FIRST = Path("tuning/sentiment/first")


@pytest.fixture
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "things.tsv").write_text(table(60))
    (tmp_path / "space.yaml").write_text(yaml.safe_dump(SPACE))
    return tmp_path


@pytest.mark.parametrize("program", [language_model, names, ner, sentiment, translation])
def test_every_pipeline_shows_its_space_and_takes_it_back(program, inside, capsys):
    words = ["tune", "--show-space"]
    out = shown(capsys, program.PIPELINE, *words)
    assert {"units", "learning_rate", "dropout", "batch_size", "clip_norm"} <= set(yaml.safe_load(out))
    (inside / "again.yaml").write_text(out)
    assert shown(capsys, program.PIPELINE, *words, "--space", "again.yaml") == out


@pytest.mark.slow
def test_tune_finds_a_configuration_that_train_takes(inside, capsys):
    words = ["--space", "space.yaml", "--trials", "2", "--max-parameters", "2000"]
    out = shown(capsys, PIPELINE, *TUNE, *words)
    with open(FIRST / "leaderboard.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    done = [row for row in rows if row["status"] == "done"]
    assert len(done) == 2 and all(row["units"] == "4" for row in done)
    best = max(done, key=lambda row: float(row["val_accuracy"]))
    config = yaml.safe_load((FIRST / "best.yaml").read_text())
    assert config["learning_rate"] == float(best["learning_rate"]) and config["units"] == 4
    assert config["data"] == "things.tsv" and config["bidirectional"] is False
    sentiment.Config(**{name: config[name] for name in config})
    for name in ("parallel_coordinates.png", "objective.png"):
        assert (FIRST / name).read_bytes().startswith(b"\x89PNG")
    assert list((FIRST / "hparams").rglob("events*")) and f"train --config {FIRST}/best.yaml" in out
    for row in rows:
        assert re.search(rf"^ *{row['trial']} {row['status']}", out, re.M)
    status = json.loads((FIRST / f"runs/sentiment/trial-{best['trial']}/status.json").read_text())
    assert status["status"] == "finished"
    rival = f"{FIRST}/runs/sentiment/trial-{best['trial']}"
    again = shown(capsys, PIPELINE, *TUNE, "--resume", "--trials", "2", "--against", rival)  # nothing is left
    assert f"does not beat {float(best['val_accuracy']):.5g} of {rival}" in again
    assert len(list(FIRST.glob("runs/sentiment/*"))) == 2 and "2 done" in again


WRONG = {
    "field": ({"unitz": [1, 2]}, "unknown key `unitz` in `wrong.yaml`; did you mean `units`"),
    "bounds": ({"units": {"low": 9, "high": 3}}, "`units` in `wrong.yaml`: `low` must be below `high`"),
    "type": ({"units": {"low": 0.5, "high": 3.0}}, "`units` in `wrong.yaml` must be a whole number"),
    "choice": ({"cell": ["lstm", "lsmt"]}, "must be one of .*got 'lsmt'; did you mean `lstm`"),
    "value": ({"dropout": {"low": 0.1, "high": 1.5}}, "`dropout` must be at least 0 and below 1, got 1.5"),
    "empty": ({}, "`wrong.yaml` is empty"),
}


@pytest.mark.parametrize(("space", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_space_is_one_line_and_nothing_is_written(space, message, inside, capsys):
    (inside / "wrong.yaml").write_text(yaml.safe_dump(space))
    assert re.search(message, refused(capsys, PIPELINE, [*TUNE, "--space", "wrong.yaml"]))
    assert not (inside / "tuning").exists()


def test_other_wrong_input(inside, capsys):
    (inside / "file").write_text("")
    for words, message in (
        (["--tuning", "file"], "cannot write the search `file/sentiment/first`: Not a directory"),
        (["--resume"], "no search `tuning/sentiment/first`"),
        (["--trials", "0"], "`trials` must be positive"),
        (["--algorithm", "grid"], "`--algorithm` must be one of"),
        (["--data", "nowhere.tsv"], "no such file"),
        (["--against", "runs/none"], "no run `runs/none`"),
    ):
        assert message in refused(capsys, PIPELINE, [*TUNE, *words])


def test_a_second_chief_is_refused(inside, capsys):
    settings = {"algorithm": "random", "search_seed": 1, "trials": 1}
    search = SearchDirectory.create("tuning", "sentiment", "first", config={}, space={}, settings=settings)
    message = refused(capsys, PIPELINE, [*TUNE, "--resume", "--trials", "1"])
    assert "another process directs the search `tuning/sentiment/first`" in message
    search.close()


@pytest.mark.slow
def test_workers(inside):
    out = run(inside, PIPELINE, *TUNE, "--space", "space.yaml", "--trials", "2", "--workers", "2")
    assert "2 done" in out and (inside / FIRST / "best.yaml").is_file()
    logs = [file.read_text() for file in (inside / FIRST / "workers").iterdir()]
    assert logs == ["", ""]
