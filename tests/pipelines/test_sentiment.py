"""The program as a user runs it, on a few short texts."""

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from pipelines.sentiment import PIPELINE, Config
from tests.pipelines.programs import refused, rows, run, shown

SMALL = ["--units", "8", "--embedding-dim", "8", "--batch-size", "8", "--warmup-steps", "2"]
FIRST = Path("runs/sentiment/first")
FILES = ("config.yaml", "environment.json", "status.json", "metrics.json", "history.csv", "model.keras")
REPORTS = ("vocabulary.json", "learning_curve.png", "confusion.png", "calibration.png", "errors.jsonl")


def table(count=120, seed=0):
    random = np.random.default_rng(seed)
    lines = ["text\tlabel"]
    for _ in range(count):
        good = bool(random.integers(2))
        word = random.choice(["good", "fine"] if good else ["bad", "dull"])
        thing = random.choice(["film", "song", "book"])
        if random.integers(2):
            lines.append(f"A {word} {thing}.\t{'pos' if good else 'neg'}")
        else:
            lines.append(f"This {thing} is not {word}!\t{'neg' if good else 'pos'}")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a finished run, and what its training printed."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "things.tsv").write_text(table())
    words = ["--data", "things.tsv", *SMALL, "--epochs", "12", "--learning-rate", "0.03", "--name", "first"]
    words += ["--pooling", "attention", "--validation", "0.2", "--balance", "--characters", "cnn"]
    return folder, run(folder, PIPELINE, "train", *words)


@pytest.fixture
def inside(trained, monkeypatch):
    monkeypatch.chdir(trained[0])
    return trained[0]


@pytest.mark.slow
def test_train_leaves_a_complete_run(trained):
    folder, out = trained
    path = folder / FIRST
    assert {p.name for p in path.iterdir()} == {*FILES, *REPORTS, "tensorboard"}  # no backup, nothing hidden
    assert json.loads((path / "status.json").read_text())["status"] == "finished"
    config = yaml.safe_load((path / "config.yaml").read_text())
    assert config["units"] == 8 and config["level"] == "word" and config["dropout"] == Config().dropout
    history = rows(path / "history.csv")
    assert {"loss", "accuracy", "val_accuracy", "tokens/s"} <= set(history[0])
    metrics = json.loads((path / "metrics.json").read_text())
    best = max(float(row["val_accuracy"]) for row in history)
    assert metrics["validation"]["accuracy"] == pytest.approx(best, abs=1e-6)
    assert metrics["test"] == metrics["validation"] and best > 0.8
    assert f"accuracy {best:.2%}" in out and "validation serves as test" in out
    errors = (path / "errors.jsonl").read_text().splitlines()
    assert len(errors) == round((1 - best) * 24)
    for name in ("learning_curve.png", "confusion.png", "calibration.png"):
        assert (path / name).read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_evaluate_repeats_the_figures_and_takes_other_texts(inside, capsys):
    metrics = json.loads((inside / FIRST / "metrics.json").read_text())
    assert f"accuracy {100 * metrics['test']['accuracy']:.2f}" in shown(capsys, PIPELINE, "evaluate")
    (inside / "other.tsv").write_text(table(40, seed=5))
    out = shown(capsys, PIPELINE, "evaluate", "--data", "other.tsv", "--part", "train")
    assert "ROC-AUC" in out and "calibration error" in out


@pytest.mark.slow
def test_predict_gives_json_lines(inside, capsys, monkeypatch):
    texts = ["A good film.", "", "This song is not good!"]
    out = shown(capsys, PIPELINE, "predict", "--text", *texts)
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["text"] for line in lines] == texts
    for line in lines:
        assert line["probability"] == max(line["probabilities"].values())
        assert sum(line["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert [token for token, _ in lines[0]["weights"]] == ["A", "good", "film", "."]
    assert sum(weight for _, weight in lines[0]["weights"]) == pytest.approx(1, abs=1e-5)
    assert (lines[0]["label"], lines[2]["label"]) == ("pos", "neg")
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(texts)))
    assert shown(capsys, PIPELINE, "predict") == out


