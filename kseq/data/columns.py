"""Which of several named things is the text and which the label: columns, JSON fields, tfds features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kseq.errors import UserError, did_you_mean

Column = int | str | None

# The best known first. What files of labelled texts really use, in lower case.
# fmt: off
TEXT_NAMES = (
    "text", "sentence", "review", "comment", "content", "text_a", "tweet", "body", "message", "document",
    "utterance", "review_body", "reviewtext", "review_text", "文本", "内容", "评论", "句子",
)
LABEL_NAMES = (
    "label", "sentiment", "category", "class", "target", "polarity", "intent", "topic", "rating", "stars",
    "star_rating", "overall", "score", "labels", "y", "标签", "类别", "情感",
)
# fmt: on
# A column with more different values than this, and than half of its rows, is no column of labels.
MANY = 20


class Columns(NamedTuple):
    """Two columns by number, and in words how they were found; `""` when the user named both."""

    text: int
    label: int
    remark: str


def choose_columns(
    names: Sequence[str], rows: Sequence[Sequence[str | None]], text: Column, label: Column, where: str
) -> Columns:
    """Finds the two columns: as named by the user, else by usual names, else by what is in them.

    Of two columns without usual names the label is the one with fewer different values.

    Args:
        names: the columns' names, or none at all.
        rows: cells; the first row tells how many columns there are.
        text: number or name of the column with the text; None to find it.
        label: the same for the label.
        where: what the error begins with, such as `"file:line"`.

    Raises:
        UserError: when a column does not exist, both are the same or it is not clear which they are.

    Example:
        >>> choose_columns((), [("1", "fine"), ("0", "sad"), ("1", "glad")], None, None, "a.tsv")
        Columns(text=1, label=0, remark='label is column 0, with fewer different values (2), text column 1')
    """
    count = len(names) or len(rows[0])
    found_text = find_column("text_column", text, names, count, TEXT_NAMES, where)
    found_label = find_column("label_column", label, names, count, LABEL_NAMES, where)
    how = "by their names"
    if count == 2 and (found_text is None) != (found_label is None):
        found_text = 1 - found_label if found_text is None else found_text
        found_label, how = 1 - found_text, "the one from the other"
    elif count == 2 and found_text is None:
        found_label, how = _by_values(rows)
        found_text = 1 - found_label
    if found_text is None or found_label is None:
        raise UserError(_not_clear(names, count, found_text, where))
    if found_text == found_label:
        raise UserError(f"{where}: `text_column` and `label_column` are both column {found_text}")
    if label is None:
        _check_few(names, {row[found_label] for row in rows}, len(rows), found_label, where)
    if text is not None and label is not None:
        return Columns(found_text, found_label, "")
    return Columns(found_text, found_label, _told(names, found_text, found_label, how))


def find_column(
    argument: str, wanted: Column, names: Sequence[str], count: int, usual: Sequence[str], where: str
) -> int | None:
    """The number of the column that the user wants, or of one with a usual name, if there is one.

    Args:
        argument: the name of the user's argument, for errors.
        wanted: number, negative from the end, or name; None for a usual one.
        names: the columns' names, or none at all.
        count: the number of columns.
        usual: names in lower case, the best first.
        where: what the error begins with.

    Raises:
        UserError: when there is no column as wanted.
    """
    if isinstance(wanted, str):
        if wanted not in names:
            known = f"the columns are {', '.join(names)}" if names else "no line names the columns"
            raise UserError(
                f"{where}: no column {wanted!r} (`{argument}`): {known}{did_you_mean(wanted, names)}"
            )
        return list(names).index(wanted)
    if wanted is not None:
        if not -count <= wanted < count:
            raise UserError(f"{where}: no column {wanted} (`{argument}`): there are {count}, from 0")
        return wanted % count
    lower = [name.strip().lower() for name in names]
    return next((lower.index(name) for name in usual if name in lower), None)


def _by_values(rows: Sequence[Sequence[str | None]]) -> tuple[int, str]:
    """Of two columns the one that holds the labels, and why."""
    cells = [[row[column] or "" for row in rows] for column in (0, 1)]
    # Where both have as many different values, labels are the shorter ones.
    sizes = [(len(set(column)), sum(map(len, column))) for column in cells]
    label = 0 if sizes[0] < sizes[1] else 1
    return label, f"with fewer different values ({sizes[label][0]})"


def _check_few(names: Sequence[str], values: set, rows: int, label: int, where: str) -> None:
    if len(values) > max(MANY, rows // 2):
        shown = repr(names[label]) if names else label
        raise UserError(
            f"{where}: no column of labels: the one that may be, {shown}, has {len(values)} different values "
            f"in {rows} rows; name the column (`label_column`)"
        )


def _told(names: Sequence[str], text: int, label: int, how: str) -> str:
    shown = [repr(names[column]) if names else str(column) for column in (label, text)]
    if how.startswith("with"):
        return f"label is column {shown[0]}, {how}, text column {shown[1]}"
    return f"label is column {shown[0]}, text column {shown[1]}, {how}"


def _not_clear(names: Sequence[str], count: int, text: int | None, where: str) -> str:
    what = "text" if text is None else "label"
    columns = f"the columns {', '.join(names)}" if names else f"{count} columns without names"
    if count < 2:
        return f"{where}: only one column, where a text and a label were expected"
    return f"{where}: it is not clear which of {columns} is the {what}: name it (`{what}_column`)"
