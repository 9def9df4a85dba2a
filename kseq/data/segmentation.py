"""Raw text to tokens with their places, inside a graph."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from kseq.data.tokenization import WHITE_SPACE
from kseq.errors import one_of, positive

LEVELS = ("word", "char", "space")
SIDES = ("start", "end", "both")
SPACE = rf"(?:\n|{WHITE_SPACE})"
WORD = r"[\p{L}\p{N}\p{M}_]"
ALONE = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]"  # scripts that do not put spaces between words
INNER = r"[.,:]"  # between two digits part of a number


class Segments(NamedTuple):
    """Tokens of texts; `start` and `end` count characters (code points), `end` not included."""

    tokens: tf.RaggedTensor  # (batch, tokens), strings
    start: tf.RaggedTensor  # (batch, tokens), int32
    end: tf.RaggedTensor


def segment(texts: tf.Tensor, level: str) -> Segments:
    """Split texts into tokens.

    At level `"char"` every character that is no white space is a token. At level `"word"` runs of letters
    and digits are, every other character by itself; `1,250.5` stays whole, and so does each character of
    a script without spaces. At level `"space"` tokens are what stands between white space, as in texts
    that were split before.

    Args:
        texts: strings `(batch,)`, UTF-8.
        level: one of `LEVELS`.

    Example:
        >>> segment(tf.constant(["Ada's 1.5 km."]), "word").tokens.to_list()
        [[b'Ada', b"'", b's', b'1.5', b'km', b'.']]
    """
    one_of("level", level, LEVELS)
    characters = tf.strings.unicode_split(texts, "UTF-8")
    place = tf.ragged.range(characters.row_lengths()).flat_values
    row = characters.value_rowids()
    flat = characters.flat_values
    kept = ~_is(flat, SPACE)
    if level == "word":
        begins = kept & _begins(flat, place, kept)
    else:
        begins = kept if level == "char" else kept & ((place == 0) | ~tf.roll(kept, 1, 0))

    token = tf.cumsum(tf.cast(begins, tf.int32))[kept] - 1
    strings = tf.strings.reduce_join(tf.RaggedTensor.from_value_rowids(flat[kept], token), axis=-1)
    start = tf.cast(place[begins], tf.int32)
    end = tf.math.segment_max(tf.cast(place[kept], tf.int32), token) + 1
    rows = {"value_rowids": row[begins], "nrows": characters.nrows()}
    return Segments(*(tf.RaggedTensor.from_value_rowids(x, **rows) for x in (strings, start, end)))


def truncate(tokens: tf.RaggedTensor, length: int | None, keep: str = "start") -> tf.RaggedTensor:
    """Cut rows that are too long.

    Args:
        tokens: `(batch, tokens)`, ragged.
        length: tokens to keep at most; None for all.
        keep: `"start"`, `"end"`, or `"both"` for half of each, the middle left out.
    """
    one_of("keep", keep, SIDES)
    if positive("length", length) is None:
        return tokens
    if keep == "start":
        return tokens[:, :length]
    if keep == "end":
        return tokens[:, -length:]
    lengths = tokens.row_lengths()
    place = tf.ragged.range(lengths)
    from_end = tf.repeat(lengths, lengths) - place.flat_values
    kept = (place.flat_values < length - length // 2) | (from_end <= length // 2)
    return tf.ragged.boolean_mask(tokens, place.with_flat_values(kept))


def _begins(flat: tf.Tensor, place: tf.Tensor, kept: tf.Tensor) -> tf.Tensor:
    """Where a character does not continue the token of the one before."""
    first = place == 0
    digit = _is(flat, r"\d")
    before, after = tf.roll(digit, 1, 0) & ~first, tf.roll(digit & ~first, -1, 0)
    inner = _is(flat, INNER) & before & after
    joins = (_is(flat, WORD) & ~_is(flat, ALONE)) | inner
    return ~(joins & tf.roll(joins & kept, 1, 0)) | first


def _is(characters: tf.Tensor, pattern: str) -> tf.Tensor:
    return tf.strings.regex_full_match(characters, pattern)
