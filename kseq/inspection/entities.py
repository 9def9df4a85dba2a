"""How good a tagger's entities are: scores, and a table of them."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any

from kseq.errors import UserError
from kseq.tags import Entity, entities, from_entities

Tags = Sequence[Sequence[str]]


def seen_entities(sentences: Tags, tags: Tags, *, joiner: str = " ") -> set[tuple[str, str]]:
    """The entities of a part of the data, usually the training part, as `entity_report` takes them.

    Example:
        >>> seen_entities([["in", "New", "York"]], [["O", "B-LOC", "I-LOC"]])
        {('LOC', 'New York')}

    Args:
        sentences: The tokens of each sentence.
        tags: Their BIO tags.
        joiner: What stands between the tokens of a text: a space, nothing for Chinese characters.

    Returns:
        Type and text of each.

    Raises:
        UserError: Sentences and tags do not align.
    """
    check_aligned(sentences=sentences, tags=tags)
    return {
        (entity.type, text_of(tokens, entity, joiner))
        for tokens, row in zip(sentences, tags, strict=True)
        for entity in entities(row, "BIO")
    }


def entity_report(
    true: Tags,
    predicted: Tags,
    *,
    sentences: Tags | None = None,
    seen: Set[tuple[str, str]] | None = None,
    joiner: str = " ",
) -> dict[str, Any]:
    """Precision, recall and F1 of entities, exact in span and type, as conlleval counts them.

    With `seen`, also the scores of what a tagger cannot know by heart: recall of the entities of the data
    that are not in `seen`, precision of the predicted ones that are not. A score without anything to
    count is 0. Scores are fractions.

    Example:
        >>> report = entity_report([["B-PER", "O", "B-LOC"]], [["B-PER", "O", "O"]])
        >>> report["precision"], report["recall"], report["types"]["LOC"]["recall"]
        (1.0, 0.5, 0.0)

    Args:
        true: The BIO tags of each sentence in the data.
        predicted: Those of the tagger.
        sentences: The tokens of each sentence; needed with `seen` only.
        seen: Type and text of the training part's entities (`seen_entities`).
        joiner: What stands between the tokens of a text, as in `seen`.

    Returns:
        `precision`, `recall`, `f1` and `support` (entities in the data) over all entities,
        `token_accuracy`, `types` (type to the same four), and with `seen` `unseen` (the same four).

    Raises:
        UserError: The sequences do not align, a tag is not BIO, or `sentences` is missing.
    """
    check_aligned(true=true, predicted=predicted)
    pairs = [
        (entities(row, "BIO"), entities(other, "BIO")) for row, other in zip(true, predicted, strict=True)
    ]
    by_type = _scores(pairs)
    report = by_type.pop("micro avg")
    right = sum(
        a == b for row, other in zip(true, predicted, strict=True) for a, b in zip(row, other, strict=True)
    )
    report["token_accuracy"] = right / max(sum(map(len, true)), 1)
    report["types"] = by_type
    if seen is not None:
        if sentences is None:
            raise UserError("`seen` needs `sentences`, the tokens that the entities' texts are made of")
        check_aligned(true=true, sentences=sentences)
        unseen = [
            tuple([e for e in row if (e.type, text_of(tokens, e, joiner)) not in seen] for row in pair)
            for tokens, pair in zip(sentences, pairs, strict=True)
        ]
        report["unseen"] = _scores(unseen)["micro avg"]
    return report


def report_table(report: dict[str, Any]) -> str:
    """A report as a table for people, in percent.

    Example:
        >>> print(report_table(entity_report([["B-PER", "O", "B-LOC"]], [["B-PER", "O", "O"]])))
        type     precision  recall      F1  support
        LOC           0.00    0.00    0.00        1
        PER         100.00  100.00  100.00        1
        overall     100.00   50.00   66.67        2
        tokens right: 66.67

    Args:
        report: What `entity_report` returned.

    Returns:
        Lines without a line end after the last.
    """
    rows = {**report["types"], "overall": report}
    if "unseen" in report:
        rows["not in training"] = report["unseen"]
    width = max(len("type"), *map(len, rows))
    lines = [f"{'type':{width}}  precision  recall      F1  support"]
    for name, row in rows.items():
        precision, recall, f1 = (f"{100 * row[key]:.2f}" for key in ("precision", "recall", "f1"))
        lines.append(f"{name:{width}}  {precision:>9}  {recall:>6}  {f1:>6}  {row['support']:>7}")
    return "\n".join([*lines, f"tokens right: {100 * report['token_accuracy']:.2f}"])


def check_aligned(**sequences: Tags) -> None:
    """Raises unless the arguments have equally many sentences, and those equally many tokens.

    Args:
        **sequences: Name to a sequence of sequences.

    Raises:
        UserError: The first place where they differ.
    """
    (name, first), *others = sequences.items()
    for other, rows in others:
        if len(rows) != len(first):
            raise UserError(f"`{other}` has {len(rows)} sentences, `{name}` has {len(first)}")
        for index, (a, b) in enumerate(zip(first, rows, strict=True)):
            if len(a) != len(b):
                raise UserError(
                    f"sentence {index + 1} has {len(b)} tokens in `{other}`, {len(a)} in `{name}`"
                )


def _scores(pairs: Sequence[tuple[list[Entity], list[Entity]]]) -> dict[str, dict[str, float]]:
    """By type and as `micro avg`: seqeval on tags that are written anew from the entities."""
    from seqeval.metrics import classification_report

    if not any(row for pair in pairs for row in pair):
        return {"micro avg": {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0}}
    lengths = [max((entity.end for row in pair for entity in row), default=0) for pair in pairs]
    true, predicted = (
        [from_entities(pair[side], length, "BIO") for pair, length in zip(pairs, lengths, strict=True)]
        for side in (0, 1)
    )
    rows = classification_report(true, predicted, output_dict=True, zero_division=0)
    types = sorted({entity.type for pair in pairs for row in pair for entity in row})
    return {name: _plain(rows[name]) for name in ("micro avg", *types)}


def _plain(row: dict[str, Any]) -> dict[str, float]:
    scores = {"precision": row["precision"], "recall": row["recall"], "f1": row["f1-score"]}
    return {**{key: float(score) for key, score in scores.items()}, "support": int(row["support"])}


def text_of(tokens: Sequence[str], entity: Entity, joiner: str) -> str:
    """The text of an entity."""
    return joiner.join(tokens[entity.start : entity.end])
