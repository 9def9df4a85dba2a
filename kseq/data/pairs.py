"""Pairs of texts: those that lack a side, and those that share their source."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from kseq.errors import UserError

#: which share of a part may lack a side before the file is taken for the wrong one
MAX_EMPTY = 0.05


class Line(NamedTuple):
    """A pair as the data have it, either side of which may be empty.

    Args:
        line: where it is in the file, counted from 1; the number of the example when there is no file.
        source: without white space at its ends.
        target: the same.
    """

    line: int
    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Pair:
    """A text and what becomes of it.

    Args:
        source: never empty.
        target: never empty.
        line: where it is in the file, counted from 1; the number of the example when there is no file.
        references: every target that this part of the data has for this source, `target` among them.
    """

    source: str
    target: str
    line: int
    references: tuple[str, ...]


#: where the sources and the targets of a part come from
Place = tuple[Path | str, Path | str]
Group = list[Line]


def drop_empty(lines: Sequence[Line], part: str, place: Place) -> tuple[list[Line], list[str]]:
    """Leaves pairs without a source or without a target out, if they are few.

    Args:
        lines: of one part.
        part: its name, for the remark.
        place: where it comes from.

    Returns:
        The other pairs, and a remark or none.

    Raises:
        UserError: more than `MAX_EMPTY` of the pairs lack a side, or no pair is left.
    """
    empty = [pair for pair in lines if not (pair.source and pair.target)]
    if not lines:
        raise UserError(f"{place[0]} has no pairs")
    if not empty:
        return list(lines), []
    side = 0 if not empty[0].source else 1
    first = where(place[side], empty[0].line)
    if len(empty) > MAX_EMPTY * len(lines):
        what = ("source", "target")[side]
        raise UserError(
            f"{first}: the {what} is empty, and {len(empty)} of {len(lines)} pairs lack one side, where "
            f"{MAX_EMPTY:.0%} at most were expected: is it the right file or column?"
        )
    kept = [pair for pair in lines if pair.source and pair.target]
    pairs = "1 pair" if len(empty) == 1 else f"{len(empty)} pairs"
    return kept, [f"{pairs} without a source or a target left out of {part} (first at {first})"]


def group_by_source(lines: Iterable[Line]) -> list[Group]:
    """Pairs with the same source together, in the order in which the sources come first."""
    groups: dict[str, Group] = {}
    for pair in lines:
        groups.setdefault(pair.source, []).append(pair)
    return list(groups.values())


def every_pair(groups: Iterable[Group]) -> list[Pair]:
    """Every pair of every group, in the order of the file; to train on."""
    pairs = [
        Pair(pair.source, pair.target, pair.line, references)
        for group in groups
        for references in [_references(group)]
        for pair in group
    ]
    return sorted(pairs, key=lambda pair: pair.line)


def one_a_source(groups: Iterable[Group]) -> list[Pair]:
    """One pair a group, with all its targets as references; to report on.

    Example:
        >>> one_a_source([[Line(1, "Run!", "Cours !"), Line(2, "Run!", "Courez !")]])
        [Pair(source='Run!', target='Cours !', line=1, references=('Cours !', 'Courez !'))]
    """
    return [Pair(group[0].source, group[0].target, group[0].line, _references(group)) for group in groups]


def where(place: Path | str, line: int) -> str:
    """A place in words: `train.en:12`, `wmt14_translate/de-en, train example 12`."""
    return f"{place}:{line}" if isinstance(place, Path) else f"{place} example {line}"


def _references(group: Group) -> tuple[str, ...]:
    return tuple(dict.fromkeys(pair.target for pair in group))
