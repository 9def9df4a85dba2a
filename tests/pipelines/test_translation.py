"""The program as a user runs it, on a few short pairs."""

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from pipelines.translation import PIPELINE
from tests.pipelines.programs import refused, rows, run, shown

SMALL = ["--embedding-dim", "12", "--encoder-units", "12", "--units", "24", "--batch-size", "16"]
SMALL += ["--warmup-steps", "2", "--dropout", "0"]
FIRST = Path("runs/translation/first")
FILES = {"config.yaml", "environment.json", "status.json", "metrics.json", "history.csv", "model.keras"}
REPORTS = {"vocabulary.json", "learning_curve.png", "translations.tsv", "attention.png", "free_running.png"}
NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def table(count=300, seed=0):
    """Numbers in words to digits."""
    random = np.random.default_rng(seed)
    lines = []
    for _ in range(count):
        digits = random.integers(1, 10, random.integers(1, 4))
        lines.append(" ".join(NUMBERS[d - 1] for d in digits) + "\t" + "".join(map(str, digits)))
    return "\n".join(dict.fromkeys(lines)) + "\n"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a finished run, and what its training printed."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "numbers.tsv").write_text(table())
    words = ["--data", "numbers.tsv", *SMALL, "--epochs", "20", "--learning-rate", "0.02", "--name", "first"]
    words += ["--source-units", "word", "--metric", "token_error_rate", "--beam-size", "3"]
    return folder, run(folder, PIPELINE, "train", *words)


@pytest.fixture
def inside(trained, monkeypatch):
    monkeypatch.chdir(trained[0])
    return trained[0]


@pytest.mark.slow
def test_train_leaves_a_complete_run(trained):
    folder, out = trained
    path = folder / FIRST
    assert {p.name for p in path.iterdir()} == FILES | REPORTS | {"tensorboard"}  # no backup, nothing hidden
    history = rows(path / "history.csv")
    assert {"loss", "val_loss", "val_perplexity", "val_token_error_rate", "tokens/s"} <= set(history[0])
    last = {name: float(history[-1][name]) for name in ("val_true_fed", "val_own_fed")}
    assert 0 < last["val_true_fed"] < 0.5 and last["val_own_fed"] < 2
    metrics = json.loads((path / "metrics.json").read_text())
    assert metrics["test"]["exact"] > 0.8 and metrics["test"]["greedy"]["exact"] > 0.8
    assert metrics["test"]["beam_size"] == 3 and "tok:13a" in metrics["test"]["bleu_signature"]
    assert f"exact {metrics['test']['exact']:.2%}" in out and "greedy" in out
    lines = (path / "translations.tsv").read_text().splitlines()
    assert lines[0] == "source\treferences\ttranslation\tscore"
    assert len(lines) == 1 + metrics["test"]["texts"]
    for name in REPORTS:
        if name.endswith(".png"):
            assert (path / name).read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_evaluate_repeats_the_figures_and_searches_as_told(inside, capsys):
    metrics = json.loads((inside / FIRST / "metrics.json").read_text())
    exact = 100 * metrics["test"]["exact"]
    assert f"{exact:6.2f}" in shown(capsys, PIPELINE, "evaluate")
    out = shown(capsys, PIPELINE, "evaluate", "--part", "train", "--beam-size", "1")
    assert "beam of 1" in out and "greedy" not in out


@pytest.mark.slow
def test_predict_gives_the_best_of_a_beam(inside, capsys, monkeypatch):
    texts = ["one two", "", "nine"]
    out = shown(capsys, PIPELINE, "predict", "--text", *texts, "--attention", "looked.png")
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["text"] for line in lines] == texts
    assert lines[0]["translations"][0]["text"] == "12" and lines[2]["translations"][0]["text"] == "9"
    for line in lines:
        scores = [one["score"] for one in line["translations"]]
        assert len(scores) == 3 and scores == sorted(scores, reverse=True)
    assert Path("looked.png").read_bytes().startswith(b"\x89PNG")
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(texts)))
    assert shown(capsys, PIPELINE, "predict") == out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    out = shown(capsys, PIPELINE, "predict", "--text", "one two", "--best", "2")
    assert re.fullmatch(r"one two\n +-?\d+\.\d{3}  12\n +-?\d+\.\d{3}  .*\n", out)


