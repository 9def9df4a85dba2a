"""The first row of a table, where it names the columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

from kseq.data.columns import Column
from kseq.data.rows import Row, Rows
from kseq.errors import UserError


def take_names(
    path: Path, found: Rows, header: bool | str, wanted: Sequence[Column], usual: Collection[str]
) -> Rows:
    """Takes the columns' names off the rows of a table; no row is left out or too long.

    Args:
        path: for errors.
        found: from `split_rows`; what names its columns already, or has none, stays as it is.
        header: whether the first row has names; `"auto"`: when a column is wanted by name, or a cell of the
            row is a usual name that its column has nowhere else.
        wanted: the columns that the user asks for.
        usual: names in lower case.

    Raises:
        UserError: when rows differ in their number of columns, or there are names only.
    """
    if not found.table:
        return found
    first, names = found.rows[0]
    for line, cells in found.rows:
        if len(cells) != len(names):
            raise UserError(
                f"{path}:{line}: {_counted(len(cells))} where line {first} has {len(names)}: "
                f"{' '.join(filter(None, cells))[:60]!r}"
            )
    named = header
    if header == "auto":
        named = any(isinstance(column, str) for column in wanted) or _looks_named(found.rows, usual)
    if not named:
        return found
    if len(found.rows) < 2:
        raise UserError(f"{path}:{first}: only the names of the columns, no row below them")
    return found._replace(names=tuple(name.strip() for name in names), rows=found.rows[1:])


def _looks_named(rows: list[Row], usual: Collection[str]) -> bool:
    columns = [Counter(column) for column in zip(*(cells for _, cells in rows), strict=True)]
    firsts = zip(rows[0][1], columns, strict=True)
    return any(cell.strip().lower() in usual and column[cell] == 1 for cell, column in firsts)


def _counted(columns: int) -> str:
    return "1 column" if columns == 1 else f"{columns} columns"
