"""The program as a user runs it, on a few sentences."""

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from pipelines.ner import PIPELINE, Config
from tests.pipelines.programs import refused, rows, run, shown

SMALL = ["--units", "8", "--embedding-dim", "8", "--character-units", "4", "--batch-size", "8"]
FIRST = Path("runs/ner/first")
FILES = ("config.yaml", "environment.json", "status.json", "metrics.json", "history.csv", "model.keras")
REPORTS = ("vocabulary.json", "learning_curve.png", "confusion.png", "errors.txt")
PEOPLE, PLACES = ["Ada", "Bo", "Cy", "Dee"], ["Rome", "Oslo", "Lima"]


def sentence(random):
    who, where = random.choice(PEOPLE), random.choice(PLACES)
    kind = random.integers(3)
    if kind == 0:
        return [(who, "B-PER"), ("Li", "I-PER"), ("lives", "O"), ("in", "O"), (where, "B-LOC"), (".", "O")]
    if kind == 1:
        return [("In", "O"), (where, "B-LOC"), ("it", "O"), ("rains", "O"), (".", "O")]
    return [(who, "B-PER"), ("met", "O"), (random.choice(PEOPLE), "B-PER"), (".", "O")]


def conll(count=80, seed=0):
    random = np.random.default_rng(seed)
    made = ("".join(f"{word}\t{tag}\n" for word, tag in sentence(random)) for _ in range(count))
    return "\n".join(made)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a finished run, and what its training printed."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "people.conll").write_text(conll())
    words = ["--data", "people.conll", *SMALL, "--epochs", "6", "--learning-rate", "0.03", "--name", "first"]
    return folder, run(folder, PIPELINE, "train", *words, "--validation", "0.2", "--warmup-steps", "2")


@pytest.fixture
def inside(trained, monkeypatch):
    monkeypatch.chdir(trained[0])
    return trained[0]


@pytest.mark.slow
def test_train_leaves_a_complete_run(trained):
    folder, out = trained
    path = folder / FIRST
    for name in (*FILES, *REPORTS):
        assert (path / name).stat().st_size > 0, name
    assert {p.name for p in path.iterdir()} == {*FILES, *REPORTS, "tensorboard"}  # no backup, nothing hidden
    assert json.loads((path / "status.json").read_text())["status"] == "finished"
    config = yaml.safe_load((path / "config.yaml").read_text())
    assert config["units"] == 8 and config["level"] == "word" and config["dropout"] == Config().dropout
    history = rows(path / "history.csv")
    assert {"loss", "val_loss", "val_f1", "tokens/s"} <= set(history[0])
    metrics = json.loads((path / "metrics.json").read_text())
    assert metrics["validation"]["f1"] == pytest.approx(max(float(row["val_f1"]) for row in history))
    assert metrics["test"]["f1"] == metrics["validation"]["f1"] > 0.5
    assert f"F1 {metrics['test']['f1']:.2%}" in out
    assert "drawn at random" in out and "validation serves as test" in out
    for name in ("learning_curve.png", "confusion.png"):
        assert (path / name).read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_evaluate_repeats_the_figures_and_takes_other_sentences(inside, capsys):
    metrics = json.loads((inside / FIRST / "metrics.json").read_text())
    out = shown(capsys, PIPELINE, "evaluate")
    assert re.search(rf"overall .* {100 * metrics['test']['f1']:.2f} ", out) and "not in training" in out
    (inside / "other.conll").write_text(conll(20, seed=5).replace("Rome\tB-LOC", "Rome\tB-TOWN"))
    out = shown(capsys, PIPELINE, "evaluate", "--data", "other.conll", "--part", "train", "--errors", "3")
    assert "TOWN" in out and "sentence" in out
    assert "not in training" not in out  # whatever other.conll calls training: the tagger never saw it


@pytest.mark.slow
def test_predict_gives_json_lines(inside, capsys):
    text = "Ada Li lives in Oslo."
    lines = shown(capsys, PIPELINE, "predict", "--text", text, "").splitlines()
    assert [json.loads(line)["text"] for line in lines] == [text, ""]
    found = json.loads(lines[0])["entities"]
    assert all(text[e["start"] : e["end"]] == e["text"] and 0 < e["confidence"] <= 1 for e in found)
    assert ("LOC", "Oslo") in [(e["type"], e["text"]) for e in found]
    assert json.loads(lines[1])["entities"] == []


