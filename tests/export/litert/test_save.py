"""Exports of the tasks: what lies there, and the runner on raw text, without TensorFlow."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from kseq.data import Vocabulary
from kseq.data.units import Units
from kseq.export import lite_runner
from kseq.export.litert.classifier import LiteClassifier
from kseq.export.litert.language_model import LiteLanguageModel
from kseq.export.litert.save import save
from kseq.export.litert.tagger import LiteTagger
from kseq.export.litert.translator import LiteTranslator
from kseq.export.litert.writer import LiteClassWriter
from kseq.export.saved_model import ExportError
from kseq.export.tagger import entities_of
from kseq.export.writer import ClassWriter
from kseq.models import ClassEncoder, LanguageModel, Seq2Seq
from tests.export import test_classifier, test_tagger, test_translator
from tests.helpers import randomise

ABOUT = {"config": {"task": "ner", "data": "toy", "units": 5}, "metrics": {"test": {"f1": 0.5}}}
# what a machine without them would say
ALONE = """
import runpy, sys
for name in ("tensorflow", "keras", "kseq", "tf_keras"):
    sys.modules[name] = None
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def alone(path, *words, stdin=None, status=0):
    """Returns what the copied runner prints where TensorFlow, Keras and kseq cannot be imported."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    command = [sys.executable, "-c", ALONE, str(path / "lite_runner.py"), *words]
    done = subprocess.run(command, env=environment, input=stdin, capture_output=True, text=True, cwd=path)
    assert done.returncode == status, done.stderr
    return done


@pytest.mark.slow
def test_a_tagger_from_text_to_entities_without_tensorflow(in_process, tmp_path):
    tagger = test_tagger.make()
    lite = LiteTagger(tagger)
    path, report = save(lite, tmp_path, "toy", measure=lambda reader: {"tags": tags_of(reader)}, **ABOUT)
    assert path == tmp_path / "toy" / "litert" / "1"
    assert sorted(file.name for file in path.iterdir()) == [
        "README.md",
        "lite_runner.py",
        "manifest.json",
        "runner.json",
        "toy.dynamic_range.tflite",
        "toy.float32.tflite",
    ]
    assert max(report["float32"]["difference"].values()) < 1e-5
    assert report["float32"]["scores"]["tags"] == tags_of(tagger)

    texts = test_tagger.TEXTS
    done = alone(path, "--text", *texts)
    assert done.stderr == ""
    found = [json.loads(line) for line in done.stdout.splitlines()]
    ours = {name: value.numpy() for name, value in tagger.tag(tf.constant(texts)).items()}
    for row, text in enumerate(texts):
        entities = entities_of(ours, row)
        for one, other in zip(entities, found[row]["entities"], strict=True):
            assert one.pop("confidence") == pytest.approx(other.pop("confidence"), abs=1e-5)
        assert entities == found[row]["entities"], text

    manifest = json.loads((path / "manifest.json").read_text())
    assert manifest["metrics"]["litert"]["dynamic_range"]["bytes"] > 0
    assert set(manifest["files"]) == {file.name for file in path.iterdir()} - {"manifest.json"}
    card = (path / "README.md").read_text()
    for part in (
        "## Intended use",
        "## Limits",
        "| test f1 | 0.5 |",
        "`toy`",
        "| units | 5 |",
        "dynamic_range",
    ):
        assert part in card
    assert alone(path, "--variant", "int4", status=2).stderr.startswith("error: `variant` must be one of")


def tags_of(reader):
    tokens = tf.constant([["Ada", "was", "in", "London"], ["x", "", "", ""]])
    tags = reader.tag_tokens(tokens)["tags"].numpy()
    return float(sum(hash_of(tag) for tag in tags.ravel()))


def hash_of(tag):
    return int.from_bytes(tag, "big") % 1009


def test_a_classifier_without_tensorflow(in_process, tmp_path):
    reader = test_classifier.make("max", max_tokens=4, keep="both")
    path, _ = save(LiteClassifier(reader), tmp_path, "toy", variants=["float32"], **ABOUT)
    texts = [text for text in test_classifier.TEXTS if text == text.strip()]
    done = alone(path, stdin="".join(f"{text}\n" for text in texts))
    assert done.stderr == ""
    found = [json.loads(line) for line in done.stdout.splitlines()]
    ours = reader.classify(tf.constant(texts))
    assert [one["text"] for one in found] == texts
    assert [one["label"].encode() for one in found] == ours["label"].numpy().tolist()
    theirs = [list(one["probabilities"].values()) for one in found]
    np.testing.assert_allclose(theirs, ours["probabilities"], atol=1e-5)


def test_what_differs_is_not_announced(in_process, tmp_path, monkeypatch):
    monkeypatch.setattr(LiteClassifier, "check", lambda self, runner: {"probabilities": float("nan")})
    with pytest.raises(ExportError, match="`probabilities` of the LiteRT runner differs"):
        save(LiteClassifier(test_classifier.make("max")), tmp_path, "toy", variants=["float32"], **ABOUT)
    assert not list(tmp_path.rglob("*.tflite"))
    with pytest.raises(ValueError, match="holds no runner.json"):
        lite_runner.load(tmp_path)


def language_model(level):
    vocabulary = Vocabulary.build("The cat sat on the mat,\nthe dog a import\n", level)
    model = LanguageModel(len(vocabulary), "peephole_lstm", 6, 2, tie_weights=True, seed=1)
    model.build()
    return LiteLanguageModel(randomise(model), vocabulary)


@pytest.mark.slow
@pytest.mark.parametrize("level", ["char", "word"])
def test_a_language_model_reads_and_writes_as_a_stream(in_process, tmp_path, monkeypatch, level):
    monkeypatch.setattr("kseq.export.litert.language_model.CHUNK", 3)
    lite = language_model(level)
    path, report = save(lite, tmp_path, "toy", variants=["float32"], **ABOUT)
    assert set(report["float32"]["milliseconds"]) == {"whole", "reset", "step"}
    runner = lite_runner.load(path)
    ids = lite.vocabulary.encode("the cat sat on\nthe dog the mat the cat")
    np.testing.assert_allclose(runner.log_probs(ids), lite.log_probs(ids), atol=1e-5)
    whole = runner.signatures("whole", tokens=np.array([[2, *ids[:-1]]], np.int32))["log_probs"][0]
    np.testing.assert_allclose(whole[np.arange(len(ids)), ids], lite.log_probs(ids), atol=1e-5)
    assert runner("")["log_prob"] == 0.0 and runner("")["perplexity"] == 1.0
    written = runner.generate("the", 12, temperature=0)
    assert written == runner.generate("the", 12, temperature=0)
    assert runner.generate("the", 30, seed=3) == runner.generate("the", 30, seed=3)
    assert "[UNK]" not in runner.generate("the", 50, temperature=2.0, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"bidirectional": False}, {"window": 3}], ids=str)
def test_a_classifier_reads_in_chunks(in_process, tmp_path, monkeypatch, options):
    monkeypatch.setattr("kseq.export.litert.classifier.CHUNK", 4)
    reader = test_classifier.make("all", **options)
    path, _ = save(LiteClassifier(reader), tmp_path, "toy", variants=["float32"], **ABOUT)
    runner = lite_runner.load(path)
    assert "step" in runner.signatures.names
    texts = [*test_classifier.TEXTS, "good bad " * 20]
    ours = reader.classify(tf.constant(texts))
    theirs = [runner(text) for text in texts]
    np.testing.assert_allclose([runner.probabilities(x) for x in texts], ours["probabilities"], atol=1e-5)
    assert [one["label"].encode() for one in theirs] == ours["label"].numpy().tolist()


@pytest.mark.slow
def test_a_translator_searches_inside_the_graph(in_process, tmp_path):
    reader = test_translator.make(beam_size=3, max_extra=4)
    path, _ = save(LiteTranslator(reader), tmp_path, "toy", variants=["float32"], **ABOUT)
    runner = lite_runner.load(path)
    texts = test_translator.TEXTS
    for text in texts:
        ours = reader.translate(tf.constant([text]), *reader.options())
        found = runner(text)["translations"]
        assert [one["text"].encode() for one in found] == ours["texts"].numpy()[0].tolist()
        np.testing.assert_allclose([one["score"] for one in found], ours["scores"][0], atol=1e-4)


@pytest.mark.slow
def test_a_writer_of_classes(in_process, tmp_path):
    units = Units.build(["Ada", "Bob", "Eve"], "char")
    model = Seq2Seq(
        ClassEncoder(2, 4), units.size, "gru", 6, embedding_dim=5, attention="none", feed_summary=True
    )
    model.build()
    writer = ClassWriter(randomise(model), units, ("one", "two"), 9)
    path, _ = save(LiteClassWriter(writer), tmp_path, "toy", variants=["float32"], **ABOUT)
    runner = lite_runner.load(path)
    for label in writer.labels:
        assert runner.write(label) == writer.names(label, 1, temperature=0.0)[0]
        assert len(runner.write(label, temperature=1.0, seed=2)) <= 9
    with pytest.raises(ValueError, match="`label` must be one of one, two"):
        runner("three")
