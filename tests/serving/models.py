"""Small models of every task, with random weights, exported as the pipelines export them."""

import tensorflow as tf

from kseq.data import Vocabulary
from kseq.data.token_features import TokenFeatures
from kseq.data.units import Units
from kseq.export.classifier import TextClassifier
from kseq.export.language_model import save_language_model
from kseq.export.saved_model import save
from kseq.export.tagger import TextTagger
from kseq.export.translator import Translator
from kseq.models import Classifier, LanguageModel, Seq2Seq, SequenceEncoder, Tagger
from kseq.tags import labels
from tests.helpers import randomise

TEXT = "Ada met Charles in London , a good film , not a bad one ."
TARGET = "eine Rose ist eine Rose"


def _encoder(features):
    return SequenceEncoder(features.sizes, units=4, bidirectional=False, seed=1)


def tagger():
    """Entities of two kinds, here and there."""
    features = TokenFeatures.build([TEXT.split()], casing=True)
    model = Tagger(_encoder(features), labels(["LOC", "PER"], "BIO"), "BIO")
    model.build()
    reader = TextTagger(model, features, "word")
    for seed in range(100):
        randomise(model, seed, scale=1.0)
        if 2 <= int(reader.tag(tf.constant([TEXT]))["num_entities"][0]) <= 4:
            return reader
    raise AssertionError("no weights were found that see some entities")


def classifier(pooling):
    """Two labels."""
    features = TokenFeatures.build([TEXT.split()], lower=True)
    model = Classifier(_encoder(features), ("bad", "good"), pooling=pooling)
    model.build()
    return TextClassifier(randomise(model, scale=1.0), features, "word")


def translator():
    """Words to characters."""
    source, target = Units.build([TEXT], "word"), Units.build([TARGET], "char")
    encoder = SequenceEncoder({"tokens": source.size}, units=4, bidirectional=False, seed=1)
    model = Seq2Seq(encoder, target.size, units=5, attention="additive", seed=2)
    model.build()
    return Translator(randomise(model, scale=1.0), source, target, max_extra=4)


def export_all(root):
    """Writes one of each: `entities`, `film`, `attends`, `rose`, `prose`."""
    readers = {
        "entities": tagger(),
        "film": classifier("max"),
        "attends": classifier("attention"),
        "rose": translator(),
    }
    about = {"config": {"level": "char"}, "metrics": {}}
    for name, reader in readers.items():
        track = [reader.model, *reader.tables()]  # their checks are tested with the exports
        save(reader.endpoints(), lambda loaded: {}, root, name, track=track, signatures={}, **about)
    vocabulary = Vocabulary.build(TEXT, "char")
    model = LanguageModel(len(vocabulary), "lstm", 6, 1, seed=1)
    model.build()
    save_language_model(randomise(model), vocabulary, root, "prose", **about)
