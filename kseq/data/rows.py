"""Rows of cells from a text: CSV, TSV, JSON lines, trees in brackets, lines that begin with their label."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from kseq.errors import UserError

Row = tuple[int, Sequence[str | None]]

DELIMITERS = {".tsv": "\t", ".tab": "\t", ".csv": ",", ".jsonl": "json", ".ndjson": "json"}
TREE = re.compile(r"\((\d+) .*\)")
LEAF = re.compile(r" ([^\s()]+)\)")
BRACKETS = {"-LRB-": "(", "-RRB-": ")"}
# Of lines that begin with their label: more different first words are just words.
FIRST_WORDS = 100
FASTTEXT = "__label__"


class Rows(NamedTuple):
    """What a file holds.

    Args:
        names: of the columns where the format has them; else none.
        rows: the line where each begins, and its cells; None for one that a JSON object lacks.
        remark: what the format was found to be, where that is a guess.
        table: whether the first row may name the columns.
    """

    names: tuple[str, ...]
    rows: list[Row]
    remark: str = ""
    table: bool = False


def split_rows(path: Path, text: str) -> Rows:
    r"""Finds out the format, by the file's name or by what is in it, and reads the rows.

    Args:
        path: gives the format by its ending (`.gz` aside) and the errors their place.
        text: what the file holds, with `\n` at line ends.

    Raises:
        UserError: when the format cannot be told, or the text is not in the one of its name.

    Example:
        >>> split_rows(Path("a.train"), "1 a fine film\n0 a sad one\n1 a good one\n0 no\n").rows[0]
        (1, ('1', 'a fine film'))
    """
    if (table := split_table(path, text)) is not None:
        return table
    lines = _numbered(text)
    if all(TREE.fullmatch(line.strip()) for _, line in lines):
        return Rows(("label", "text"), list(_trees(lines)), "each line is a tree in brackets")
    firsts = {line.split(maxsplit=1)[0] for _, line in lines}
    if all(word.startswith(FASTTEXT) for word in firsts) or (
        len(firsts) <= min(FIRST_WORDS, max(2, len(lines) // 2))
    ):
        return Rows(("label", "text"), list(_labelled(lines)), "the first word of each line is its label")
    raise UserError(
        f"{path}:{lines[0][0]}: neither TSV, CSV, JSON lines nor a label and a text: {lines[0][1][:60]!r}"
    )


def split_table(path: Path, text: str) -> Rows | None:
    """As `split_rows`, but only what has columns: CSV, TSV or JSON lines; None for anything else.

    Args:
        path: as of `split_rows`.
        text: the same.

    Raises:
        UserError: when the text is not in the format of its name.
    """
    lines = _numbered(text)
    suffix = Path(path.name.lower().removesuffix(".gz")).suffix
    delimiter = DELIMITERS.get(suffix) or _sniff(lines)
    if delimiter == "json":
        return _json(path, lines)
    if delimiter == "," and ";" in lines[0][1] and "," not in lines[0][1]:
        delimiter = ";"  # how spreadsheets write CSV where the comma is in the numbers
    return Rows((), _table(path, text, delimiter), table=True) if delimiter else None


def _numbered(text: str) -> list[tuple[int, str]]:
    return [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]


def _sniff(lines: list[tuple[int, str]]) -> str:
    """The format by the first lines; `""` for one without a delimiter."""
    head = [line for _, line in lines[:20]]
    if all(line.lstrip().startswith("{") for line in head):
        return "json"
    if all("\t" in line for line in head):
        return "\t"
    for delimiter in ",;":
        with contextlib.suppress(csv.Error):
            rows = list(csv.reader(head, delimiter=delimiter))
            if len(rows[0]) > 1 and len({len(row) for row in rows}) == 1:
                return delimiter
    return ""


def _table(path: Path, text: str, delimiter: str) -> list[Row]:
    """Rows of a file with quotes; in TSV quotes count as such only where that makes sense of all rows."""
    if delimiter != "\t":
        return list(_quoted(path, text, delimiter))
    numbered = enumerate(text.split("\n"), 1)
    plain: list[Row] = [(number, line.split("\t")) for number, line in numbered if line.strip()]
    try:
        quoted = list(_quoted(path, text, delimiter))
    except UserError:
        return plain
    # Quotes that join lines, of which each is whole by itself, were marks in the text.
    sensible = _same_width(quoted) and (len(quoted) == len(plain) or not _same_width(plain))
    return quoted if sensible else plain


def _same_width(rows: list[Row]) -> bool:
    return len({len(cells) for _, cells in rows}) == 1


def _quoted(path: Path, text: str, delimiter: str) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline="\n"), delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            if any(cells):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise UserError(
            f"{path}:{line}: no valid CSV from here on ({error}): a text with a quote or a delimiter "
            'stands in quotes, a quote inside of them is doubled ("")'
        ) from None


def _json(path: Path, lines: list[tuple[int, str]]) -> Rows:
    objects = []
    for number, line in lines:
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            raise UserError(f"{path}:{number}: no JSON ({error.msg}): {line[:60]!r}") from None
        if not isinstance(value, dict):
            raise UserError(f"{path}:{number}: one JSON object a line was expected: {line[:60]!r}")
        objects.append((number, value))
    names = tuple(dict.fromkeys(name for _, value in objects for name in value))
    rows = [(number, [_cell(value.get(name)) for name in names]) for number, value in objects]
    return Rows(names, rows)


def _cell(value: object) -> str | None:
    if isinstance(value, str):  # half a surrogate pair is what no UTF-8 can hold
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return None if value is None else json.dumps(value, ensure_ascii=False)


def _trees(lines: list[tuple[int, str]]) -> Iterator[Row]:
    for number, line in lines:
        words = (BRACKETS.get(word, word) for word in LEAF.findall(line))
        yield number, (TREE.fullmatch(line.strip())[1], " ".join(words))


def _labelled(lines: list[tuple[int, str]]) -> Iterator[Row]:
    for number, line in lines:
        label, _, text = line.strip().partition(" ")
        yield number, (label.removeprefix(FASTTEXT), text)
