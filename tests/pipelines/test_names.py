"""The program as a user runs it, on a few made-up names."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from pipelines.names import PIPELINE
from tests.pipelines.programs import refused, run, shown

SMALL = ["--units", "16", "--embedding-dim", "8", "--class-dim", "4", "--batch-size", "16"]
SMALL += ["--warmup-steps", "2", "--dropout", "0"]
SYLLABLES = {"north": ("br", "und", "ur"), "south": ("la", "vi", "to")}


def write_names(folder, count=60):
    folder.mkdir()
    random = np.random.default_rng(0)
    for label, syllables in SYLLABLES.items():
        names = {"".join(random.choice(syllables, random.integers(2, 5))) for _ in range(count)}
        (folder / f"{label}.txt").write_text("\n".join(sorted(names)) + "\n")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a finished run, and what its training printed."""
    folder = tmp_path_factory.mktemp("trained")
    write_names(folder / "people")
    words = ["--data", "people", *SMALL, "--epochs", "25", "--learning-rate", "0.02", "--name", "first"]
    return folder, run(folder, PIPELINE, "train", *words)


@pytest.fixture
def inside(trained, monkeypatch):
    monkeypatch.chdir(trained[0])
    return trained[0]


def names_of(out):
    lines = [line.split("\t") for line in out.splitlines()]
    return {label: [name for one, name in lines if one == label] for label, _ in lines}


@pytest.mark.slow
def test_train_reports_and_writes_samples(trained):
    folder, out = trained
    path = folder / "runs/names/first"
    metrics = json.loads((path / "metrics.json").read_text())
    assert 1 < metrics["test"]["perplexity"] < 4 and 0 <= metrics["test"]["new"] <= 1
    assert f"perplexity {metrics['test']['perplexity']:.3f}" in out
    assert [line.split(":")[0] for line in (path / "samples.txt").read_text().splitlines()] == list(SYLLABLES)


@pytest.mark.slow
def test_names_are_of_their_class_and_repeatable(inside, capsys):
    command = ("predict", "--count", "8", "--temperature", "0.5")
    out = shown(capsys, PIPELINE, *command)
    assert out == shown(capsys, PIPELINE, *command) != shown(capsys, PIPELINE, *command, "--seed", "2")
    for label, names in names_of(out).items():
        assert len(names) == 8 and len(set(names)) > 1
        own = re.compile(f"(?:{'|'.join(SYLLABLES[label])})*")
        assert sum(bool(own.fullmatch(name)) for name in names) >= 6
    out = shown(capsys, PIPELINE, "predict", "--label", "south", "--start", "to", "--count", "3")
    assert all(name.startswith("to") for name in names_of(out)["south"])


@pytest.mark.slow
def test_evaluate_and_export(inside, capsys):
    import tensorflow as tf

    shown(capsys, PIPELINE, "evaluate", "--part", "validation")
    predicted = names_of(shown(capsys, PIPELINE, "predict", "--label", "north", "--temperature", "0"))
    assert "saved_models/names/1" in shown(capsys, PIPELINE, "export")
    found = tf.saved_model.load("saved_models/names/1").signatures["write"](
        label=tf.constant(["north"]),
        start=tf.constant([""]),
        temperature=tf.constant(0.0),
        top_k=tf.constant(0),
        top_p=tf.constant(1.0),
        seed=tf.constant(1),
    )
    assert found["text"].numpy()[0].decode() == predicted["north"][0]


@pytest.mark.parametrize(
    "words, message",
    [
        (["train", *SMALL], "`--data` is needed"),
        (["train", *SMALL, "--data", "nowhere"], "nowhere"),
        (["train", *SMALL, "--data", "people", "--max-tokens", "1"], "no name of the train part has 1 char"),
        (["predict"], "no trained model in `runs/names`"),
    ],
)
def test_wrong_input_gets_one_line_and_leaves_nothing(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_names(tmp_path / "people")
    assert re.search(message, refused(capsys, PIPELINE, words))
    assert not Path("runs").exists()


@pytest.mark.slow
def test_an_unknown_class_and_options_out_of_range(inside, capsys):
    message = refused(capsys, PIPELINE, ["predict", "--label", "sooth"])
    assert "no class `sooth`; did you mean `south`" in message
    assert "`top_p`" in refused(capsys, PIPELINE, ["predict", "--top-p", "0"])
    assert "`count` must be positive" in refused(capsys, PIPELINE, ["predict", "--count", "0"])
