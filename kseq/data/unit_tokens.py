"""Text to tokens from which the text can be put together again, inside a graph."""

from __future__ import annotations

import tensorflow as tf

from kseq.data.segmentation import ALONE
from kseq.data.tokenization import WHITE_SPACE

#: in front of a token that follows white space; itself taken for white space in a text
MARK = "▁"
# A class without the scripts that do not put spaces between words: neither other than a letter, nor in them.
JOINING = "|".join(rf"[^\P{{{kind}}}{ALONE[1:]}" for kind in "LNM")
WORD = rf"{MARK}?(?:(?:{JOINING})+|[^{MARK}])"
# Stands between two tokens; no text has it, as it counts as white space.
BETWEEN = "\x1f"


def characters(texts: tf.Tensor) -> tf.RaggedTensor:
    """Every character (code point) of texts `(batch,)`, white space too."""
    return tf.strings.unicode_split(texts, "UTF-8")


def spaced(texts: tf.Tensor) -> tf.RaggedTensor:
    """What stands between white space, as `str.split()` has it."""
    return tf.strings.split(tf.strings.regex_replace(_valid(texts), rf"\n|{WHITE_SPACE}", " "))


def words(texts: tf.Tensor) -> tf.RaggedTensor:
    """Runs of letters and digits, and every other character by itself; white space goes into the tokens.

    A token begins with `MARK` where white space or the beginning of the text is before it, so that a word
    is the same token wherever it stands. Joined, with spaces for the marks, the tokens give the text back
    but for white space at its ends and more than one in a row.

    Args:
        texts: strings `(batch,)`, UTF-8.

    Example:
        >>> [token.decode() for token in words(tf.constant(["Ada's  (2nd) go"])).to_list()[0]]
        ['▁Ada', "'", 's', '▁(', '2nd', ')', '▁go']
    """
    texts = tf.strings.regex_replace(_valid(texts), rf"(?:\n|{MARK}|{WHITE_SPACE})+", MARK)
    texts = tf.strings.regex_replace(texts, rf"\A{MARK}|{MARK}\z", "")
    texts = tf.strings.join([MARK, texts])
    parted = tf.strings.regex_replace(texts, WORD, rf"{BETWEEN}\0")
    return tf.strings.split(parted, sep=BETWEEN)[:, 1:]


def _valid(texts: tf.Tensor) -> tf.Tensor:
    """Texts with U+FFFD for every byte that is no UTF-8, as splitting into characters has it."""
    return tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8")
