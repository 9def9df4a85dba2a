"""The program as a user runs it, on a text of a few kilobytes."""

import dataclasses
import json
import re
import shlex
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import yaml

from pipelines.language_model import PIPELINE, Config
from tests.pipelines.programs import refused, rows, run, shown, start

SMALL = [
    *("--units", "8", "--batch-size", "4", "--time-steps", "16", "--ngram-order", "3"),
    *("--warmup-steps", "5"),
]
FIRST = Path("runs/language_model/first")
FILES = ("config.yaml", "environment.json", "status.json", "metrics.json", "history.csv", "model.keras")
REPORTS = ("vocabulary.json", "learning_curve.png")


def text(lines=120, seed=0):
    words = ["the", "cat", "dog", "sat", "ran", "on", "under", "mat", "log", "and", "quietly"]
    random = np.random.default_rng(seed)
    return "".join(" ".join(random.choice(words, 5)) + ".\n" for _ in range(lines))


def test_the_choices_are_what_the_library_has():
    import kseq.cells
    from kseq.training.optimizer import OPTIMIZERS

    choices = {field.name: field.metadata.get("choices") for field in dataclasses.fields(Config)}
    assert set(choices["cell"]) == set(kseq.cells.NAMES)
    assert set(choices["optimizer"]) == set(OPTIMIZERS)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a finished run, and what its training printed."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "animals.txt").write_text(text())
    words = ["--data", "animals.txt", *SMALL, "--epochs", "2", "--learning-rate", "0.02", "--name", "first"]
    return folder, run(folder, PIPELINE, "train", *words)


@pytest.fixture
def inside(trained, monkeypatch):
    monkeypatch.chdir(trained[0])
    return trained[0]


def test_train_leaves_a_complete_run(trained):
    folder, out = trained
    path = folder / FIRST
    for name in (*FILES, *REPORTS):
        assert (path / name).stat().st_size > 0, name
    assert list((path / "tensorboard").rglob("events*"))
    assert {p.name for p in path.iterdir()} == {*FILES, *REPORTS, "tensorboard"}  # no backup, nothing hidden
    assert json.loads((path / "status.json").read_text())["status"] == "finished"
    config = yaml.safe_load((path / "config.yaml").read_text())
    assert config["units"] == 8 and config["data"] == "animals.txt" and config["dropout"] == Config().dropout
    assert not {"name", "runs", "resume"} & set(config)
    history = rows(path / "history.csv")
    assert [row["epoch"] for row in history] == ["0", "1"]
    assert {"loss", "nats", "val_nats", "val_perplexity", "bpc", "tokens/s"} <= set(history[0])
    assert float(history[1]["val_nats"]) < float(history[0]["val_nats"])
    metrics = json.loads((path / "metrics.json").read_text())
    for part in ("test", "ngram"):
        figures = metrics[part]
        assert figures["perplexity"] == pytest.approx(np.exp(figures["nats"]))
        assert figures["bits"] == pytest.approx(figures["nats"] / np.log(2))
        assert figures["tokens"] == int(np.ceil(len(text()) * 0.05))
        assert f"perplexity {figures['perplexity']:.3f}" in out
    assert metrics["ngram"]["order"] == 3
    assert "validation and test are the last 10% of the text" in out
    assert (path / "learning_curve.png").read_bytes().startswith(b"\x89PNG")


def test_evaluate_repeats_the_figures_and_takes_another_text(inside, capsys):
    metrics = json.loads((inside / FIRST / "metrics.json").read_text())
    out = shown(capsys, PIPELINE, "evaluate")
    for part in ("test", "ngram"):
        assert f"perplexity {metrics[part]['perplexity']:.3f}" in out
    (inside / "other.txt").write_text(text(10, seed=5) + "Übung\n")
    out = shown(capsys, PIPELINE, "evaluate", "--run", str(FIRST), "--text", "other.txt")
    size = len((inside / "other.txt").read_text())
    assert f"{size:,} characters" in out and f"{2 / size:.2%}" in out  # of which Ü and b are unknown


def test_generate_is_fixed_by_its_seed(inside, capsys):
    words = ["generate", "--prompt", "the cat", "--length", "60", "--temperature", "1.3"]
    one, same, other = (shown(capsys, PIPELINE, *words, "--seed", seed) for seed in "778")
    assert one == same != other
    assert one.startswith("the cat") and len(one) == len("the cat") + 60 + 1
    assert shown(capsys, PIPELINE, *words) != shown(capsys, PIPELINE, *words)
    greedy = [*words, "--temperature", "0"]
    assert shown(capsys, PIPELINE, *greedy) == shown(capsys, PIPELINE, *greedy, "--top-k", "5", "--seed", "1")
    assert "[UNK]" not in one + other


