"""The raw-string signatures of a tagger against the model in this process."""

import json

import numpy as np
import pytest
import tensorflow as tf

from kseq.data.segmentation import segment
from kseq.data.token_features import TokenFeatures
from kseq.export import tagger as module
from kseq.export.reader import save_reader
from kseq.export.saved_model import ExportError
from kseq.export.tagger import TextTagger, entities_of
from kseq.models import SequenceEncoder, Tagger
from kseq.tags import entities, labels
from tests.helpers import randomise

TEXTS = ["Ada met Bo Li in Paris.", "", "a", "  Ada,  who?  ", "王小明 in Paris (1842)", "x " * 40]
SENTENCES = [["Ada", "met", "Bo", "in", "Paris", "."], ["who", "?", "王"]]


def make(scheme="BIOES", level="word", **options):
    features = TokenFeatures.build(SENTENCES, characters=True, casing=True, bigrams=1, lower=True)
    encoder = SequenceEncoder(features.sizes, units=6, seed=4)
    model = Tagger(encoder, labels(["LOC", "PER"], scheme), scheme, **options)
    model.build()
    return TextTagger(randomise(model, scale=1.0), features, level)


def tag(function, texts=TEXTS):
    return {name: x.numpy() for name, x in function(text=tf.constant(texts)).items()}


@pytest.fixture(
    scope="module", params=[("BIOES", "word"), pytest.param(("IOB1", "char"), marks=pytest.mark.slow)]
)
def both(request, tmp_path_factory):
    tagger = make(*request.param)
    root = tmp_path_factory.mktemp("saved")
    path = save_reader(tagger, root, "toy", config={"units": 6}, metrics={"f1": 0.5})
    return tagger, tf.saved_model.load(str(path)), path


def test_the_export_gives_the_models_tags(both):
    tagger, loaded, path = both
    found, expected = tag(loaded.signatures["tag"]), tag(tagger.tag)
    assert set(found) == set(expected)
    for name, value in expected.items():
        if value.dtype.kind == "f":
            np.testing.assert_allclose(found[name], value, atol=1e-5)
        else:
            np.testing.assert_array_equal(found[name], value)
    manifest = json.loads((path / "manifest.json").read_text())
    assert manifest["config"] == {"units": 6} and set(manifest["signatures"]) == {"tag", "tag_tokens"}


def test_entities_are_those_of_the_tags(both):
    tagger, _, _ = both
    found = tag(tagger.tag)
    segments = segment(tf.constant(TEXTS), tagger.level)
    total = 0
    for row, text in enumerate(TEXTS):
        count = found["num_tokens"][row]
        tags = [t.decode() for t in found["tags"][row][:count]]
        assert not found["tags"][row][count:].any() and len(segments.tokens[row]) == count
        start, end = segments.start[row].numpy(), segments.end[row].numpy()
        expected = [
            (kind, int(start[a]), int(end[b - 1]), float(found["confidence"][row][a:b].min()))
            for kind, a, b in entities(tags, tagger.model.scheme)
        ]
        ours = entities_of(found, row)
        assert [(e["type"], e["start"], e["end"], e["confidence"]) for e in ours] == expected
        assert [e["text"] for e in ours] == [text[a:b] for _, a, b, _ in expected]
        total += len(ours)
    assert total > 2  # random weights find something


def test_texts_one_by_one_give_the_same(both):
    _, loaded, _ = both
    together = tag(loaded.signatures["tag"])
    for row, text in enumerate(TEXTS):
        alone = entities_of(tag(loaded.signatures["tag"], [text]), 0)
        batched = entities_of(together, row)
        assert [e.pop("confidence") for e in alone] == pytest.approx(
            [e.pop("confidence") for e in batched], abs=1e-5
        )
        assert alone == batched


def test_split_tokens(both):
    tagger, loaded, _ = both
    tokens = tf.ragged.constant([*SENTENCES, []]).to_tensor()
    tokens = tf.pad(tokens, [[0, 0], [0, 2]])
    found = loaded.signatures["tag_tokens"](tokens=tokens)
    expected = tagger.tag_tokens(tokens)
    np.testing.assert_array_equal(found["tags"], expected["tags"])
    assert found["tags"].shape == found["confidence"].shape == tokens.shape
    np.testing.assert_array_equal(found["tags"].numpy() == b"", tokens.numpy() == b"")


def test_no_operation_that_runs_here_only(both):
    _, loaded, _ = both
    graph = loaded.signatures["tag"].graph
    operations = {node.op for f in graph.as_graph_def().library.function for node in f.node_def}
    assert not {op for op in operations if "Cudnn" in op or "Xla" in op}


@pytest.mark.slow
def test_an_export_that_differs_is_not_announced(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "difference", lambda theirs, ours: 1.0)
    with pytest.raises(ExportError, match="differs from the model by 1"):
        save_reader(make(), tmp_path, "toy", config={}, metrics={})
    assert not list(tmp_path.iterdir())
