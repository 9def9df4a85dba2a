"""The raw-string signatures of a classifier against the model in this process."""

import json

import numpy as np
import pytest
import tensorflow as tf

from kseq.data.token_features import TokenFeatures
from kseq.export import classifier as module
from kseq.export.classifier import TextClassifier
from kseq.export.reader import save_reader
from kseq.export.saved_model import ExportError
from kseq.models import Classifier, SequenceEncoder
from tests.helpers import assert_all_close, randomise

TEXTS = ["a good film .", "", "  ", "not good , not bad", "很好 film", "x " * 40]


def make(pooling="attention", level="word", bidirectional=True, **options):
    features = TokenFeatures.build([text.split() for text in TEXTS], characters=True, lower=True)
    encoder = SequenceEncoder(features.sizes, units=5, bidirectional=bidirectional, seed=4)
    model = Classifier(encoder, ("bad", "fine", "good"), pooling=pooling)
    model.build()
    return TextClassifier(randomise(model, scale=1.0), features, level, **options)


@pytest.fixture(scope="module", params=["attention", pytest.param("max", marks=pytest.mark.slow)])
def both(request, tmp_path_factory):
    classifier = make(request.param, max_tokens=6, keep="both")
    path = save_reader(classifier, tmp_path_factory.mktemp("saved"), "toy", config={"a": 1}, metrics={})
    return classifier, tf.saved_model.load(str(path)), path


def test_the_export_gives_the_models_labels(both):
    classifier, loaded, path = both
    found = loaded.signatures["serving_default"](text=tf.constant(TEXTS))
    for name, value in classifier.classify(tf.constant(TEXTS)).items():
        if value.dtype.is_floating:
            np.testing.assert_allclose(found[name], value, atol=1e-5)
        else:
            np.testing.assert_array_equal(found[name], value)
    probabilities = found["probabilities"].numpy()
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)
    np.testing.assert_array_equal(found["probability"], probabilities.max(1))
    labels = [classifier.labels[k].encode() for k in probabilities.argmax(1)]
    assert found["label"].numpy().tolist() == labels
    assert json.loads((path / "manifest.json").read_text())["config"] == {"a": 1}


def test_texts_one_by_one_give_the_same(both):
    _, loaded, _ = both
    together = loaded.signatures["classify"](text=tf.constant(TEXTS))["probabilities"]
    for row, text in enumerate(TEXTS):
        alone = loaded.signatures["classify"](text=tf.constant([text]))["probabilities"]
        np.testing.assert_allclose(alone[0], together[row], atol=1e-5)


def test_weights_of_the_tokens(both):
    classifier, loaded, _ = both
    assert ("weigh" in loaded.signatures) == (classifier.model.pooling == "attention")
    if "weigh" in loaded.signatures:
        found = loaded.signatures["weigh"](text=tf.constant(TEXTS))
        counts = found["num_tokens"].numpy()
        assert counts.tolist() == [4, 0, 0, 5, 3, 6]
        np.testing.assert_allclose(found["weights"].numpy().sum(1), counts > 0, rtol=1e-5)
        assert found["tokens"].numpy()[4, :3].tolist() == ["很".encode(), "好".encode(), b"film"]


@pytest.mark.slow
def test_an_export_that_differs_is_not_announced(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "difference", lambda theirs, ours: 1.0)
    with pytest.raises(ExportError, match="differs from the model by 1"):
        save_reader(make(), tmp_path, "toy", config={}, metrics={})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("pooling", ["attention", "all"])
@pytest.mark.slow
def test_windows_change_nothing_where_the_network_reads_forwards(pooling):
    whole = make(pooling, bidirectional=False)
    cut = TextClassifier(whole.model, whole.features, "word", window=3)
    assert_all_close(
        cut.classify(tf.constant(TEXTS))["probabilities"], whole.classify(tf.constant(TEXTS))["probabilities"]
    )


@pytest.mark.slow
def test_an_export_that_reads_in_windows(tmp_path):
    classifier = make("max", window=3)
    path = save_reader(classifier, tmp_path, "toy", config={}, metrics={})
    found = tf.saved_model.load(str(path)).signatures["classify"](text=tf.constant(TEXTS))
    assert_all_close(found["probabilities"], classifier.classify(tf.constant(TEXTS))["probabilities"])