@pytest.mark.slow
def test_predict_shades_words_on_a_terminal(inside, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    out = shown(capsys, PIPELINE, "predict", "--text", "A good film.")
    assert "\x1b[48;5;28" in out  # the word that weighed most
    assert re.fullmatch(r"pos \d\.\d\d  A good film \.\n", re.sub(r"\x1b\[[\d;]*m", "", out))


@pytest.mark.slow
def test_export(inside, capsys):
    import tensorflow as tf

    texts = ["A good film.", "This song is not good!"]
    predicted = [json.loads(x) for x in shown(capsys, PIPELINE, "predict", "--text", *texts).splitlines()]
    out = shown(capsys, PIPELINE, "export", "--name", "things")
    path = inside / "saved_models" / "things" / "1"
    assert str(path.relative_to(inside)) in out and "weigh:" in out
    found = tf.saved_model.load(str(path)).signatures["serving_default"](text=tf.constant(texts))
    assert [label.decode() for label in found["label"].numpy()] == [line["label"] for line in predicted]
    np.testing.assert_allclose(found["probability"], [line["probability"] for line in predicted], atol=1e-5)


@pytest.mark.slow
def test_export_to_litert_scores_as_the_model_does(inside, capsys):
    words = ["--formats", "litert", "--variants", "float32", "--name", "things"]
    out = shown(capsys, PIPELINE, "export", *words)
    assert "saved_models/things/litert/1, loaded back and compared with the model" in out
    ours = re.search(r"Keras +(.*) \(test part\)", out)[1]
    assert re.search(r"float32: (.*?); [\d,]+ bytes", out)[1] == ours
    assert re.fullmatch(r"accuracy [\d.]+, macro_f1 [\d.]+", ours)
    card = (inside / "saved_models" / "things" / "litert" / "1" / "README.md").read_text()
    assert "things.tsv" in card and "accuracy" in card
    assert refused(capsys, PIPELINE, ["export", "--formats"]) == "error: `formats` must not be empty\n"


@pytest.mark.slow
def test_export_needs_no_data(inside, capsys):
    (inside / "things.tsv").rename(inside / "elsewhere.tsv")
    try:
        out = shown(capsys, PIPELINE, "export", "--name", "moved")
    finally:
        (inside / "elsewhere.tsv").rename(inside / "things.tsv")
    assert re.search(r"scores +none: no such file: things.tsv", out)
    assert "Keras" not in out and (inside / "saved_models" / "moved" / "1" / "saved_model.pb").is_file()


@pytest.mark.slow
def test_chinese_by_character_and_labels_chosen(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hotels.csv").write_text("text,stars\n" + "很好,5\n不好,1\n还行,3\n真好,4\n" * 15)
    values = {"data": "hotels.csv", "label_column": "stars", "labels": "1=bad; 4,5=good", "cell": "gru"}
    values |= {"units": 6, "embedding_dim": 8, "bidirectional": False, "pooling": "last", "max_tokens": 5}
    (tmp_path / "hotels.yaml").write_text(yaml.safe_dump(values))
    out = shown(capsys, PIPELINE, "train", "--config", "hotels.yaml", "--epochs", "2", "--name", "h")
    assert "split by char" in out and "bad, good" in out and "gru, 1 x 6 units, last pooling" in out


TINY = ["train", *SMALL, "--epochs", "1", "--data"]
GOOD = [*TINY, "good.tsv"]
WRONG = {
    "missing file": ([*TINY, "nowhere.tsv"], "no such file: nowhere.tsv"),
    "empty file": ([*TINY, "empty.tsv"], "empty.tsv"),
    "column": ([*GOOD, "--text-column", "txt"], "no column 'txt'.*did you mean `text`"),
    "one label": ([*TINY, "one.tsv"], "only the label 'pos'"),
    "label": ([*GOOD, "--labels", "pos;nag"], "no text has the label 'nag'.*did you mean `neg`"),
    "encoding": ([*TINY, "gb.tsv"], "give `--encoding gb18030`"),
    "ragged": ([*TINY, "ragged.tsv"], "ragged.tsv:3"),
    "pooling": ([*GOOD, "--pooling", "sum"], "`--pooling` must be one of"),
    "tokens": ([*GOOD, "--max-tokens", "0"], "`max_tokens` must be positive, got 0"),
    "resume what": ([*GOOD, "--resume"], "`--resume` needs `--name`"),
    "predict nothing": (["predict"], "no trained model in `runs/sentiment`: run `train` first"),
}


@pytest.mark.parametrize(("words", "message"), WRONG.values(), ids=WRONG)
def test_wrong_input_is_one_line_and_nothing_is_written(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.tsv").write_text(table(20))
    (tmp_path / "empty.tsv").write_text("")
    (tmp_path / "one.tsv").write_text("text\tlabel\n" + "fine\tpos\n" * 9)
    (tmp_path / "gb.tsv").write_bytes("text\tlabel\n很好\tpos\n".encode("gb18030"))
    (tmp_path / "ragged.tsv").write_text("text\tlabel\nfine\tpos\nbad\n")
    before = sorted(tmp_path.iterdir())
    assert re.search(message, refused(capsys, PIPELINE, words))
    assert sorted(tmp_path.iterdir()) == before
