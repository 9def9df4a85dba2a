"""Strings to tokens and back inside a TensorFlow graph, equal to what Python does outside of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

PAD, UNK, BOS, EOL = "", "[UNK]", "[BOS]", "[EOL]"

# What `str.split()` splits at, except for the line end. TensorFlow's own split knows the ASCII
# part only.
WHITE_SPACE = (
    r"[\t\v\f\r\x1c-\x1f \x{85}\x{a0}\x{1680}\x{2000}-\x{200a}"
    r"\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]+"
)
# Stands for a line end between two steps. Python takes it for white space, so no word can hold it.
LINE_END = "\x1c"
# The space that a word carries in front, where the word is the first of its line.
FIRST_SPACE = r"(\A|\n) "


@keras.saving.register_keras_serializable("kseq")
def split_words(texts: tf.Tensor) -> tf.RaggedTensor:
    """Splits texts into words as `str.split()` does, every line end becoming the word `[EOL]`.

    A word of the text that reads like a special one (`[BOS]`, `[EOL]`) becomes `[UNK]`.

    Args:
        texts: strings `(batch,)`, UTF-8.

    Returns:
        Ragged strings `(batch, words)`.
    """
    texts = tf.strings.regex_replace(texts, WHITE_SPACE, " ")
    texts = tf.strings.regex_replace(texts, "\n", f" {LINE_END} ")
    words = tf.strings.split(texts)

    def mark(flat: tf.Tensor) -> tf.Tensor:
        flat = tf.where((flat == BOS) | (flat == EOL), UNK, flat)
        return tf.where(flat == LINE_END, EOL, flat)

    return tf.ragged.map_flat_values(mark, words)


def joiner(pieces: Sequence[str], level: str) -> Callable[[tf.Tensor], tf.Tensor]:
    """A function from ids to text that works inside a graph.

    Args:
        pieces: the text of every id; at level `"word"` a word carries the space before it.
        level: `"char"` or `"word"`.

    Returns:
        Function from int ids `(batch, time)`, dense or ragged, to strings `(batch,)`.
    """
    pieces = list(pieces)

    def detokenize(ids: tf.Tensor) -> tf.Tensor:
        if isinstance(ids, tf.RaggedTensor):
            ids = ids.to_tensor()  # filled up with id 0, which reads ""
        joined = tf.strings.reduce_join(tf.gather(tf.constant(pieces), ids), axis=-1)
        if level == "word":
            joined = tf.strings.regex_replace(joined, FIRST_SPACE, r"\1")
        return joined

    return detokenize
