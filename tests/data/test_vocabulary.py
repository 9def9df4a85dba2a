import json
import re
import sys
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kseq.data import Vocabulary
from kseq.data.tokenization import WHITE_SPACE
from kseq.errors import UserError

TEXT = "to be or not to be ,\n\n<unk> that is\tthe Frage : süß , 漢字 😀 .\n"
pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow",
    reason="Keras turns strings into ids within graphs on the TensorFlow backend only",
)
LEVELS = ("char", "word")
# Pieces that are likely to go wrong, between arbitrary text.
PIECES = ["\n", "\r\n", " ", "  ", "\t", "\x0b", "\x1c", "\x85", "\xa0", "\u2028", "\u3000", "\ufeff"]
PIECES += ["\x00", "\ufffd", "\ufffe", "e\u0301", "😀", "[UNK]", "[BOS]", "[EOL]", "<unk>", "be", "to", "süß"]
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=12).map("".join)
# `st.text` never draws a surrogate, which is no text in UTF-8.


@pytest.fixture(scope="module", params=LEVELS)
def vocabulary(request):
    return Vocabulary.build(TEXT, request.param)


@pytest.fixture(scope="module")
def in_graph():
    """Per level: the vocabulary, its vectorizer and its detokenizer as graphs."""

    def graphs(level):
        vocabulary = Vocabulary.build(TEXT, level)
        vectorize = tf.function(
            vocabulary.vectorizer(ragged=True), input_signature=[tf.TensorSpec([None], tf.string)]
        )
        join = tf.function(vocabulary.detokenizer(), input_signature=[tf.TensorSpec([None, None], tf.int64)])
        return vocabulary, vectorize, join

    return {level: graphs(level) for level in LEVELS}


def test_ids_of_special_tokens(vocabulary):
    assert (vocabulary.pad_id, vocabulary.unk_id, vocabulary.bos_id) == (0, 1, 2)
    assert vocabulary.tokens[:3] == ("", "[UNK]", "[BOS]")
    assert vocabulary.eol_id == (3 if vocabulary.level == "word" else None)


def test_tokens_by_falling_frequency_then_alphabet():
    assert Vocabulary.build("bbaac", "char").tokens[3:] == ("a", "b", "c")
    words = Vocabulary.build("b a\nc c a [BOS] [EOL] [UNK] <unk> <unk>", "word")
    assert words.tokens == ("", "[UNK]", "[BOS]", "[EOL]", "a", "c", "b")


def test_max_size_counts_special_tokens_and_min_count_drops_rare_ones():
    assert Vocabulary.build("aaabbc", "char", max_size=4).tokens[3:] == ("a",)
    assert Vocabulary.build("aaabbc", "char", min_count=2).tokens[3:] == ("a", "b")
    assert len(Vocabulary.build("a a b\nc", "word", max_size=5)) == 5


def test_known_words():
    vocabulary = Vocabulary.build("to be or\nnot to be\n", "word")
    ids = vocabulary.encode(" to  see\n\nbe <unk> [EOL] [BOS] [UNK]\n")
    assert ids.dtype == np.int32
    assert ids.tolist() == [5, 1, 3, 3, 4, 1, 1, 1, 1, 3]
    assert vocabulary.decode(ids[:5]) == "to [UNK]\n\nbe"
    assert vocabulary.decode([2, 5, 0, 4, 0, 0]) == "to be"


def test_unk_token_of_the_text_can_be_another_word_or_none():
    assert Vocabulary.build("a UNK b", "word", unk_token="UNK").encode("UNK").tolist() == [1]
    plain = Vocabulary.build("a <unk> b", "word", unk_token=None)
    assert plain.encode("<unk>").tolist() == [4]
    characters = Vocabulary.build("<unk>", "char")
    assert characters.decode(characters.encode("<unk>")) == "<unk>"


def test_empty_text_has_no_tokens(vocabulary):
    assert vocabulary.encode("").shape == (0,)
    assert vocabulary.encode("").dtype == np.int32
    assert vocabulary.decode([]) == ""


def test_characters_are_restored_exactly():
    vocabulary = Vocabulary.build(TEXT, "char")
    assert vocabulary.decode(vocabulary.encode(TEXT)) == TEXT
    assert vocabulary.encode("xQ\U0010ffff").tolist() == [1, 1, 1]


