"""Reads labelled texts from a file with one example a row: TSV, CSV, JSON lines and their like."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from kseq.data.columns import LABEL_NAMES, TEXT_NAMES, Column, Columns, choose_columns
from kseq.data.encodings import read_encoded
from kseq.data.headers import take_names
from kseq.data.rows import Row, Rows, split_rows
from kseq.errors import UserError, one_of


@dataclass(frozen=True)
class Example:
    """A text and its label.

    Args:
        text: without white space at its ends; it may be empty.
        label: never empty.
        line: where it begins in the file, counted from 1. The number of the example when the source is
            no file or has a file for each text.
    """

    text: str
    label: str
    line: int


def read_table(
    path: str | os.PathLike[str],
    *,
    text_column: Column = None,
    label_column: Column = None,
    header: bool | str = "auto",
    encoding: str = "utf-8",
) -> list[Example]:
    r"""Reads a file with one labelled text a row.

    The format is told by the name (`.tsv`, `.csv`, `.jsonl`) or by what is in the file, which may also be
    lines `label text` (`__label__x text` of fastText) or trees in brackets (`(3 (2 a) (4 joy))` of the
    Stanford Sentiment Treebank, whose root is the label). A CSV field in quotes may hold line ends. In
    TSV a quote is a quote only if all rows are whole that way, else a character as any other.

    Args:
        path: a file, plain or gzip.
        text_column: number, negative from the end, or name; None for one with a usual name (`text`,
            `sentence`, `review`...) or the column that the label leaves.
        label_column: the same (`label`, `sentiment`, `category`...). Of two columns without usual names
            the label is the one with fewer different values.
        header: whether the first row of CSV and TSV names the columns; `"auto"`: when a column is given by
            name, or one of its names is a usual one that the column has nowhere else.
        encoding: of the file.

    Raises:
        UserError: when the file cannot be read or is in another encoding, a column does not exist or is
            not clear, a row has more or fewer columns than the first, or no label.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "two.tsv"
        >>> _ = path.write_text("label\ttext\nglad\tWhat a day!\nsad\tNot again.\n")
        >>> read_table(path)[0]
        Example(text='What a day!', label='glad', line=2)
    """
    return open_table(path, text_column, label_column, header, encoding).examples


class Table(NamedTuple):
    """A table that was read.

    Args:
        examples: one a row.
        columns: text and label, by name where the columns have names, else by number.
        remark: which format or columns were guessed; `""` for none.
    """

    examples: list[Example]
    columns: tuple[Column, Column]
    remark: str


def open_table(
    path: str | os.PathLike[str],
    text_column: Column = None,
    label_column: Column = None,
    header: bool | str = "auto",
    encoding: str = "utf-8",
) -> Table:
    """As `read_table`, which see for arguments and errors; also says what was guessed."""
    one_of("header", header, (True, False, "auto"))
    path = Path(path).expanduser()
    found = split_rows(path, read_encoded(path, encoding))
    usual = {*TEXT_NAMES, *LABEL_NAMES}
    found = take_names(path, found, header, (text_column, label_column), usual)
    where = f"{path}:{found.rows[0][0]}"
    cells = [row for _, row in found.rows]
    columns = choose_columns(found.names, cells, text_column, label_column, where)
    examples = [_example(path, row, columns, found) for row in found.rows]
    names = found.names or range(len(cells[0]))
    return Table(examples, (names[columns.text], names[columns.label]), found.remark or columns.remark)


def _example(path: Path, row: Row, columns: Columns, found: Rows) -> Example:
    line, cells = row
    text, label = cells[columns.text], cells[columns.label]
    for what, cell, column in (("text", text, columns.text), ("label", label, columns.label)):
        if cell is None or (what == "label" and not cell.strip()):
            shown = repr(found.names[column]) if found.names else column
            raise UserError(f"{path}:{line}: the {what} (column {shown}) is missing")
    return Example(text.strip(), label.strip(), line)
