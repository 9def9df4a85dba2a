"""Tag schemes of entity tagging: tags to entities and back, and which tag may follow which.

A tag is `O` or a prefix, `-` and the entity's type: `B-PER`, `I-creative-work`, `B-PER.NOM`.

    scheme   Ada Lovelace   in   Paris   Rome (two entities of one type side by side)
    IOB1     I-PER I-PER    O    I-LOC   B-LOC
    BIO      B-PER I-PER    O    B-LOC   B-LOC     also named IOB2
    BIOES    B-PER E-PER    O    S-LOC   S-LOC
    BMES     B-PER E-PER    O    S-LOC   S-LOC     inside of three and more: M, where BIOES has I
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from kseq.errors import UserError, one_of

PREFIXES = {"IOB1": "BI", "BIO": "BI", "BIOES": "BIES", "BMES": "BMES"}
SCHEMES = tuple(PREFIXES)
# Annotated data has slips (two in the 79,000 entity tags of the Chinese resumes). More than this
# share of the entity tags out of order is no slip: the file is cut wrongly or in another scheme.
TOLERATED = 0.05
OUTSIDE = ("O", "")


class Entity(NamedTuple):
    """What a run of tags marks: the tokens `start` to `end`, `end` not among them."""

    type: str
    start: int
    end: int


class Slip(NamedTuple):
    """A tag that its scheme forbids at its place: `sequences[sequence][position]`."""

    sequence: int
    position: int
    reason: str


class Allowed(NamedTuple):
    """Which tags may begin a sequence, follow one another and end it; `transitions[i, j]`: i, then j."""

    start: np.ndarray  # (tags,)
    transitions: np.ndarray  # (tags, tags)
    end: np.ndarray  # (tags,)


class Contradiction(UserError):
    """Tags that are of no scheme, or not of the one expected.

    Args:
        slip: The first tag that is wrong. Who knows where the sequences come from can say it with
            its `sequence`, `position` and `reason`.
    """

    def __init__(self, slip: Slip):
        super().__init__(f"tags[{slip.sequence}][{slip.position}]: {slip.reason}")
        self.slip = slip


@functools.lru_cache(maxsize=4096)
def split_tag(tag: str) -> tuple[str, str]:
    """The prefix and the entity type of a tag; `("O", "")` for `O`.

    Example:
        >>> split_tag("B-creative-work")
        ('B', 'creative-work')

    Args:
        tag: `O`, or one of the prefixes B, I, M, E, S, a `-` and a type.

    Raises:
        UserError: It is neither.
    """
    if tag == "O":
        return OUTSIDE
    prefix, _, kind = tag.partition("-")
    if prefix not in tuple("BIMES"):
        raise UserError(
            f"unknown tag {tag!r}: expected `O` or B-, I-, M-, E- or S- and a type, as in `B-PER`"
        )
    if not kind:
        raise UserError(f"tag {tag!r} has no entity type: expected something like `{prefix}-PER`")
    return prefix, kind


def detect_scheme(sequences: Iterable[Sequence[str]]) -> str:
    """The scheme that sequences of tags are written in.

    Data of `B-` and `I-` is IOB1 when every `B-` directly follows an entity of its own type, else
    BIO, in which an `I-` out of place begins an entity (as for conlleval). M- tells BMES; E- and S-
    without it BIOES. Data of nothing but `O` is BIO.

    Example:
        >>> detect_scheme([["I-PER", "O"], ["I-LOC", "B-LOC"]])
        'IOB1'

    Args:
        sequences: The tags of each sentence.

    Returns:
        One of `SCHEMES`.

    Raises:
        Contradiction: A tag is of no scheme, prefixes of two schemes are mixed, or more tags of
            BIOES or BMES are out of order than slips explain (`TOLERATED`).
    """
    sequences = list(sequences)
    prefixes: dict[str, tuple[int, int]] = {}
    for tag, place in _first_places(sequences).items():
        prefixes.setdefault(_checked(tag, place)[0], place)
    if {"I", "M"} <= prefixes.keys():
        reason = "`I-` and `M-` are of two schemes: BMES has `M-`, the others have `I-`"
        raise Contradiction(Slip(*max(prefixes["I"], prefixes["M"]), reason))
    if marks := sorted(prefixes[prefix] for prefix in prefixes.keys() & {"M", "E", "S"}):
        scheme = "BMES" if "M" in prefixes else "BIOES"
        try:
            check_scheme(sequences, scheme)
        except Contradiction as error:
            sequence, position = marks[0]
            reason = f"{error.slip.reason}, to which `{sequences[sequence][position]}` belongs"
            raise Contradiction(error.slip._replace(reason=reason)) from None
        return scheme
    if prefixes.keys() <= {"O"} or any(out_of_order(tags, "IOB1") for tags in sequences):
        return "BIO"
    return "IOB1"


def check_scheme(sequences: Iterable[Sequence[str]], scheme: str) -> list[Slip]:
    """The slips of data that is in a scheme on the whole; raises when it is not.

    Args:
        sequences: The tags of each sentence.
        scheme: One of `SCHEMES`.

    Returns:
        Every tag out of order. `entities` reads them as conlleval does, and
        `convert(tags, scheme, scheme)` writes them anew.

    Raises:
        Contradiction: A tag is not of the scheme, or more than `TOLERATED` of the entity tags are
            out of order. In BIO any number may be: an `I-` that begins an entity is common.
    """
    sequences = list(sequences)
    for tag, place in _first_places(sequences).items():
        _checked(tag, place, scheme)
    slips = [
        Slip(number, *slip) for number, tags in enumerate(sequences) for slip in out_of_order(tags, scheme)
    ]
    entity_tags = sum(tag != "O" for tags in sequences for tag in tags)
    if scheme != "BIO" and len(slips) > TOLERATED * entity_tags:
        raise Contradiction(slips[0])
    return slips


def out_of_order(tags: Sequence[str], scheme: str) -> list[tuple[int, str]]:
    """The positions of one sequence where the scheme does not allow the tag, and why.

    Example:
        >>> out_of_order(["B-PER", "O", "I-PER"], "BIO")
        [(2, '`I-PER` after `O` is not possible in BIO')]

    Args:
        tags: The tags of a sentence.
        scheme: One of `SCHEMES`.
    """
    bounded = [OUTSIDE, *(_split(tag, scheme) for tag in tags), OUTSIDE]
    wrong = {}
    for position, (before, current) in enumerate(itertools.pairwise(bounded)):
        if not _follows(before, current, scheme):
            if position == len(tags):
                what = f"`{tags[-1]}` at the end"
            else:
                what = f"`{tags[position]}` " + (
                    f"after `{tags[position - 1]}`" if position else "at the start"
                )
            wrong.setdefault(min(position, len(tags) - 1), f"{what} is not possible in {scheme}")
    return list(wrong.items())


def entities(tags: Sequence[str], scheme: str) -> list[Entity]:
    """The entities that tags mark; tags out of order are read as conlleval and seqeval do.

    A tag that cannot continue what precedes it begins an entity, and an entity ends where it is
    not continued: `O I-PER I-LOC` are two entities in every scheme.

    Example:
        >>> entities(["B-PER", "I-PER", "O", "B-LOC"], "BIO")
        [Entity(type='PER', start=0, end=2), Entity(type='LOC', start=3, end=4)]

    Args:
        tags: The tags of a sentence.
        scheme: One of `SCHEMES`.

    Raises:
        UserError: A tag is not of the scheme.
    """
    found, start, before = [], 0, OUTSIDE
    for position, tag in enumerate([*tags, "O"]):
        current = _split(tag, scheme)
        if not _continues(before, current):
            if before != OUTSIDE:
                found.append(Entity(before[1], start, position))
            start = position
        before = current
    return found


def from_entities(entities: Iterable[tuple[str, int, int]], length: int, scheme: str) -> list[str]:
    """The tags of a sentence with these entities.

    Example:
        >>> from_entities([("PER", 0, 3), ("LOC", 4, 5)], 5, "BIOES")
        ['B-PER', 'I-PER', 'E-PER', 'O', 'S-LOC']

    Args:
        entities: Type, start and end (exclusive) of each, in any order.
        length: The number of tokens.
        scheme: One of `SCHEMES`.

    Raises:
        UserError: Entities overlap, are empty or reach beyond the sentence.
    """
    one_of("scheme", scheme, SCHEMES)
    tags = ["O"] * length
    last = Entity("", 0, 0)
    for entity in sorted((Entity(*entity) for entity in entities), key=lambda entity: entity.start):
        if not last.end <= entity.start < entity.end <= length:
            raise UserError(f"{entity} is empty, overlaps another or leaves a sentence of {length} tokens")
        adjacent = last.type == entity.type and last.end == entity.start
        prefixes = _prefixes(entity.end - entity.start, scheme, adjacent)
        tags[entity.start : entity.end] = [f"{prefix}-{entity.type}" for prefix in prefixes]
        last = entity
    return tags


def convert(tags: Sequence[str], source: str, target: str) -> list[str]:
    """The tags of a sentence in another scheme; in its own, tags out of order are put right.

    Example:
        >>> convert(["I-PER", "I-PER", "O"], "IOB1", "BIOES")
        ['B-PER', 'E-PER', 'O']

    Args:
        tags: The tags of a sentence.
        source: The scheme they are in.
        target: The scheme wanted.

    Raises:
        UserError: A tag is not of the scheme `source`.
    """
    return from_entities(entities(tags, source), len(tags), target)


def labels(types: Iterable[str], scheme: str) -> tuple[str, ...]:
    """All tags of a scheme for some entity types, in the order of a model's outputs.

    Example:
        >>> labels(["PER", "LOC"], "BIO")
        ('O', 'B-LOC', 'I-LOC', 'B-PER', 'I-PER')

    Args:
        types: The entity types; order and repetition do not matter.
        scheme: One of `SCHEMES`.
    """
    prefixes = PREFIXES[one_of("scheme", scheme, SCHEMES)]
    return ("O", *(f"{prefix}-{kind}" for kind in sorted(set(types)) for prefix in prefixes))


def allowed(labels: Sequence[str], scheme: str) -> Allowed:
    """Which tags the scheme lets begin a sequence, follow one another and end it.

    Exactly the sequences that keep to it come out of `convert(tags, scheme, scheme)` unchanged.

    Example:
        >>> allowed(["O", "B-PER", "I-PER"], "BIO").start
        array([ True,  True, False])

    Args:
        labels: The tags in the order of the model's outputs, as `labels` gives them.
        scheme: One of `SCHEMES`.

    Returns:
        Boolean arrays.

    Raises:
        UserError: A label is not of the scheme.
    """
    pairs = [_split(label, scheme) for label in labels]
    return Allowed(
        start=np.array([_follows(OUTSIDE, pair, scheme) for pair in pairs], bool),
        transitions=np.array([[_follows(i, j, scheme) for j in pairs] for i in pairs], bool),
        end=np.array([_follows(pair, OUTSIDE, scheme) for pair in pairs], bool),
    )


def continuations(labels: Sequence[str]) -> np.ndarray:
    """Which tag, after which other, is still of the same entity.

    Example:
        >>> continuations(["O", "B-PER", "I-PER"])[1]
        array([False, False,  True])

    Args:
        labels: The tags in the order of the model's outputs.

    Returns:
        Boolean `(tags, tags)`, `[i, j]`: i, then j. With them `entities` can be found in a graph: one
        begins where a tag other than O does not continue the one before.
    """
    pairs = [split_tag(label) for label in labels]
    return np.array([[_continues(i, j) for j in pairs] for i in pairs], bool)


def _split(tag: str, scheme: str) -> tuple[str, str]:
    prefix, kind = split_tag(tag)
    if prefix not in "O" + PREFIXES[one_of("scheme", scheme, SCHEMES)]:
        known = ", ".join(f"{known}-" for known in PREFIXES[scheme])
        raise UserError(f"tag {tag!r} is not of the scheme {scheme}, which has O, {known}")
    return prefix, kind


def _checked(tag: str, place: tuple[int, int], scheme: str | None = None) -> tuple[str, str]:
    try:
        return _split(tag, scheme) if scheme else split_tag(tag)
    except UserError as error:
        raise Contradiction(Slip(*place, str(error))) from None


def _first_places(sequences: Sequence[Sequence[str]]) -> dict[str, tuple[int, int]]:
    """Where each tag stands first."""
    places: dict[str, tuple[int, int]] = {}
    for number, tags in enumerate(sequences):
        for position, tag in enumerate(tags):
            places.setdefault(tag, (number, position))
    return places


def _continues(before: tuple[str, str], current: tuple[str, str]) -> bool:
    return current[0] in "IME" and before[0] in "BIM" and current[1] == before[1]


def _follows(before: tuple[str, str], current: tuple[str, str], scheme: str) -> bool:
    """Whether the scheme writes `current` after `before`; `OUTSIDE` stands for either end."""
    if scheme == "IOB1":
        return current[0] != "B" or current[1] == before[1]
    if _continues(before, current):
        return True
    if scheme == "BIO":
        return current[0] != "I"
    return current[0] in "OBS" and before[0] in "OES"


def _prefixes(size: int, scheme: str, adjacent: bool) -> str:
    if scheme == "IOB1":
        return ("B" if adjacent else "I") + "I" * (size - 1)
    if scheme == "BIO":
        return "B" + "I" * (size - 1)
    return "S" if size == 1 else "B" + PREFIXES[scheme][1] * (size - 2) + "E"