def test_words_are_restored_with_single_spaces():
    vocabulary = Vocabulary.build(TEXT, "word", unk_token=None)
    expected = "\n".join(" ".join(line.split()) for line in TEXT.split("\n"))
    assert vocabulary.decode(vocabulary.encode(TEXT)) == expected


@pytest.mark.parametrize("level", LEVELS)
@settings(max_examples=150, deadline=None)
@example("")
@example("\n")
@example("\n\n be \r\n")
@example("\ufeffto\u3000be")
@given(TEXTS)
def test_graph_equals_python(in_graph, level, text):
    vocabulary, vectorize, join = in_graph[level]
    ids = vocabulary.encode(text)
    # a second and third row: rows must not touch each other
    batch = vectorize(tf.constant([text.encode(), b"", b"to be\n"]))
    assert batch.dtype == tf.int64
    assert batch[0].numpy().tolist() == ids.tolist()
    assert batch[1].numpy().tolist() == []
    joined = join(batch.to_tensor()).numpy()
    assert joined[0].decode() == vocabulary.decode(ids)
    assert joined[2].decode() == "to be\n"


@settings(max_examples=100, deadline=None)
@given(TEXTS)
def test_decoded_words_encode_alike(text):
    vocabulary = Vocabulary.build(TEXT, "word")
    ids = vocabulary.encode(text)
    assert vocabulary.encode(vocabulary.decode(ids)).tolist() == ids.tolist()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 12), max_size=12))
def test_detokenizer_equals_decode_for_any_ids(in_graph, ids):
    for vocabulary, _, join in in_graph.values():
        joined = join(np.array([ids], np.int64).reshape(1, -1)).numpy()
        assert joined[0].decode() == vocabulary.decode(ids)


def test_white_space_of_the_graph_is_that_of_str_split():
    spaces = [chr(i) for i in range(sys.maxunicode + 1) if chr(i).isspace()]
    assert "\n" in spaces
    pattern = re.sub(r"\\x\{(\w+)\}", lambda match: chr(int(match[1], 16)), WHITE_SPACE)
    assert re.findall(pattern[:-1], "".join(map(chr, range(0xD800)))) == [s for s in spaces if s != "\n"]


def test_vectorizer_pads_on_the_right_with_zero(vocabulary):
    layer = vocabulary.vectorizer()
    assert isinstance(layer, keras.layers.TextVectorization)
    assert layer.get_vocabulary() == list(vocabulary.tokens)
    dense = layer(tf.constant(["to be", "be", ""])).numpy()
    assert dense[1].tolist()[: len(vocabulary.encode("be"))] == vocabulary.encode("be").tolist()
    assert not dense[1, len(vocabulary.encode("be")) :].any() and not dense[2].any()
    assert layer(tf.constant(["", ""])).shape == (2, 0)


def test_detokenizer_takes_ragged_ids(vocabulary):
    ids = vocabulary.vectorizer(ragged=True)(tf.constant(["to be\n", "", "be or"]))
    assert vocabulary.detokenizer()(ids).numpy().tolist() == [b"to be\n", b"", b"be or"]


def test_both_ways_work_in_a_saved_model(vocabulary, tmp_path):
    class Both(tf.Module):
        def __init__(self):
            super().__init__()
            self.vectorize, self.join = vocabulary.vectorizer(), vocabulary.detokenizer()

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def __call__(self, texts):
            ids = self.vectorize(texts)
            return ids, self.join(ids)

    texts = ["not  to be ,\n\nsüß 😀", "", "Hamlet"]
    tf.saved_model.save(Both(), tmp_path)
    ids, joined = tf.saved_model.load(tmp_path)(tf.constant(texts))
    for row, text, back in zip(ids.numpy(), texts, joined.numpy(), strict=True):
        expected = vocabulary.encode(text).tolist()
        assert row.tolist() == expected + [0] * (len(row) - len(expected))
        assert back.decode() == vocabulary.decode(expected)


