"""The errors of a tagger of entities, one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from kseq.errors import positive
from kseq.inspection.entities import Tags, check_aligned, text_of
from kseq.tags import Entity, entities

# Tokens shown before the first and after the last error of a sentence.
CONTEXT = 12
KINDS = ("missed", "spurious", "wrong type", "wrong boundary", "wrong type and boundary")


class EntityError(NamedTuple):
    """An entity of the data, of the prediction, or one of each that overlap; never an equal pair."""

    true: Entity | None
    predicted: Entity | None

    @property
    def kind(self) -> str:
        """One of `KINDS`."""
        if self.predicted is None:
            return "missed"
        if self.true is None:
            return "spurious"
        type_differs = self.true.type != self.predicted.type
        span_differs = self.true[1:] != self.predicted[1:]
        return KINDS[4] if type_differs and span_differs else KINDS[2] if type_differs else KINDS[3]


def entity_errors(true: Sequence[str], predicted: Sequence[str]) -> list[EntityError]:
    """The errors in one sentence, in order.

    An entity of the data and one of the prediction that overlap are one error, each in one pair at most:
    equal spans first, then equal types, then the rest.

    Args:
        true: The BIO tags of the data.
        predicted: Those of the tagger.
    """
    in_data, found = entities(true, "BIO"), entities(predicted, "BIO")
    left = [entity for entity in in_data if entity not in found]
    right = [entity for entity in found if entity not in in_data]
    overlapping = [(a, b) for a in left for b in right if a.start < b.end and b.start < a.end]
    errors = []
    for a, b in sorted(
        overlapping, key=lambda pair: (pair[0][1:] != pair[1][1:], pair[0].type != pair[1].type)
    ):
        if a in left and b in right:
            left.remove(a)
            right.remove(b)
            errors.append(EntityError(a, b))
    errors += [EntityError(a, None) for a in left] + [EntityError(None, b) for b in right]
    return sorted(errors, key=lambda error: (error.true or error.predicted)[1:])


def error_listing(
    tokens: Tags, true: Tags, predicted: Tags, *, limit: int | None = None, joiner: str = " "
) -> str:
    """The errors for people: how many of each kind, then the sentences with errors in their order.

    Kinds and confusions are sorted by frequency, so that the first lines say what to look at; sentences
    stay in the order of the data, where neighbours explain one another.

    Example:
        >>> print(error_listing([["Ada", "met", "Bo"]], [["B-PER", "O", "B-PER"]], [["B-LOC", "O", "O"]]))
        2 errors in 1 of 1 sentences
        wrong type  1  PER as LOC 1
        missed      1  PER 1
        <BLANKLINE>
        sentence 1
          data       [PER Ada] met [PER Bo]
          predicted  [LOC Ada] met Bo
          wrong type: PER "Ada" as LOC
          missed: PER "Bo"

    Args:
        tokens: The tokens of each sentence.
        true: Their BIO tags in the data.
        predicted: Those of the tagger.
        limit: How many sentences to show at most; None for all. The counts are of all in any case.
        joiner: What stands between tokens: a space, nothing for Chinese characters.

    Returns:
        Lines without a line end after the last.

    Raises:
        UserError: The sequences do not align, a tag is not BIO, or `limit` is not positive.
    """
    positive("limit", limit)
    check_aligned(tokens=tokens, true=true, predicted=predicted)
    found = [entity_errors(row, other) for row, other in zip(true, predicted, strict=True)]
    wrong = [index for index, errors in enumerate(found) if errors]
    blocks = [_summary(found)]
    for index in wrong[:limit]:
        blocks.append(_block(index, tokens[index], true[index], predicted[index], found[index], joiner))
    if limit is not None and len(wrong) > limit:
        blocks.append(f"and {len(wrong) - limit} more sentences with errors")
    return "\n\n".join(blocks)


def _summary(found: Sequence[Sequence[EntityError]]) -> str:
    errors = [error for row in found for error in row]
    lines = [f"{len(errors)} errors in {sum(map(bool, found))} of {len(found)} sentences"]
    kinds = Counter(error.kind for error in errors)
    width = max(map(len, kinds), default=0)
    digits = len(str(max(kinds.values(), default=0)))
    for kind, count in kinds.most_common():
        what = Counter(_types(error) for error in errors if error.kind == kind)
        most = ", ".join(f"{name} {number}" for name, number in what.most_common())
        lines.append(f"{kind:{width}}  {count:{digits}}  {most}")
    return "\n".join(lines)


def _types(error: EntityError) -> str:
    types = dict.fromkeys(entity.type for entity in error if entity)
    return " as ".join(types)


def _block(
    index: int,
    tokens: Sequence[str],
    true: Sequence[str],
    predicted: Sequence[str],
    errors: Sequence[EntityError],
    joiner: str,
) -> str:
    both = entities(true, "BIO"), entities(predicted, "BIO")
    start, end = _window(errors, both)
    lines = [f"sentence {index + 1}"]
    for name, marked in zip(("data", "predicted"), both, strict=True):
        lines.append(f"  {name:9}  {_marked(tokens, marked, start, min(end, len(tokens)), joiner)}")
    return "\n".join([*lines, *(f"  {error.kind}: {_described(error, tokens, joiner)}" for error in errors)])


def _window(errors: Sequence[EntityError], both: tuple[list[Entity], list[Entity]]) -> tuple[int, int]:
    """The tokens to show, no entity cut."""
    wrong = [entity for error in errors for entity in error if entity]
    start = max(min(entity.start for entity in wrong) - CONTEXT, 0)
    end = max(entity.end for entity in wrong) + CONTEXT
    start = min([start, *(e.start for row in both for e in row if e.start < start < e.end)])
    end = max([end, *(e.end for row in both for e in row if e.start < end < e.end)])
    return start, end


def _marked(tokens: Sequence[str], marked: Sequence[Entity], start: int, end: int, joiner: str) -> str:
    pieces, position = ["..."] if start else [], start
    for entity in marked:
        if start <= entity.start and entity.end <= end:
            pieces += tokens[position : entity.start]
            pieces.append(f"[{entity.type} {text_of(tokens, entity, joiner)}]")
            position = entity.end
    return joiner.join([*pieces, *tokens[position:end], *(["..."] if end < len(tokens) else [])])


def _described(error: EntityError, tokens: Sequence[str], joiner: str) -> str:
    true, predicted = error
    entity = true or predicted
    said = f'{entity.type} "{text_of(tokens, entity, joiner)}"'
    if error.kind == "wrong type":
        return f"{said} as {predicted.type}"
    if true and predicted:
        return f'{said} as {predicted.type} "{text_of(tokens, predicted, joiner)}"'
    return said
