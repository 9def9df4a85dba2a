"""The raw-string signatures against the model in this process."""

import json

import numpy as np
import pytest
import tensorflow as tf

from kseq.data import Vocabulary
from kseq.decoding import BannedIds, generate, random_numbers
from kseq.export import language_model
from kseq.export.language_model import save_language_model, text_log_prob
from kseq.export.saved_model import ExportError
from kseq.models import LanguageModel
from tests.helpers import randomise, to_numpy

TEXT = "The cat sät on the mat,\nthe dog on the log – a cat import\n"
TEXTS = {
    "char": ["the cat", "", "a", "\n\n sät –", "xyz \U0001f600 unknown", "the log on the cat"],
    "word": ["the cat", "", "a", "the\n\non  sät – ", "xyz \U0001f600 unknown the", "log\n"],
}


class Exported:
    """A model with random weights, exported and loaded back."""

    def __init__(self, level, root):
        self.vocabulary = Vocabulary.build(TEXT, level)
        self.model = LanguageModel(len(self.vocabulary), "peephole_lstm", 6, 2, tie_weights=True, seed=1)
        self.model.build()
        randomise(self.model)
        bias = to_numpy(self.model.output_bias).copy()
        bias[:3] = 6.0  # padding, unknown and start would be likeliest were they not banned
        self.model.output_bias.assign(bias)
        self.root = root
        self.path = self.save()
        self.loaded = tf.saved_model.load(str(self.path))

    def save(self):
        return save_language_model(
            self.model, self.vocabulary, self.root, "toy", config={"units": 6}, metrics={"test": 1.0}
        )

    def score(self, texts):
        return self.loaded.signatures["log_prob"](text=tf.constant(texts, tf.string, [len(texts)]))

    def write(self, texts, length=12, temperature=1.0, top_k=0, top_p=1.0, seed=7):
        options = {"temperature": float(temperature), "top_p": float(top_p)}
        options |= {"length": length, "top_k": top_k, "seed": seed}
        options = {name: tf.constant(value) for name, value in options.items()}
        found = self.loaded.signatures["continue"](text=tf.constant(texts), **options)["text"]
        return [text.decode() for text in found.numpy()]


@pytest.fixture(scope="module", params=TEXTS)
def exported(request, tmp_path_factory):
    return Exported(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def texts(exported):
    return TEXTS[exported.vocabulary.level]


@pytest.mark.slow
def test_log_prob_of_texts_of_unequal_length(exported, texts):
    found = exported.score(texts)
    for n, text in enumerate(texts):
        ids = exported.vocabulary.encode(text)
        before = np.array([[exported.vocabulary.bos_id, *ids[:-1]]], "int32")[:, : len(ids)]
        total = 0.0
        if len(ids):
            log_probs = to_numpy(tf.nn.log_softmax(exported.model(before)))[0]
            total = log_probs[np.arange(len(ids)), ids].sum()
            assert text_log_prob(exported.model, exported.vocabulary, text) == pytest.approx(total, rel=1e-5)
        assert found["log_prob"].numpy()[n] == pytest.approx(total, rel=1e-4, abs=1e-6)
        assert found["num_tokens"].numpy()[n] == len(ids)
        perplexity = np.exp(-total / max(len(ids), 1))
        assert found["perplexity"].numpy()[n] == pytest.approx(perplexity, rel=1e-4)


@pytest.mark.parametrize("texts", [[""], []], ids=["an empty text", "no text"])
def test_log_prob_of_nothing(exported, texts):
    found = exported.score(texts)
    assert found["log_prob"].numpy().tolist() == [0.0] * len(texts)
    assert found["num_tokens"].numpy().tolist() == [0] * len(texts)


def test_serving_default_is_log_prob(exported, texts):
    default = exported.loaded.signatures["serving_default"](text=tf.constant(texts))
    np.testing.assert_array_equal(default["log_prob"], exported.score(texts)["log_prob"])


def in_process(exported, text, uniform, **options):
    """Each text by itself, in eager steps."""
    vocabulary = exported.vocabulary
    ids = np.array([[vocabulary.bos_id, *vocabulary.encode(text)]], "int32")
    options["constraints"] = [BannedIds((0, 1, 2))]
    written = generate(exported.model.step, *exported.model.read(ids), uniform, **options)
    return vocabulary.decode(to_numpy(written)[0])


@pytest.mark.parametrize(
    "options", [{"temperature": 0.0}, {}, {"temperature": 0.6, "top_k": 5, "top_p": 0.9}], ids=str
)
def test_continues_as_in_process(exported, texts, options):
    texts = texts[1:5]
    uniform = random_numbers(8, len(texts), seed=7)
    expected = [in_process(exported, t, uniform[:, n : n + 1], **options) for n, t in enumerate(texts)]
    assert exported.write(texts, 8, **options) == expected


def test_sampling_is_reproducible_and_never_writes_special_tokens(exported, texts):
    found = exported.write(texts, length=60, temperature=2.0)
    assert exported.write(texts, length=60, temperature=2.0) == found
    assert exported.write(texts, length=60, temperature=2.0, seed=8) != found
    for text in found:
        assert "[UNK]" not in text and "[BOS]" not in text
        if exported.vocabulary.level == "char":
            assert len(text) == 60  # no token of no width


@pytest.mark.parametrize("length", [0, 1])
def test_continues_by_little(exported, length):
    (found,) = exported.write(["the"], length=length)
    assert len(exported.vocabulary.encode(found)) in (length, 0)
    assert found or not length


def test_manifest(exported):
    manifest = json.loads((exported.path / "manifest.json").read_text())
    assert manifest["config"] == {"units": 6} and manifest["metrics"]["test"] == 1.0
    assert set(manifest["signatures"]) == {"log_prob", "continue"}
    differences = manifest["metrics"]["difference_from_model"]
    assert 0 <= differences["log_prob"] < 1e-4 and differences["continue"] == 0.0
    assert {"tensorflow", "keras"} <= set(str(manifest["made_with"]).replace("'", " ").split())


@pytest.mark.slow
def test_an_export_that_disagrees_is_not_kept(exported, monkeypatch):
    ours = text_log_prob
    monkeypatch.setattr(language_model, "text_log_prob", lambda *a: 1.001 * ours(*a))
    with pytest.raises(ExportError, match="`log_prob` of the export differs from the model by 0.001"):
        exported.save()
    assert [p.name for p in exported.path.parent.iterdir()] == ["1"]