def test_generate_with_beams(inside, capsys):
    """The likeliest texts, best first; more beams do not find worse ones here."""
    words = ["generate", "--prompt", "the cat", "--length", "12", "--beams"]
    found = {}
    for beams in (1, 4):
        out = shown(capsys, PIPELINE, *words, str(beams))
        nats = [float(x) for x in re.findall(r"^([\d.]+) nats$", out, re.MULTILINE)]
        assert len(nats) == out.count("the cat") >= beams and nats == sorted(nats)
        found[beams] = nats
    assert len(found[1]) == 1 and len(found[4]) == 4 and found[4][0] <= found[1][0]
    greedy = shown(capsys, PIPELINE, *words[:-1], "--temperature", "0")
    assert greedy.strip() in shown(capsys, PIPELINE, *words, "1")


def test_export(inside, capsys):
    import tensorflow as tf

    out = shown(capsys, PIPELINE, "export", "--run", str(FIRST), "--name", "animals")
    path = inside / "saved_models" / "animals" / "1"
    assert str(path.relative_to(inside)) in out
    manifest = json.loads((path / "manifest.json").read_text())
    assert manifest["config"]["run"] == "first" and manifest["config"]["units"] == 8
    test = manifest["metrics"]["test"]
    whole = text()[-int(np.ceil(len(text()) * 0.05)) :]
    loaded = tf.saved_model.load(str(path))
    found = loaded.signatures["log_prob"](text=tf.constant([whole]))
    assert found["perplexity"].numpy()[0] == pytest.approx(test["perplexity"], rel=1e-3)
    assert (
        shown(capsys, PIPELINE, "export", "--run", str(FIRST), "--name", "animals")
        and (path.parent / "2").is_dir()
    )


@pytest.mark.slow
def test_words_from_a_configuration_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    for part, lines in (("train.txt", 200), ("valid.txt", 20), ("test.txt", 30)):
        (tmp_path / "data" / part).write_text(text(lines, seed=lines))
    values = {"data": "data", "level": "word", "units": 6, "num_layers": 2, "cell": "gru", "epochs": 5}
    values |= {"tie_weights": True, "batch_size": 4, "time_steps": 8, "schedule": "plateau"}
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(values))
    out = shown(capsys, PIPELINE, "train", "--config", "small.yaml", "--epochs", "1", "--name", "w")
    assert "per word" in out and "gru, 2 x 6 units" in out and "validation and test as" in out
    config = yaml.safe_load(Path("runs/language_model/w/config.yaml").read_text())
    assert {**config, **values, "epochs": 1} == config
    metrics = json.loads(Path("runs/language_model/w/metrics.json").read_text())
    assert metrics["test"]["tokens"] == 30 * 6 and metrics["ngram"]["order"] == 5
    words = shown(capsys, PIPELINE, "generate", "--length", "30", "--temperature", "3", "--seed", "1").split()
    assert set(words) <= set(text().replace(".", ". ").split()) | set(text(200, seed=200).split())


# what goes wrong

TINY = ["train", *SMALL, "--epochs", "1", "--data"]
GOOD = [*TINY, "good.txt"]
WRONG = {
    "missing file": ([*TINY, "nowhere.txt"], "no such file: nowhere.txt"),
    "unknown name": ([*TINY, "tiny_shakespear"], "tiny_shakespeare"),
    "empty file": ([*TINY, "empty.txt"], "empty.txt is empty"),
    "binary file": ([*TINY, "binary.txt"], "binary.txt is not a text file: byte 0x00"),
    "folder": ([*TINY, "folder"], "folder has no file named train*"),
    "short": ([*TINY, "short.txt"], "shorter than one batch|too short"),
    "short for the batch": ([*GOOD, "--batch-size", "9000"], "lower `batch_size` to at most"),
    "short validation": ([*GOOD, "--validation", "1e-9"], "short"),
    "short test": ([*GOOD, "--test", "1e-9"], "short"),
    "fractions": ([*GOOD, "--test", "0.6", "--validation", "0.6"], "`validation` and `test` must leave"),
    "cell": ([*GOOD, "--cell", "lsmt"], "got 'lsmt'; did you mean `lstm`"),
    "option": ([*GOOD, "--unit", "8"], "unknown option `--unit`; did you mean `--units`"),
    "units": ([*GOOD, "--units", "0"], "`units` must be positive, got 0"),
    "type": ([*GOOD, "--epochs", "two"], "`--epochs` must be a whole number, got 'two'"),
    "dropout": ([*GOOD, "--dropout", "1"], "`dropout` must be at least 0 and below 1"),
    "vocabulary": ([*GOOD, "--max-vocab", "2"], "max_"),
    "count": ([*GOOD, "--min-count", "99999"], "no tokens for a vocabulary"),
    "seed": ([*GOOD, "--seed", "99999999999"], "`seed`"),
    "key": (["train", "--config", "unknown.yaml"], "unknown key `unitz` in `unknown.yaml`; did you mean"),
    "yaml": (["train", "--config", "broken.yaml"], "`broken.yaml`, line 2 is not valid YAML"),
    "no yaml": (["train", "--config", "none.yaml"], "cannot read the configuration `none.yaml`"),
    "run's name": ([*GOOD, "--name", "a/b"], "`name` must be letters"),
    "run's folder": ([*GOOD, "--runs", "good.txt"], "cannot write the run directory"),
    "resume what": ([*GOOD, "--resume"], "`--resume` needs `--name`"),
    "resume nothing": ([*GOOD, "--resume", "--name", "x"], "no run `runs/language_model/x` to resume"),
    "evaluate nothing": (["evaluate"], "no trained model in `runs/language_model`: run `train` first"),
    "generate nothing": (["generate", "--run", "runs/x"], "no run `runs/x`"),
    "export nothing": (["export"], "no trained model"),
}


