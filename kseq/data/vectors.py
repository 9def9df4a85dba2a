"""Pretrained word vectors from text files: GloVe, word2vec's text format, fastText's `.vec`."""

from __future__ import annotations

import gzip
import math
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kseq.errors import UserError, positive

LARGEST = float(np.finfo(np.float32).max)
GZIP = b"\x1f\x8b"
HEADER = re.compile(rb"\d+\s+(\d+)\s*")
CONTROL = re.compile(rb"[\0-\x08\x0e-\x1f]")  # in no text, in every handful of binary numbers
# A value as these files have them. A word that ends so has swallowed a value of a line that is too long.
VALUE = re.compile(rb"-?\d+\.\d{3,}(e-?\d+)?")


class Vectors(NamedTuple):
    """A row for every word that was asked for.

    Args:
        matrix: float32 (words, dim), zeros where no vector was found.
        found: bool (words,).
    """

    matrix: np.ndarray
    found: np.ndarray


def read_vectors(
    path: str | os.PathLike, words: Sequence[str], *, dim: int | None = None, lower_fallback: bool = True
) -> Vectors:
    r"""Looks the vectors of `words` up in a text file, plain or gzip, read line by line.

    A line is a word and its values; a first line of two whole numbers, `count dim`, is a header. Only
    the needed rows are kept, and only their values are read as numbers; of the others the number of
    values is checked. The first of several vectors of a word counts.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "tiny.vec"
        >>> _ = path.write_text("2 3\nthe 1 2 3\nof 4 5 6\n")
        >>> vectors = read_vectors(path, ["", "The", "of"])
        >>> vectors.found.tolist(), vectors.matrix[2].tolist()
        ([False, True, True], [4.0, 5.0, 6.0])

    Args:
        path: The file; one that begins as gzip does is unpacked whatever its name.
        words: In the order of the rows that are wanted. The empty word, which stands for padding, is
            never found.
        dim: Values in a vector; None for what the header or the first line says.
        lower_fallback: Whether a word that the file lacks takes the vector of its lower-case form.

    Returns:
        The rows, and which of them were found.

    Raises:
        UserError: The file cannot be read, is no such file, has a malformed line or none of the words.
    """
    path = Path(path)
    positive("dim", dim)
    wanted = {word for word in words if word}
    if lower_fallback:
        wanted |= {word.lower() for word in wanted}
    vectors: dict[str, np.ndarray] = {}
    for number, line in _lines(path):
        if number == 1 and (header := HEADER.fullmatch(line)):
            dim = _same_dim(path, int(header[1]), dim)
            continue
        dim = dim or _count_values(path, number, line)
        raw_word, *values = _pieces(path, number, line, dim)
        word = raw_word.decode("utf-8", errors="replace")
        if word in wanted and word not in vectors:
            vectors[word] = _numbers(path, number, values)
    if dim is None:
        raise UserError(f"{path} is empty: lines of a word and its values were expected")
    return _rows(path, vectors, words, dim, lower_fallback)


def _rows(
    path: Path, vectors: dict[str, np.ndarray], words: Sequence[str], dim: int, lower_fallback: bool
) -> Vectors:
    matrix = np.zeros((len(words), dim), np.float32)
    found = np.zeros(len(words), bool)
    for row, word in enumerate(words):
        vector = vectors.get(word)
        if vector is None and lower_fallback:
            vector = vectors.get(word.lower())
        if vector is not None:
            matrix[row], found[row] = vector, True
    if not found.any():
        some = ", ".join(repr(word) for word in [word for word in words if word][:3])
        raise UserError(
            f"{path} has a vector for none of the {len(words)} words ({some or 'all empty'}, ...)"
        )
    return Vectors(matrix, found)


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Numbered lines without their ends; blank ones are left out."""
    try:
        with open(path, "rb") as plain:
            packed = plain.peek(2)[:2] == GZIP
            with gzip.GzipFile(fileobj=plain) if packed else plain as file:
                _refuse_binary(path, file.peek(4096)[:4096])
                yield from _stripped(file)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path} is no intact gzip file: {error}") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None


def _stripped(file: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(file, start=1):
        line = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        line = line.rstrip(b" \t\r\n")
        if line:
            yield number, line


def _refuse_binary(path: Path, head: bytes) -> None:
    if CONTROL.search(head):
        raise UserError(
            f"{path} is a binary file; vectors as text were expected: GloVe's .txt, fastText's .vec, or "
            "word2vec saved with binary=False"
        )


def _same_dim(path: Path, in_file: int, asked: int | None) -> int:
    if in_file < 1:
        raise UserError(f"{path}:1: a header of count and dimension was expected, got dimension {in_file}")
    if asked is not None and asked != in_file:
        raise UserError(f"{path}:1: the vectors have {in_file} values, where `dim` is {asked}")
    return in_file


def _count_values(path: Path, number: int, line: bytes) -> int:
    count = len(line.split()) - 1
    if count < 1:
        raise UserError(f"{path}:{number}: a word and its values were expected, got {_shown(line)}")
    return count


def _pieces(path: Path, number: int, line: bytes, dim: int) -> list[bytes]:
    """The word and its values; the word may have spaces, as some of GloVe's 840B vectors' have."""
    pieces = line.replace(b"\t", b" ").rsplit(b" ", dim)
    if len(pieces) <= dim or VALUE.fullmatch(pieces[0].rpartition(b" ")[2]) and b" " in pieces[0]:
        values = len(line.split()) - 1
        raise UserError(
            f"{path}:{number}: a word and {dim} values were expected, got {values} values: {_shown(line)}"
        )
    return pieces


def _numbers(path: Path, number: int, values: Sequence[bytes]) -> np.ndarray:
    numbers = [_number(value) for value in values]
    for index, value in enumerate(numbers):
        if not abs(value) <= LARGEST:  # NaN neither
            raise UserError(
                f"{path}:{number}: value {index + 1} is {_shown(values[index])}, a number was expected"
            )
    return np.array(numbers, np.float32)


def _number(text: bytes) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _shown(text: bytes) -> str:
    shown = text.decode("utf-8", errors="replace")
    return repr(shown if len(shown) <= 40 else f"{shown[:37]}...")
