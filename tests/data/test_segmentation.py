import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from kseq.data.segmentation import segment, truncate
from kseq.errors import UserError


def plain(text, level):
    """Returns the tokens of a text with their places."""
    found = segment(tf.constant([text]), level)
    tokens = [token.decode() for token in found.tokens.to_list()[0]]
    return list(zip(tokens, found.start.to_list()[0], found.end.to_list()[0], strict=True))


def words(text):
    return [token for token, _, _ in plain(text, "word")]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("Ada met Bo.", ["Ada", "met", "Bo", "."]),
        ("  (New York)\t-\nnow ", ["(", "New", "York", ")", "-", "now"]),
        ("1,250.5 at 12:30, a.b 3.", ["1,250.5", "at", "12:30", ",", "a", ".", "b", "3", "."]),
        ("naïve Ångström x_1", ["naïve", "Ångström", "x_1"]),
        ("e\u0301te\u0301", ["e\u0301te\u0301"]),  # letters and accents apart
        ("在北京 IBM的", ["在", "北", "京", "IBM", "的"]),
        ("...", [".", ".", "."]),
        ("", []),
        (" \n ", []),
    ],
)
def test_words(text, expected):
    assert words(text) == expected


def test_what_was_split_before():
    found = plain(" you 've k-19\n, ", "space")
    assert found == [("you", 1, 4), ("'ve", 5, 8), ("k-19", 9, 13), (",", 14, 15)]


def test_characters():
    assert plain("王 小明\n😀", "char") == [("王", 0, 1), ("小", 2, 3), ("明", 3, 4), ("😀", 5, 6)]


@pytest.mark.parametrize("level", ["word", "char"])
@given(text=st.text(max_size=30))
@settings(max_examples=50, deadline=None)
def test_tokens_are_where_they_are_said_to_be(level, text):
    text = text.encode("utf-8", "replace").decode()
    end = 0
    for token, start, stop in plain(text, level):
        assert text[start:stop] == token and start >= end
        assert not text[end:start].strip() and token.strip() == token
        end = stop
    assert not text[end:].strip()


def test_a_batch_is_its_texts_one_by_one():
    texts = ["Ada met Bo.", "", "1.5 x", "  "]
    found = segment(tf.constant(texts), "word")
    assert [[t.decode() for t in row] for row in found.tokens.to_list()] == [words(text) for text in texts]


def test_an_unknown_level():
    with pytest.raises(UserError, match="`level` must be one of char, space, word, got 'words'"):
        segment(tf.constant(["a"]), "words")


@pytest.mark.parametrize(
    "keep, expected",
    [
        ("start", [[0, 1, 2], [0, 1], [], [0, 1, 2]]),
        ("end", [[5, 6, 7], [0, 1], [], [1, 2, 3]]),
        ("both", [[0, 1, 7], [0, 1], [], [0, 1, 3]]),
    ],
)
def test_truncation(keep, expected):
    rows = tf.ragged.range([8, 2, 0, 4])
    assert truncate(rows, 3, keep).to_list() == expected
    assert truncate(rows, None, keep).to_list() == rows.to_list()
    assert truncate(rows, 8, keep).to_list() == rows.to_list()


def test_wrong_truncation():
    rows = tf.ragged.range([2])
    with pytest.raises(UserError, match="`keep` must be one of both, end, start, got 'left'"):
        truncate(rows, 3, "left")
    with pytest.raises(UserError, match="`length` must be positive, got 0"):
        truncate(rows, 0)
