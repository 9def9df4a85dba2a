"""Pronouncing dictionaries: a word and its phonemes a line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from kseq.data.rows import Row, Rows
from kseq.errors import UserError

SUFFIX = ".dict"
COMMENT = re.compile(r"\s#.*")
# The second pronunciation of `read` is that of `read(2)`.
VARIANT = re.compile(r"(?<=.)\(\d+\)$")
STRESS = re.compile(r"(?<=\D)\d+(?=\s|$)")


def is_dictionary(path: Path) -> bool:
    """Whether a file is a pronouncing dictionary by its name: `cmudict.dict`, `cmudict.dict.gz`."""
    return path.name.lower().removesuffix(".gz").endswith(SUFFIX)


def split_dictionary(path: Path, text: str, stress: bool = True) -> Rows:
    r"""The entries of a dictionary, each word as often as it has different pronunciations.

    Args:
        path: for errors.
        text: lines `word PH ON EMES` or `word(2) PH ON EMES`, with ` # comment` or without; a line that
            begins with `;;;` is a comment altogether.
        stress: whether a phoneme keeps the digit at its end, the stress of a vowel.

    Returns:
        Rows of two columns, `word` and `phonemes`, the phonemes with one space between them.

    Raises:
        UserError: when there is no entry.

    Example:
        >>> text = "read R EH1 D\nread(2) R IY1 D  # the present\n"
        >>> split_dictionary(Path("a.dict"), text, stress=False).rows
        [(1, ('read', 'R EH D')), (2, ('read', 'R IY D'))]
    """
    entries = {}
    for line, entry in _entries(text, stress):
        entries.setdefault(entry, line)
    if not entries:
        raise UserError(f"{path} has no entries: lines with a word and its phonemes were expected")
    return Rows(("word", "phonemes"), [(line, entry) for entry, line in entries.items()])


def _entries(text: str, stress: bool) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith(";;;"):
            continue
        word, *phonemes = COMMENT.sub("", line).split() or [""]
        if word:
            spoken = " ".join(phonemes)
            yield number, (VARIANT.sub("", word), spoken if stress else STRESS.sub("", spoken))
