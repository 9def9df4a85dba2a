"""Which labels to keep of a set, and what to call them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from kseq.data.tables import Example
from kseq.errors import UserError, did_you_mean

Choice = str | Mapping[str, str]


def parse_choice(choice: Choice) -> dict[str, str]:
    """New label by old one, from what a user writes.

    Example:
        >>> parse_choice("0,1=negative; 3,4=positive")
        {'0': 'negative', '1': 'negative', '3': 'positive', '4': 'positive'}
        >>> parse_choice("sport; politics")
        {'sport': 'sport', 'politics': 'politics'}

    Args:
        choice: groups parted by `;`, each one or more labels parted by `,`, with `=` and a new name or
            without, to stay as they are; or the mapping itself.

    Raises:
        UserError: when a group is empty, or a label in two.
    """
    if not isinstance(choice, str):
        return {str(old): str(new) for old, new in choice.items()}
    result: dict[str, str] = {}
    for group in choice.split(";"):
        olds, equals, new = group.partition("=")
        for old in (label.strip() for label in olds.split(",")):
            if not old or (equals and not new.strip()):
                raise UserError(f"`labels` must look like `0,1=negative; 3,4=positive`, got {choice!r}")
            if old in result:
                raise UserError(f"`labels` has {old!r} twice: {choice!r}")
            result[old] = new.strip() or old
    return result


def choose_labels(
    parts: Mapping[str, Sequence[Example]], choice: Choice | None
) -> tuple[dict[str, list[Example]], list[str]]:
    """Keeps the examples with a chosen label, under its new name.

    Args:
        parts: examples by part.
        choice: see `parse_choice`; None for all as they are.

    Returns:
        The parts, and remarks on what was left out.

    Raises:
        UserError: when no example has one of the labels.
    """
    if choice is None:
        return {part: list(examples) for part, examples in parts.items()}, []
    names = parse_choice(choice)
    known = sort_labels({example.label for examples in parts.values() for example in examples})
    for old in names:
        if old not in known:
            near = did_you_mean(old, known)
            raise UserError(f"`labels`: no text has the label {old!r}: there are {', '.join(known)}{near}")
    kept = {
        part: [dataclasses.replace(e, label=names[e.label]) for e in examples if e.label in names]
        for part, examples in parts.items()
    }
    left_out = ", ".join(label for label in known if label not in names)
    count = sum(map(len, parts.values())) - sum(map(len, kept.values()))
    texts = "1 text" if count == 1 else f"{count} texts"
    return kept, [f"{texts} of other labels left out ({left_out})"] if count else []


def sort_labels(labels: Iterable[str]) -> tuple[str, ...]:
    """Labels in order; as numbers, if all of them are.

    Example:
        >>> sort_labels(["10", "-1", "9"])
        ('-1', '9', '10')

    Args:
        labels: any order; one that occurs twice is there once.
    """
    different = sorted(set(labels))
    try:
        return tuple(sorted(different, key=float))
    except ValueError:
        return tuple(different)
