"""Pairs of texts from one file: TSV, CSV, JSON lines, a pronouncing dictionary."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from kseq.data.encodings import read_encoded
from kseq.data.headers import take_names
from kseq.data.pair_columns import SOURCE_NAMES, TARGET_NAMES, Wanted, choose_pair
from kseq.data.pairs import Line
from kseq.data.pronunciations import is_dictionary, split_dictionary
from kseq.data.rows import Rows, split_table
from kseq.errors import UserError


class PairTable(NamedTuple):
    """A file that was read.

    Args:
        lines: its pairs.
        wanted: source and target as they were found, to look for the same in another part.
        remark: which columns were guessed; `""` for none.
    """

    lines: list[Line]
    wanted: Wanted
    remark: str


def read_pair_table(
    path: Path, wanted: Wanted | None = None, stress: bool = True, encoding: str = "utf-8"
) -> PairTable:
    r"""Reads a file with one pair a row, or with the pronunciations of words.

    Args:
        path: plain or gzip; what ends in `.dict` is a dictionary, with columns `word` and `phonemes`.
        wanted: the columns; None to find them.
        stress: see `split_dictionary`.
        encoding: of the file.

    Raises:
        UserError: when the file cannot be read, has no columns or not those that are wanted.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "two.tsv"
        >>> _ = path.write_text("Run!\tCours !\tCC BY\nGo.\tVa !\tCC BY\n")
        >>> read_pair_table(path).lines[1]
        Line(line=2, source='Go.', target='Va !')
    """
    wanted = wanted or Wanted()
    found = _rows(path, wanted, stress, encoding)
    where = f"{path}:{found.rows[0][0]}"
    columns = choose_pair(found.names, len(found.names or found.rows[0][1]), wanted, where)
    lines = [
        Line(number, (cells[columns.source] or "").strip(), (cells[columns.target] or "").strip())
        for number, cells in found.rows
    ]
    names = found.names or range(len(found.rows[0][1]))
    return PairTable(lines, Wanted(columns=(names[columns.source], names[columns.target])), columns.remark)


def _rows(path: Path, wanted: Wanted, stress: bool, encoding: str) -> Rows:
    text = read_encoded(path, encoding)
    if is_dictionary(path):
        return split_dictionary(path, text, stress)
    if not stress:
        raise UserError(
            f"{path}: `stress` is for the phonemes of a dictionary (.dict), which this file is not"
        )
    found = split_table(path, text)
    if found is None:
        first = next(line for line in text.split("\n") if line.strip())
        raise UserError(
            f"{path}: neither TSV, CSV nor JSON lines with a source and a target: {first.strip()[:60]!r}; of "
            "two files that are parallel give their folder or a path with `*` for the language"
        )
    return take_names(path, found, "auto", wanted.columns or wanted.languages, {*SOURCE_NAMES, *TARGET_NAMES})