@pytest.mark.slow
def test_predict_reads_files_standard_input_and_tokens(inside, capsys, monkeypatch):
    texts = ["Ada Li lives in Oslo .", "", "In  Lima it rains ."]
    (inside / "texts.txt").write_text("\r\n".join(texts) + "\r\n")
    by_argument = shown(capsys, PIPELINE, "predict", "--text", *texts)
    assert shown(capsys, PIPELINE, "predict", "--file", "texts.txt") == by_argument
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(texts)))
    assert shown(capsys, PIPELINE, "predict") == by_argument
    assert shown(capsys, PIPELINE, "predict", "--tokens", "--text", *texts) == by_argument


@pytest.mark.slow
def test_predict_colours_a_terminal(inside, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    out = shown(capsys, PIPELINE, "predict", "--text", "In Lima it rains.")
    assert re.sub(r"\x1b\[[\d;]*m", "", out).startswith("In Lima LOC ")
    assert shown(capsys, PIPELINE, "predict", "--json", "--text", "In Lima it rains.").startswith("{")


@pytest.mark.slow
def test_export(inside, capsys):
    import tensorflow as tf

    text = "Ada Li lives in Oslo."
    predicted = json.loads(shown(capsys, PIPELINE, "predict", "--text", text))["entities"]
    out = shown(capsys, PIPELINE, "export", "--name", "people")
    path = inside / "saved_models" / "people" / "1"
    assert str(path.relative_to(inside)) in out
    loaded = tf.saved_model.load(str(path))
    found = loaded.signatures["serving_default"](text=tf.constant([text]))
    assert [t.decode() for t in found["entity_text"].numpy()[0]] == [e["text"] for e in predicted]
    assert found["entity_start"].numpy()[0].tolist() == [e["start"] for e in predicted]
    assert json.loads((path / "manifest.json").read_text())["config"]["run"] == "first"


@pytest.mark.slow
def test_chinese_characters_by_a_configuration_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "zh").mkdir()
    lines = {"train.bmes": 40, "dev.bmes": 5, "test.bmes": 6}
    sentence = "".join(
        f"{c} {t}\n" for c, t in zip("王小明在京。", ["B-P", "M-P", "E-P", "O", "S-L", "O"], strict=True)
    )
    for name, count in lines.items():
        (tmp_path / "zh" / name).write_text("\n".join([sentence] * count), encoding="utf-8")
    values = {"data": "zh", "characters": "none", "casing": False, "bigrams": 1, "bigram_dim": 4, "units": 6}
    values |= {"embedding_dim": 8, "cell": "gru", "num_layers": 2, "head": "softmax", "warmup_steps": 1}
    (tmp_path / "zh.yaml").write_text(yaml.safe_dump(values))
    out = shown(capsys, PIPELINE, "train", "--config", "zh.yaml", "--epochs", "2", "--name", "zh")
    assert (
        "BMES, learned as BIOES" in out and "split by char" in out and "gru, 2 x 2 x 6 units, softmax" in out
    )
    shown(capsys, PIPELINE, "predict", "--text", "王小明在京。 王小明")
    assert yaml.safe_load(Path("runs/ner/zh/config.yaml").read_text())["level"] == "char"


@pytest.mark.slow
def test_pretrained_vectors(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "people.conll").write_text(conll(20))
    (tmp_path / "vectors.txt").write_text("oslo 1 2 3\nhelsinki 4 5 6\nin 7 8 9\n")
    words = [
        "--data",
        "people.conll",
        *SMALL,
        "--epochs",
        "1",
        "--vectors",
        "vectors.txt",
        "--embedding-dim",
        "3",
    ]
    assert "have one in vectors.txt" in shown(capsys, PIPELINE, "train", *words, "--name", "v")


# what goes wrong