@pytest.mark.slow
def test_export(inside, capsys):
    import tensorflow as tf

    predicted = json.loads(shown(capsys, PIPELINE, "predict", "--text", "four two six"))["translations"]
    out = shown(capsys, PIPELINE, "export", "--name", "numbers")
    assert "saved_models/numbers/1" in out and "attend:" in out
    loaded = tf.saved_model.load("saved_models/numbers/1")
    found = loaded.signatures["translate"](
        text=tf.constant(["four two six"]), beam_size=tf.constant(3), length_penalty=tf.constant(0.6)
    )
    assert [text.decode() for text in found["texts"].numpy()[0]] == [one["text"] for one in predicted]
    np.testing.assert_allclose(found["scores"][0], [one["score"] for one in predicted], atol=1e-4)


@pytest.mark.slow
def test_scheduled_sampling_aligned_files_and_shared_units(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for side in ("en", "de"):
        (tmp_path / f"train.{side}").write_text("".join(f"{side} house {n}\n" for n in range(60)))
        (tmp_path / f"test.{side}").write_text("".join(f"{side} tree {n}\n" for n in range(9)))
    values = {"data": ".", "source_language": "de", "source_units": "bpe", "target_units": "bpe"}
    values |= {"shared": True, "tie_weights": True, "sampling": "output", "sampling_rate": 5.0}
    values |= {"source_size": 60, "target_size": 60, "cell": "gru", "num_layers": 2, "input_feeding": True}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(values))
    out = shown(capsys, PIPELINE, "train", "--config", "c.yaml", "--epochs", "2", "--name", "h", *SMALL)
    assert "gru 1 x 2 x 12 to 2 x 24, additive attention" in out
    history = rows("runs/translation/h/history.csv")
    assert float(history[1]["true_share"]) < float(history[0]["true_share"]) < 1


TINY = ["train", *SMALL, "--epochs", "1", "--data"]
GOOD = [*TINY, "good.tsv"]
WRONG = {
    "missing file": ([*TINY, "nowhere.tsv"], "no such file: nowhere.tsv"),
    "empty file": ([*TINY, "empty.tsv"], "empty.tsv"),
    "misaligned": ([*TINY, "apart"], "has 30 lines.*29"),
    "empty sides": ([*TINY, "holes.tsv"], "holes.tsv"),
    "units": ([*GOOD, "--source-units", "syllable"], "`--source-units` must be one of"),
    "beam": ([*GOOD, "--beam-size", "0"], "`beam_size` must be positive, got 0"),
    "sampling": ([*GOOD, "--sampling", "own"], "`sampling` must be one of"),
    "shared": ([*GOOD, "--shared", "--source-units", "word"], "`shared` needs the same units and size"),
    "no attention to feed": ([*GOOD, "--attention", "none", "--coverage"], "`coverage` needs attention"),
    "predict nothing": (["predict"], "no trained model in `runs/translation`: run `train` first"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_input_gets_one_line_and_leaves_nothing(wrong, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.tsv").write_text(table(40))
    (tmp_path / "empty.tsv").write_text("")
    (tmp_path / "holes.tsv").write_text("one\t1\n\t2\n" * 20)
    (tmp_path / "apart").mkdir()
    for side, count in (("de", 30), ("en", 29)):
        (tmp_path / "apart" / f"train.{side}").write_text("word\n" * count)
    words, message = WRONG[wrong]
    assert re.search(message, refused(capsys, PIPELINE, words))
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_a_beam_larger_than_the_vocabulary(inside, capsys):
    message = refused(capsys, PIPELINE, ["predict", "--text", "one", "--beam-size", "99"])
    assert "`beam_size` must be at most 13" in message