def test_vectorizer_survives_export_archive_and_keras_file(vocabulary, tmp_path):
    inputs = keras.Input((), dtype="string")
    model = keras.Model(inputs, vocabulary.vectorizer()(inputs))
    texts = tf.constant(["be not\n", "Frage : 漢字"])
    expected = model(texts).numpy()

    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(texts).numpy(), expected)

    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("ids", model.__call__, [tf.TensorSpec([None], tf.string)])
    archive.write_out(tmp_path / "saved", verbose=False)
    np.testing.assert_array_equal(tf.saved_model.load(tmp_path / "saved").ids(texts), expected)


def test_config_round_trip(vocabulary):
    config = json.loads(json.dumps(vocabulary.get_config()))
    assert Vocabulary.from_config(config) == vocabulary
    assert hash(Vocabulary.from_config(config)) == hash(vocabulary)


def test_save_and_load(vocabulary, tmp_path):
    path = tmp_path / "new" / "vocabulary.json"
    vocabulary.save(path)
    vocabulary.save(path)
    assert Vocabulary.load(path) == vocabulary
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_load_says_what_is_wrong(tmp_path):
    with pytest.raises(UserError, match="no such vocabulary file: .*none.json"):
        Vocabulary.load(tmp_path / "none.json")
    for content in ("{", "[1]", '{"tokens": ["a"]}', '{"words": []}', "\udcff"):
        path = tmp_path / "bad.json"
        path.write_bytes(content.encode("utf-8", "surrogateescape"))
        with pytest.raises(UserError, match="bad.json is no vocabulary file"):
            Vocabulary.load(path)


@pytest.mark.parametrize(
    ("tokens", "level", "message"),
    [
        (["", "[UNK]", "[BOS]", "a"], "letter", "`level` must be 'char' or 'word', got 'letter'"),
        (["a", "b"], "char", r"`tokens` must begin with \['', '\[UNK\]', '\[BOS\]'\]"),
        (["", "[UNK]", "[BOS]", "a"], "word", r"must begin with .*EOL"),
        (["", "[UNK]", "[BOS]", "ab"], "char", "single characters, got 'ab'"),
        (["", "[UNK]", "[BOS]", "a", "a"], "char", "'a' more than once"),
        (["", "[UNK]", "[BOS]", "[EOL]", "a b"], "word", "no white space, got 'a b'"),
        (["", "[UNK]", "[BOS]", "[EOL]", "<unk>"], "word", "must not hold '<unk>'"),
    ],
)
def test_wrong_tokens_are_named(tokens, level, message):
    with pytest.raises(ValueError, match=message):
        Vocabulary(tokens, level)


def test_wrong_build_arguments_are_named():
    with pytest.raises(ValueError, match="`max_size` must be more than the 4 special"):
        Vocabulary.build("a", "word", max_size=4)
    with pytest.raises(ValueError, match="`min_count` must be positive, got 0"):
        Vocabulary.build("a", min_count=0)
    with pytest.raises(ValueError, match="`level`"):
        Vocabulary.build("a", "byte")
    with pytest.raises(UserError, match="no tokens for a vocabulary"):
        Vocabulary.build("a b", "word", min_count=2)
    with pytest.raises(UserError, match="no tokens for a vocabulary"):
        Vocabulary.build("", "char")


@pytest.mark.parametrize("ids", [[-1], [5, 99]])
def test_decode_names_ids_out_of_range(vocabulary, ids):
    with pytest.raises(ValueError, match=f"`ids` must be between 0 and {len(vocabulary) - 1}"):
        vocabulary.decode(ids)


def test_wikitext_counts_and_speed(wikitext_test):
    start = time.perf_counter()
    vocabulary = Vocabulary.build(wikitext_test, "word")
    ids = vocabulary.encode(wikitext_test)
    assert time.perf_counter() - start < 5  # about 0.1 s
    # 245569 tokens with one end mark a line, 14142 types of which <unk> is one
    assert len(ids) == 245569
    assert (ids == vocabulary.eol_id).sum() == 4358
    assert len(vocabulary) == 14142 - 1 + 4
    assert (ids == vocabulary.unk_id).sum() == wikitext_test.split().count("<unk>")
    in_graph = vocabulary.vectorizer(ragged=True)(tf.constant([wikitext_test]))
    np.testing.assert_array_equal(in_graph[0].numpy(), ids)