TINY = ["train", *SMALL, "--epochs", "1", "--data"]
GOOD = [*TINY, "good.conll"]
WRONG = {
    "missing file": ([*TINY, "nowhere.conll"], "no such file: nowhere.conll"),
    "unknown name": ([*TINY, "conll200"], "conll2003"),
    "empty file": ([*TINY, "empty.conll"], "empty.conll"),
    "binary file": ([*TINY, "binary.conll"], "binary.conll"),
    "latin-1": ([*TINY, "latin.conll"], "latin.conll is not a text file.*line 2"),
    "ragged": ([*TINY, "ragged.conll"], "ragged.conll:3"),
    "unknown tag": ([*TINY, "tag.conll"], "tag.conll:2.*unknown tag 'PER'"),
    "two schemes": ([*TINY, "mixed.conll"], "mixed.conll:6.*two schemes"),
    "no tags": ([*TINY, "plain.conll"], "plain.conll:1"),
    "no entities": ([*TINY, "outside.conll"], "no entities: all tags"),
    "column": ([*GOOD, "--tag-column", "7"], "good.conll"),
    "column by name": ([*GOOD, "--tag-column", "ner"], "good.conll"),
    "vectors": ([*GOOD, "--vectors", "good.conll"], "good.conll"),
    "cell": ([*GOOD, "--cell", "lsmt"], "did you mean `lstm`"),
    "scheme": ([*GOOD, "--scheme", "BILOU"], "`--scheme` must be one of"),
    "units": ([*GOOD, "--units", "0"], "`units` must be positive, got 0"),
    "word dropout": ([*GOOD, "--word-dropout", "1"], "`word_dropout` must be at least 0 and below 1"),
    "resume what": ([*GOOD, "--resume"], "`--resume` needs `--name`"),
    "predict nothing": (["predict"], "no trained model in `runs/ner`: run `train` first"),
}


@pytest.mark.parametrize(("words", "message"), WRONG.values(), ids=WRONG)
def test_wrong_input_is_one_line_and_nothing_is_written(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    good = conll(20)
    contents = {
        "good": good,
        "empty": "",
        "ragged": "Ada\tB-PER\nran\tO\nfast\n",
        "tag": "ran\tO\nAda\tPER\n",
        "mixed": "Ada\tB-PER\nLi\tI-PER\nran\tO\n\nA\tB-PER\nB\tM-PER\nC\tE-PER\n",
        "plain": "Ada\nran\n",
        "outside": "ran\tO\n\n" * 20,
    }
    for name, content in contents.items():
        (tmp_path / f"{name}.conll").write_text(content)
    (tmp_path / "binary.conll").write_bytes(b"text\0\xff\xfe" * 100)
    (tmp_path / "latin.conll").write_bytes("ran\tO\nAdé\tB-PER\n".encode("latin-1"))
    before = sorted(tmp_path.iterdir())
    assert re.search(message, refused(capsys, PIPELINE, words))
    assert sorted(tmp_path.iterdir()) == before


WRONG_LATER = {
    "no text": (["predict", "--file", "nowhere.txt"], "nowhere.txt"),
    "no data": (["evaluate", "--data", "nowhere.conll"], "nowhere.conll"),
    "part": (["evaluate", "--part", "dev"], "`--part` must be one of"),
    "errors": (["evaluate", "--errors", "0"], "`errors` must be positive"),
}


@pytest.mark.parametrize(("words", "message"), WRONG_LATER.values(), ids=WRONG_LATER)
@pytest.mark.slow
def test_wrong_input_with_a_run_there_changes_nothing(words, message, inside, capsys):
    before = {p: p.stat().st_mtime_ns for p in (inside / FIRST).rglob("*")}
    assert re.search(message, refused(capsys, PIPELINE, words))
    assert {p: p.stat().st_mtime_ns for p in (inside / FIRST).rglob("*")} == before


@pytest.mark.slow
def test_a_very_long_sentence(inside, capsys):
    text = "Ada met Bo in Oslo . " * 1000
    found = json.loads(shown(capsys, PIPELINE, "predict", "--text", text))["entities"]
    assert len(found) > 1000 and all(text[e["start"] : e["end"]] == e["text"] for e in found)
