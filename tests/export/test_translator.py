"""The raw-string signatures of a translator against the model in this process."""

import numpy as np
import pytest
import tensorflow as tf

from kseq.data.units import Units
from kseq.errors import UserError
from kseq.export.reader import save_reader
from kseq.export.translator import Translator
from kseq.models import Seq2Seq, SequenceEncoder
from tests.helpers import randomise

TEXTS = ["a rose is a rose", "", "no such words", "rose"]
SOURCE = Units.build(["a rose is a rose"], "word")
TARGET = Units.build(["eine Rose ist eine Rose"], "char")


def make(attention="additive", **options):
    encoder = SequenceEncoder({"tokens": SOURCE.size}, units=5, seed=4)
    model = Seq2Seq(encoder, TARGET.size, units=7, attention=attention, seed=5)
    model.build()
    return Translator(randomise(model, scale=1.0), SOURCE, TARGET, **options)


@pytest.mark.parametrize("attention", ["additive", "none"])
def test_the_export_gives_the_models_translations(attention, tmp_path):
    translator = make(attention, max_extra=4)
    path = save_reader(translator, tmp_path, "toy", config={"a": 1}, metrics={})
    loaded = tf.saved_model.load(str(path))
    assert ("attend" in loaded.signatures) == (attention != "none")
    for size in (1, 2, 4):
        beam, penalty = translator.options(size, 0.7)
        ours = translator.translate(tf.constant(TEXTS), beam, penalty)
        theirs = loaded.signatures["translate"](
            text=tf.constant(TEXTS), beam_size=beam, length_penalty=penalty
        )
        assert ours["texts"].shape == (len(TEXTS), size)
        assert ours["texts"].numpy().tolist() == theirs["texts"].numpy().tolist()
        np.testing.assert_allclose(theirs["scores"], ours["scores"], atol=1e-5)
        assert (np.diff(ours["scores"].numpy(), axis=1) <= 0).all()
        assert b"[UNK]" not in b"".join(ours["texts"].numpy().ravel())


def test_batched_is_one_by_one():
    translator = make(max_ratio=0.0, max_extra=9)
    options = translator.options(3)
    together = translator.translate(tf.constant(TEXTS), *options)
    for row, text in enumerate(TEXTS):
        alone = translator.translate(tf.constant([text]), *options)
        assert alone["texts"][0].numpy().tolist() == together["texts"][row].numpy().tolist()
        np.testing.assert_allclose(alone["scores"][0], together["scores"][row], rtol=1e-4, atol=1e-4)


def test_attention_is_a_distribution_over_the_source():
    translator = make()
    weights = translator.attend(tf.constant(TEXTS[::3]), tf.constant(["ei", "Rose"]))["attention"].numpy()
    assert weights.shape == (2, 5, 5)
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-5)
    assert not weights[1, :, 1:].any()  # one token, the rest is padding


def test_long_sources_are_cut():
    translator = make(max_source=3)
    assert translator.ids(tf.constant(["rose " * 2000])).shape == (1, 3)


def test_a_beam_out_of_range():
    with pytest.raises(UserError, match="`beam_size` must be at most"):
        make().options(TARGET.size + 1)
    with pytest.raises(UserError, match="`beam_size` must be positive, got 0"):
        make().options(0)
