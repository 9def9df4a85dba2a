"""The program as a user runs it, on small models."""

import re

import keras
import matplotlib.image
import pytest

from kseq.layers import LSTM
from pipelines.inspect import PIPELINE, run, words
from tests.pipelines.programs import run as run_program
from tests.pipelines.programs import shown


def printed(capsys, *arguments):
    assert run(arguments) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def test_a_keras_file(tmp_path, capsys):
    model = keras.Sequential([keras.layers.Embedding(30, 4), LSTM(5, name="memory"), keras.layers.Dense(2)])
    model.build((None, None))
    model.save(tmp_path / "small.keras")
    out = printed(capsys, str(tmp_path / "small.keras"), "--steps", "3", "--jacobians", "2")
    folder = tmp_path / "small-inspection"
    assert {p.name for p in folder.iterdir()} == {"unfolded.png", "unfolded.svg", "gradient_flow.png"}
    assert "40 random steps" in out and re.search(r"^memory +40 ", out, re.MULTILINE)


def test_cells_and_memory(tmp_path, capsys):
    out = printed(capsys, "cells", "--cells", "gru", "--steps", "5", "--units", "3", "--out", str(tmp_path))
    assert re.search(r"^gru +5 ", out, re.MULTILINE) and (tmp_path / "cells.png").is_file()
    small = ["--units", "4", "--max-updates", "2", "--delays", "4", "6", "--out", str(tmp_path)]
    out = printed(capsys, "memory", "--cells", "simple_rnn", *small)
    assert out.count("2 updates") == 2 and "chance" in out
    assert matplotlib.image.imread(tmp_path / "memory_adding.png")[..., :3].std() > 0.05


def test_the_word_model_may_be_left_out():
    assert words(["a.keras", "--steps", "3"]) == ["model", "--model", "a.keras", "--steps", "3"]
    assert words(["model", "a.keras"]) == ["model", "--model", "a.keras"]
    for same in (["memory", "--task", "copy"], ["model", "--model", "x"], ["--help"], [], ["model"]):
        assert words(same) == same


WRONG = {
    "no model": (["runs/nothing"], "no model `runs/nothing`: give a run directory or a .keras file"),
    "near": (["smal.keras"], "did you mean `small.keras`"),
    "no run": (["folder"], "`folder` is no run directory"),
    "no keras file": (["small.keras"], "cannot load `small.keras`"),
    "steps": (["small.keras", "--steps", "0"], "`steps` must be positive, got 0"),
    "task": (["memory", "--task", "adder"], "`--task` must be one of adding, agreement, copy"),
    "delay": (["memory", "--task", "agreement", "--delays", "7"], "must be a multiple of 3"),
    "short": (["memory", "--delays", "1"], "`delays` of adding must be at least 2, got 1"),
    "cell": (["cells", "--cells", "lsmt"], "did you mean `lstm`"),
}


@pytest.mark.parametrize(("given", "message"), WRONG.values(), ids=WRONG)
def test_wrong_input_is_one_line_and_nothing_is_written(given, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "small.keras").write_text("none")
    before = sorted(tmp_path.rglob("*"))
    assert run(given) == 2
    out, err = capsys.readouterr()
    assert err.startswith("error: ") and err.count("\n") == 1 and out == "" and message in err
    assert sorted(tmp_path.rglob("*")) == before


TINY = ["--units", "6", "--epochs", "1", "--name", "r", "--batch-size", "8"]
RUNS = {
    "language_model": ["--data", "text.txt", "--cell", "gru", "--time-steps", "8", "--num-layers", "2"],
    "sentiment": ["--data", "texts.tsv", "--embedding-dim", "6"],
    "ner": ["--data", "tags.conll", "--embedding-dim", "6"],
    "translation": ["--data", "pairs.tsv", "--bidirectional"],
    "autoencoder": ["--data", "lines.txt", "--embedding-dim", "6", "--decoder-units", "6"],
}
PICTURES = {
    "language_model": {"activity_rnn-0.png", "activity_rnn-1.png"},
    "sentiment": {"activity_forward_forward.png", "activity_backward.png"},
    "ner": {"activity_forward_forward.png", "activity_backward.png", "transitions.png"},
    "translation": {"activity_forward_forward.png", "activity_backward.png", "attention.png"},
    "autoencoder": {"activity_forward_forward.png", "activity_backward.png", "activity_recurrent_0.png"},
}


@pytest.mark.slow
@pytest.mark.parametrize("task", RUNS)
def test_a_run(task, tmp_path, monkeypatch, capsys):
    import importlib

    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("the cat sat on the mat. " * 60)
    (tmp_path / "lines.txt").write_text("the cat sat\nthe mat sat on the cat\n" * 30)
    (tmp_path / "texts.tsv").write_text("text\tlabel\n" + "good film\tpos\nbad film\tneg\n" * 30)
    (tmp_path / "tags.conll").write_text("Ada B-PER\nmet O\nBo B-PER\n\n" * 40)
    (tmp_path / "pairs.tsv").write_text("".join(f"{n}\t{n + 1}\n" for n in range(100, 200)))
    pipeline = importlib.import_module(f"pipelines.{task}").PIPELINE
    shown(capsys, pipeline, "train", *RUNS[task], *TINY, "--watch-gradients")
    assert list((tmp_path / f"runs/{task}/r/tensorboard/gradients").glob("events*.flow"))
    out = printed(capsys, f"runs/{task}/r", "--text", "the cat", "--jacobians", "1")
    written = {p.name for p in (tmp_path / f"runs/{task}/r/inspection").iterdir()}
    assert written >= {"unfolded.png", "unfolded.svg", "gradient_flow.png"} | PICTURES[task]
    assert "reads       'the cat'" in out and "activity" in out


@pytest.mark.slow
def test_the_command_line(tmp_path):
    out = run_program(tmp_path, PIPELINE, "cells", "--steps", "4", "--units", "3", "--cells", "lstm")
    assert "spectral radius" in out and (tmp_path / "inspection" / "cells.png").is_file()
