import json

import numpy as np
import pytest
import tensorflow as tf

from kseq.data.token_features import CASES, TokenFeatures
from kseq.errors import UserError

SENTENCES = [["Aspirin", "helped", "42", "patients"], ["OK"], [], ["aspirin", "10"]]


def build(sentences=SENTENCES, **options):
    return TokenFeatures.build(sentences, **options)


def encode(features, *sentences):
    return {
        name: x.numpy() for name, x in features(tf.ragged.constant(list(sentences), tf.string, 1)).items()
    }


def test_words_by_frequency():
    features = build()
    assert features.words == ("", "[UNK]", "10", "42", "Aspirin", "OK", "aspirin", "helped", "patients")
    assert encode(features, ["OK", "what"], ["42"])["tokens"].tolist() == [[5, 1], [3, 0]]


def test_lower_case_and_digits():
    features = build(lower=True, digits=True)
    assert features.words == ("", "[UNK]", "00", "aspirin", "helped", "ok", "patients")
    assert encode(features, ["ASPIRIN", "99", "9"])["tokens"].tolist() == [[3, 2, 1]]


def test_rare_words_and_extra_words():
    features = build(lower=True, min_count=2, extra_words=["aspirin", "cure", ""])
    assert features.words == ("", "[UNK]", "aspirin", "cure")


def test_characters_are_those_of_the_token_as_written():
    features = build(lower=True, characters=True, max_characters=3)
    found = encode(features, ["OK", "Aspirin"], ["ü"])["characters"]
    assert found.shape == (2, 2, 3)
    letters = features.characters
    assert [letters[i] for i in found[0, 0]] == ["O", "K", ""]
    assert [letters[i] for i in found[0, 1]] == ["A", "s", "p"]
    assert found[1].tolist() == [[1, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize(
    "token, case",
    [
        ("42", "digits"), ("1,250.5", "number"), ("A", "upper"), ("OK", "all upper"), ("B2B", "all upper"),
        ("Ada", "title"), ("Ångström", "title"), ("iPhone", "mixed"), ("covid19", "digit inside"),
        ("word", "lower"), ("don't", "lower"), ("...", "punctuation"), ("王", None),
    ],
)  # fmt: skip
def test_casing(token, case):
    expected = 1 if case is None else 2 + list(CASES).index(case)
    assert encode(build(casing=True), [token])["casing"].tolist() == [[expected]]


def test_bigrams():
    features = build([["a", "b", "a", "b"], ["b"]], bigrams=1)
    assert features.bigrams == ("", "[UNK]", "a b", "b ", "b a")
    assert encode(features, ["a", "b", "a"], ["b"])["bigrams"].tolist() == [[2, 4, 1], [3, 0, 0]]
    assert build([["a", "b", "a", "b"], ["b"]], bigrams=2).bigrams == ("", "[UNK]", "a b", "b ")


def test_empty_sentences_are_rows_of_padding():
    features = build(characters=True, casing=True, bigrams=1)
    found = encode(features, [], ["OK"], [])
    assert all(not x[0].any() and x[1].any() and not x[2].any() for x in found.values())
    assert {name: x.shape[:2] for name, x in found.items()} == dict.fromkeys(features.sizes, (3, 1))


def test_sizes_are_above_every_id():
    features = build(characters=True, casing=True, bigrams=1)
    found = encode(features, *SENTENCES)
    assert set(found) == set(features.sizes)
    assert all(found[name].max() < size for name, size in features.sizes.items())
    assert {str(x.dtype) for x in found.values()} == {"int32"}


def test_in_a_traced_function():
    features = build(characters=True, casing=True, bigrams=1, lower=True)
    tokens = tf.ragged.constant(SENTENCES, tf.string)
    traced = tf.function(features.__call__)(tokens)
    for name, ids in features(tokens).items():
        np.testing.assert_array_equal(traced[name], ids)


def test_saved_and_loaded(tmp_path):
    features = build(characters=True, casing=True, bigrams=1, lower=True, digits=True, max_characters=7)
    features.save(tmp_path / "features.json")
    assert TokenFeatures.load(tmp_path / "features.json") == features


def test_bad_input(tmp_path):
    with pytest.raises(UserError, match="no sentences"):
        build([[], []])
    with pytest.raises(UserError, match="`min_count` must be positive, got 0"):
        build(min_count=0)
    with pytest.raises(UserError, match="no such vocabulary file"):
        TokenFeatures.load(tmp_path / "none.json")
    (tmp_path / "other.json").write_text(json.dumps({"tokens": []}))
    with pytest.raises(UserError, match="is no vocabulary file"):
        TokenFeatures.load(tmp_path / "other.json")
