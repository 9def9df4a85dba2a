"""What the tokenisers of the graphs know of characters, for a runner that has no TensorFlow."""

import functools
from collections.abc import Collection
from typing import Any

import numpy as np
import tensorflow as tf

from kseq.data.segmentation import ALONE, SPACE, WORD
from kseq.data.unit_tokens import JOINING

CLASSES = {
    "space": SPACE,
    "word": WORD,
    "joining": f"(?:{JOINING})",
    "alone": ALONE,
    "letter": r"\p{L}",
    "upper": r"\p{Lu}",
    "lower": r"\p{Ll}",
}
SURROGATES = range(0xD800, 0xE000)


def alphabet(names: Collection[str] = (), lowers: bool = False) -> dict[str, Any]:
    """Classes of characters as ranges of code points, and what becomes of characters in lower case.

    Asked of TensorFlow, whose regular expressions and case rules have a Unicode of their own, so that the
    runner agrees with the graphs whatever its Python's Unicode is.

    Args:
        names: which of `CLASSES`.
        lowers: whether to tell of `lower` those characters that Python lowers differently.

    Returns:
        `classes`, name to `[first, last]` of each range, and `lower`, character to text.
    """
    return {"classes": {name: _ranges(CLASSES[name]) for name in names}, "lower": _lower() if lowers else {}}


@functools.lru_cache(maxsize=1)
def _characters() -> tuple[np.ndarray, tf.Tensor]:
    """Every code point but 0, which ends a string in some operations, and the character that it is."""
    points = np.array([n for n in range(1, 0x110000) if n not in SURROGATES], np.int32)
    return points, tf.strings.unicode_encode(tf.constant(points)[:, None], "UTF-8")


@functools.cache
def _ranges(pattern: str) -> list[list[int]]:
    points, characters = _characters()
    inside = points[tf.strings.regex_full_match(characters, pattern).numpy()]
    cuts = np.flatnonzero(np.diff(inside) > 1)
    firsts, lasts = np.concatenate([[0], cuts + 1]), np.concatenate([cuts, [len(inside) - 1]])
    return [[int(inside[a]), int(inside[b])] for a, b in zip(firsts, lasts, strict=True)]


@functools.cache
def _lower() -> dict[str, str]:
    points, characters = _characters()
    lowered = tf.strings.lower(characters, encoding="utf-8").numpy()
    pairs = ((chr(point), text.decode()) for point, text in zip(points, lowered, strict=True))
    return {character: text for character, text in pairs if text != character.lower()}
