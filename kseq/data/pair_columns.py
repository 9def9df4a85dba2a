"""Which of several named things is the source and which the target: columns, JSON fields, tfds features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kseq.data.columns import Column, find_column
from kseq.errors import UserError

# The best known first, in lower case.
SOURCE_NAMES = ("source", "src", "input", "source_text", "original", "原文")
TARGET_NAMES = ("target", "tgt", "output", "target_text", "translation", "译文")


class Wanted(NamedTuple):
    """What the user asks for: source and target by language, or by column."""

    languages: tuple[str | None, str | None] = (None, None)
    columns: tuple[Column, Column] | None = None


class PairColumns(NamedTuple):
    """Two columns by number, and a remark on how they were found; `""` when the user named both."""

    source: int
    target: int
    remark: str


def check_wanted(languages: tuple[str | None, str | None], columns: Sequence[Column] | None) -> Wanted:
    """What the user asks for, if it makes sense.

    Raises:
        UserError: columns are not two, or there are languages too, or both languages are the same.
    """
    if columns is not None:
        if isinstance(columns, (str, int)) or len(columns) != 2:
            raise UserError(f"`columns` must be two, of the source and of the target, got {columns!r}")
        if any(languages):
            raise UserError("`columns` and languages are two ways to say the same: give one of them")
        columns = (columns[0], columns[1])
    if languages[0] is not None and languages[0] == languages[1]:
        raise UserError(f"`source_language` and `target_language` are both {languages[0]!r}")
    return Wanted(languages, columns)


def choose_pair(names: Sequence[str], count: int, wanted: Wanted, where: str) -> PairColumns:
    """Finds the two columns: as wanted by the user, else by usual names, else the first two.

    Args:
        names: the columns' names, or none at all.
        count: the number of columns.
        wanted: languages are taken for names of columns.
        where: what the error begins with, such as `"file:line"`.

    Raises:
        UserError: when a column does not exist, both are the same, or it is not clear which they are.

    Example:
        >>> choose_pair(("id", "tgt", "src"), 3, Wanted(), "a.tsv")
        PairColumns(source=2, target=1, remark="source is column 'src', target column 'tgt'")
    """
    if count < 2:
        raise UserError(f"{where}: only one column, where a source and a target were expected")
    arguments = ("columns",) * 2 if wanted.columns else ("source_language", "target_language")
    both = zip(arguments, wanted.columns or wanted.languages, (SOURCE_NAMES, TARGET_NAMES), strict=True)
    source, target = (
        find_column(argument, want, names, count, usual, where) for argument, want, usual in both
    )
    if source is None and target is None:
        source, target = 0, 1
    elif count == 2 and source is None:
        source = 1 - target
    elif count == 2 and target is None:
        target = 1 - source
    if source is None or target is None:
        lacking = "source" if source is None else "target"
        known = f"the columns {', '.join(names)}" if names else f"{count} columns without names"
        raise UserError(f"{where}: it is not clear which of {known} is the {lacking}: give `columns`")
    if source == target:
        raise UserError(f"{where}: source and target are both column {source}")
    if all(want is not None for want in wanted.columns or wanted.languages):
        return PairColumns(source, target, "")
    shown = [repr(names[column]) if names else str(column) for column in (source, target)]
    return PairColumns(source, target, f"source is column {shown[0]}, target column {shown[1]}")


def choose_languages(
    found: Sequence[str], wanted: tuple[str | None, str | None], where: str
) -> tuple[str, str]:
    """Source and target among the languages that there are.

    Args:
        found: in the order in which two of them are source and target.
        wanted: by the user; None for the other one of two.
        where: what the error begins with.

    Raises:
        UserError: when there is no such language, or more than two to choose from.

    Example:
        >>> choose_languages(["de", "en"], ("en", None), "here")
        ('en', 'de')
    """
    arguments = ("source_language", "target_language")
    for argument, language in zip(arguments, wanted, strict=True):
        if language is not None and language not in found:
            raise UserError(f"{where}: no language {language!r} (`{argument}`): there are {', '.join(found)}")
    source, target = wanted
    if source is not None and target is not None:
        return source, target
    if len(found) != 2:
        raise UserError(
            f"{where}: {len(found)} languages ({', '.join(found)}): give `source_language` and "
            "`target_language`"
        )
    if source is None:
        source = found[0] if target != found[0] else found[1]
    return source, found[1] if source == found[0] else found[0]
