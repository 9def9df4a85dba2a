"""An autoencoder as a user trains it, and what begins with it."""

import json
import re

import numpy as np
import pytest

from kseq.data.token_features import TokenFeatures
from pipelines import language_model, ner, sentiment
from pipelines.autoencoder import PIPELINE
from pipelines.transfer import rows
from tests.pipelines.programs import refused, shown

SMALL = ["--cell", "simple_rnn", "--units", "8", "--embedding-dim", "8"]
SMALL += ["--batch-size", "8", "--warmup-steps", "2"]


def test_words_are_remapped_by_their_spelling():
    features = TokenFeatures(("", "[UNK]", "film", "a", "00", "new"), lower=True, digits=True)
    tokens = ("", "[UNK]", "[BOS]", "[EOL]", "A", "a", "19", "Film", "film")
    assert rows(features, tokens).tolist() == [0, 1, 7, 4, 6, -1]


@pytest.mark.slow
def test_train_and_begin_others_with_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = np.random.default_rng(0).choice(["good", "bad", "film", "the", "a"], (200, 4))
    (tmp_path / "lines.txt").write_text("".join(" ".join(row) + "\n" for row in words))
    (tmp_path / "texts.tsv").write_text("text\tlabel\n" + "a good film\tpos\na bad film\tneg\n" * 30)
    (tmp_path / "tags.conll").write_text("Ada B-PER\nthe O\nfilm B-PER\n\n" * 40)
    trained = ["train", "--data", "lines.txt", *SMALL, "--epochs", "3", "--learning-rate", "0.03"]
    out = shown(capsys, PIPELINE, *trained, "--decoder-units", "16", "--name", "a")
    assert re.search(r"test +\d+\.\d\d% of tokens come back", out)
    found = json.loads(shown(capsys, PIPELINE, "predict", "--text", "a good film"))
    known = {*words.flat, "[UNK]"}
    assert found["text"] == "a good film" and set(found["reconstruction"].split()) <= known
    assert "encode" in shown(capsys, PIPELINE, "export")
    assert "of tokens" not in shown(capsys, PIPELINE, "evaluate", "--part", "validation")

    given = ["--data", "lines.txt", "--level", "word", *SMALL, "--epochs", "1", "--name", "l"]
    shown(capsys, language_model.PIPELINE, "train", *given)
    begun = [*SMALL, "--epochs", "1", "--characters", "none", "--name", "begun"]
    for program, data, source, layers in (
        (sentiment, "texts.tsv", "autoencoder/a", "forward 1, backward 1"),
        (ner, "tags.conll", "language_model/l", "forward 1"),
    ):
        given = ["train", "--data", data, *begun, "--init-from", f"runs/{source}"]
        out = shown(capsys, program.PIPELINE, *given)
        assert re.search(rf"begins with +runs/{source}: \d+ of \d+ words, layers {layers}\n", out)
    wrong = ["train", "--data", "texts.tsv", *SMALL, "--init-from"]
    assert "no run `runs/x`" in refused(capsys, sentiment.PIPELINE, [*wrong, "runs/x"])
    other = ["--init-from", "runs/language_model/l", "--units", "9"]
    message = refused(capsys, sentiment.PIPELINE, ["train", "--data", "texts.tsv", *SMALL, *other])
    assert "`units` must be 8 as in what is taken, got 9" in message


def test_wrong_options(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert "sees words alone" in refused(capsys, PIPELINE, ["train", "--casing"])
    assert "must be one of none" in refused(capsys, PIPELINE, ["train", "--characters", "cnn"])
