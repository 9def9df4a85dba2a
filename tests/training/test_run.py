import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml

from kseq.errors import TrainingInterrupted, UserError
from kseq.files import plain, read_history, replacing, write_json
from kseq.training.run import RunDirectory

CONFIG = {"units": 4, "epochs": 2, "sizes": [1, 2], "data": None}


def create(root, name="first", config=CONFIG, **kwargs):
    return RunDirectory.create(root, "toy", name, config, seed=7, **kwargs)


def trained(root, name="first"):
    run = create(root, name)
    with run.training():
        run.model.write_text("model")
    return run


def error_of(action, *args, **kwargs):
    with pytest.raises(UserError) as caught:
        action(*args, **kwargs)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_create_writes_what_was_asked_and_where_it_ran(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/x/toy.py", "train", "--units", "4"])
    run = create(tmp_path / "runs")
    assert run.path == tmp_path / "runs" / "toy" / "first" and run.name == "first"
    assert run.status == "running" and run.metrics == {}
    assert run.config == CONFIG == yaml.safe_load((run.path / "config.yaml").read_text())
    about = json.loads((run.path / "environment.json").read_text())
    assert about["seed"] == 7 and about["command"] == ["toy.py", "train", "--units", "4"]
    assert about["cpu_count"] == os.cpu_count() and "keras" in about["packages"]
    assert set(os.listdir(run.path)) == {"config.yaml", "environment.json", "status.json"}


def test_paths(tmp_path):
    run = create(tmp_path)
    paths = (run.model, run.backup, run.history, run.tensorboard, run.learning_curve, run.vocabulary)
    assert [path.name for path in paths] == [
        "model.keras",
        "backup",
        "history.csv",
        "tensorboard",
        "learning_curve.png",
        "vocabulary.json",
    ]
    assert {path.parent for path in paths} == {run.path}


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", ".hidden", "-x", "a b", "{epoch}", "a\n"])
def test_names_that_are_no_names(tmp_path, name):
    assert "`name` must be letters" in error_of(create, tmp_path, name)
    assert os.listdir(tmp_path) == []


def test_a_taken_name(tmp_path):
    trained(tmp_path)
    message = error_of(create, tmp_path, config={})
    assert "--name" in message and "--resume" in message and "first" in message
    assert RunDirectory.open(tmp_path / "toy" / "first").config == CONFIG


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    assert "Not a directory" in error_of(create, tmp_path / "file")


def test_resume(tmp_path):
    run = create(tmp_path)
    with run.training():
        run.backup.mkdir()
        raise TrainingInterrupted("SIGINT")
    assert run.status == "interrupted"
    again = create(tmp_path, resume=True)
    assert again.path == run.path and again.status == "running"


def test_resume_with_another_configuration(tmp_path):
    create(tmp_path)
    other = CONFIG | {"units": 5}
    message = error_of(create, tmp_path, config=other, resume=True)
    assert "`units` is 4 in the run" in message and "got 5" in message and "config.yaml" in message
    longer = CONFIG | {"epochs": 9, "sizes": (1, 2)}
    assert create(tmp_path, config=longer, resume=True, may_change=["epochs"]).config["epochs"] == 9


def test_nothing_to_resume(tmp_path):
    assert "no run" in error_of(create, tmp_path, resume=True)
    assert os.listdir(tmp_path) == []
    trained(tmp_path)
    assert "is finished" in error_of(create, tmp_path, resume=True)
    assert "did you mean `first`?" in error_of(create, tmp_path, "frist", resume=True)


def test_failure_before_anything_was_saved_removes_the_run(tmp_path):
    for error in (UserError("no"), RuntimeError("bug"), KeyboardInterrupt()):
        run = create(tmp_path / "deep" / "runs")
        with pytest.raises(type(error)), run.training():
            (run.path / "history.csv").write_text("epoch\n")
            raise error
        assert os.listdir(tmp_path) == []


def test_removal_spares_what_was_there_before(tmp_path):
    root = tmp_path / "runs"
    root.mkdir()
    run = create(root)
    with pytest.raises(RuntimeError), run.training():
        raise RuntimeError
    assert root.is_dir() and os.listdir(root) == []
    trained(root)
    run = create(root, "second")
    with pytest.raises(RuntimeError), run.training():
        raise RuntimeError
    assert os.listdir(root / "toy") == ["first"]


@pytest.mark.parametrize("saved", ["model", "backup"])
@pytest.mark.parametrize("error, status", [(RuntimeError, "failed"), (KeyboardInterrupt, "interrupted")])
def test_failure_after_something_was_saved_keeps_the_run(tmp_path, saved, error, status):
    run = create(tmp_path)
    with pytest.raises(error), run.training():
        getattr(run, saved).mkdir()
        raise error
    assert run.status == status


def test_failure_of_a_resumed_run_keeps_it(tmp_path):
    create(tmp_path)
    run = create(tmp_path, resume=True)
    with pytest.raises(RuntimeError), run.training():
        raise RuntimeError
    assert run.status == "failed"


def test_at_end_is_called_in_every_case(tmp_path):
    calls = []
    for number, error in enumerate((None, TrainingInterrupted, RuntimeError)):
        run = create(tmp_path, f"r{number}")
        run.at_end(lambda: calls.append("closed"))
        try:
            with run.training():
                if error:
                    raise error
        except RuntimeError:
            pass
    assert calls == ["closed"] * 3


def test_open_and_latest(tmp_path):
    assert "run `train` first" in error_of(RunDirectory.latest, tmp_path, "toy")
    trained(tmp_path, "a")
    run = trained(tmp_path, "b")
    create(tmp_path, "unfinished")
    assert RunDirectory.latest(tmp_path, "toy").path == run.path
    time.sleep(0.002)
    RunDirectory(tmp_path / "toy" / "a").set_status("finished")
    assert RunDirectory.latest(tmp_path, "toy").name == "a"
    assert RunDirectory.open(str(run.path)).config == CONFIG
    assert "no model yet" in error_of(RunDirectory.open, tmp_path / "toy" / "unfinished")
    assert "holds no config.yaml" in error_of(RunDirectory.open, tmp_path)
    message = error_of(RunDirectory.open, tmp_path / "toy" / "unfinish")
    assert "no run" in message and "did you mean `unfinished`?" in message


def test_default_names_are_free_and_legal(tmp_path):
    names = []
    for data in ("../data/Tiny Shakespeare.txt.gz", "wikiann/en", "…", "x" * 99, "."):
        for _ in range(2):
            name = RunDirectory.default_name(tmp_path, "toy", data)
            names.append(create(tmp_path, name).name)
    assert names[0].startswith("Tiny-Shakespeare-20") and names[2].startswith("en-20")
    assert len(set(names)) == len(names)


def test_metrics_are_merged_and_replaced(tmp_path):
    run = create(tmp_path)
    run.write_metrics(test={"perplexity": np.float32(3.5)}, ngram=1)
    run.write_metrics(ngram=2, bad=float("nan"))
    assert run.metrics == {"test": {"perplexity": 3.5}, "ngram": 2, "bad": None}


def test_status_is_one_of_four(tmp_path):
    with pytest.raises(ValueError, match="`status` must be one of"):
        create(tmp_path).set_status("done")


def test_files_are_whole_or_not_there(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert json.loads(path.read_text()) == {"a": 1} and os.listdir(tmp_path) == ["a.json"]


def test_plain():
    value = {1: (np.int64(2), [np.ones(2)]), "p": Path("a"), "i": float("inf"), "b": True}
    assert plain(value) == {"1": [2, [[1.0, 1.0]]], "p": "a", "i": None, "b": True}


def test_read_history(tmp_path):
    path = tmp_path / "h.csv"
    path.write_text("epoch,loss,val_loss\n0,1.5,NA\n1,1.25,2\n")
    history = read_history(path)
    assert history["epoch"] == [0, 1] and history["loss"] == [1.5, 1.25]
    assert np.isnan(history["val_loss"][0]) and history["val_loss"][1] == 2
    path.write_text("")
    assert read_history(path) == {}