@pytest.mark.parametrize(("words", "message"), WRONG.values(), ids=WRONG)
def test_wrong_input_is_one_line_and_nothing_is_written(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.txt").write_text(text())
    (tmp_path / "short.txt").write_text("abc\n")
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "binary.txt").write_bytes(b"text\0\xff\xfe" * 100)
    (tmp_path / "folder").mkdir()
    (tmp_path / "unknown.yaml").write_text("unitz: 8\n")
    (tmp_path / "broken.yaml").write_text("units: [8\n")
    before = sorted(tmp_path.iterdir())
    assert re.search(message, refused(capsys, PIPELINE, words))
    assert sorted(tmp_path.iterdir()) == before


WRONG_LATER = {
    "taken": (
        [*TINY, "animals.txt", "--name", "first"],
        "there is a run `runs/language_model/first` already",
    ),
    "finished": ([*TINY, "animals.txt", "--name", "first", "--resume"], "is finished"),
    "near run": (["generate", "--run", "runs/language_model/frist"], "did you mean `first`"),
    "no run": (["export", "--run", "runs"], "`runs` is no run directory"),
    "temperature": (["generate", "--temperature", "-1"], "`temperature` must be 0"),
    "top_p": (["generate", "--top-p", "0"], "`top_p` must be above 0"),
    "length": (["generate", "--length", "0"], "`length` must be positive"),
    "beams": (["generate", "--beams", "-1"], "`beams` must not be negative, got -1"),
    "no text": (["evaluate", "--text", "nowhere.txt"], "nowhere.txt"),
    "short text": (["evaluate", "--text", "one.txt"], "one.txt is too short"),
    "unwritable": (
        ["export", "--saved-models", "one.txt"],
        "cannot write the export `one.txt/language_model`",
    ),
}


@pytest.mark.parametrize(("words", "message"), WRONG_LATER.values(), ids=WRONG_LATER)
def test_wrong_input_with_a_run_there_changes_nothing(words, message, inside, capsys):
    (inside / "one.txt").write_text("a")
    before = {p: p.stat().st_mtime_ns for p in (inside / FIRST).rglob("*")}
    assert re.search(message, refused(capsys, PIPELINE, words))
    assert {p: p.stat().st_mtime_ns for p in (inside / FIRST).rglob("*")} == before


def test_wrong_input_in_a_process_of_its_own(tmp_path):
    process = start(tmp_path, PIPELINE, "train", "--data", "nowhere.txt")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "") and err.startswith("error: no such file: nowhere.txt")
    assert err.count("\n") == 1 and list(tmp_path.iterdir()) == []


def test_a_new_process_knows_what_is_in_a_trained_model(inside):
    process = start(inside, PIPELINE, "evaluate", "--run", str(FIRST))
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "perplexity" in out


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["SIGINT", "SIGKILL"])
def test_a_stopped_run_goes_on_and_finishes(number, tmp_path, monkeypatch, capsys):
    epochs = 12
    (tmp_path / "animals.txt").write_text(text())
    words = ["--data", "animals.txt", *SMALL, "--epochs", str(epochs), "--patience", "none", "--name", "cut"]
    process = start(tmp_path, PIPELINE, "train", *words)
    path = tmp_path / "runs/language_model/cut"
    deadline = time.monotonic() + 60
    while not ((path / "history.csv").exists() and len(rows(path / "history.csv")) >= 2):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    done = len(rows(path / "history.csv"))
    assert 2 <= done < epochs and (path / "backup").is_dir()
    command = "python -m pipelines.language_model train --resume --name cut --config "
    command += "runs/language_model/cut/config.yaml"
    if number == signal.SIGINT:
        assert process.returncode == 130 and err == ""
        assert out.splitlines()[-1] == f"interrupted; go on with: {command}"
        assert json.loads((path / "status.json").read_text())["status"] == "interrupted"
        resumed = run(tmp_path, PIPELINE, *shlex.split(command)[3:])
    else:
        assert json.loads((path / "status.json").read_text())["status"] == "running"
        monkeypatch.chdir(tmp_path)
        resumed = shown(capsys, PIPELINE, *shlex.split(command)[3:])
    assert "perplexity" in resumed and "Epoch 1/" not in resumed
    assert [row["epoch"] for row in rows(path / "history.csv")] == [str(n) for n in range(epochs)]
    assert json.loads((path / "status.json").read_text())["status"] == "finished"
    assert {p.name for p in path.iterdir()} == {*FILES, *REPORTS, "tensorboard"}
