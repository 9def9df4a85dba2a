"""Which types of entities a tagger takes for which: counts, and a picture of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kseq.errors import UserError
from kseq.inspection.canvas import blank, write
from kseq.inspection.curves import TRAIN as RIGHT
from kseq.inspection.curves import VALIDATION as WRONG
from kseq.inspection.entities import check_aligned
from kseq.tags import entities

NONE = "none"


def confusion_counts(
    true: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]
) -> tuple[list[str], np.ndarray]:
    """Counts entities by their type in the data and in the prediction.

    Two entities meet when their spans are equal. One that meets none counts with `none`: in its column
    when the prediction lacks it, in its row when the data does. A wrong boundary is one of each.

    Example:
        >>> confusion_counts([["B-PER", "O", "B-LOC"]], [["B-LOC", "O", "O"]])
        (['LOC', 'PER', 'none'], array([[0, 0, 1],
               [1, 0, 0],
               [0, 0, 0]]))

    Args:
        true: The BIO tags of each sentence in the data.
        predicted: Those of the tagger.

    Returns:
        The types in alphabetical order, then `none`; and the counts, (data, prediction).

    Raises:
        UserError: The sequences do not align, or a tag is not BIO.
    """
    check_aligned(true=true, predicted=predicted)
    pairs: list[tuple[str, str]] = []
    for row, other in zip(true, predicted, strict=True):
        in_data, found = (
            {entity[1:]: entity.type for entity in entities(tags, "BIO")} for tags in (row, other)
        )
        pairs += [(in_data.get(span, NONE), found.get(span, NONE)) for span in in_data | found]
    labels = [*sorted({name for pair in pairs for name in pair} - {NONE}), NONE]
    place = {name: index for index, name in enumerate(labels)}
    counts = np.zeros((len(labels), len(labels)), int)
    for a, b in pairs:
        counts[place[a], place[b]] += 1
    return labels, counts


def confusion_matrix(
    labels: Sequence[str], counts: np.ndarray, path: str | os.PathLike, *, title: str | None = None
) -> Path:
    """Draws counts as a table: a row for each type in the data, a column for each that was predicted.

    Right cells are blue, wrong ones red, and the stronger the larger their share of the row is; in the
    row `none`, their share of the column. As in `learning_curve`, matplotlib's backend and current
    figure stay as they are.

    Args:
        labels: The names of rows and columns.
        counts: (data, prediction), as `confusion_counts` gives them.
        path: The PNG file, replaced as a whole.
        title: A line above the picture.

    Returns:
        The path.

    Raises:
        UserError: There is no entity to draw, or `counts` does not fit `labels`.
    """
    counts = np.asarray(counts)
    size = len(labels)
    if counts.shape != (size, size):
        raise UserError(f"`counts` must have the shape {(size, size)} of {size} labels, got {counts.shape}")
    if not counts.any():
        raise UserError("there is no confusion to draw: neither the data nor the prediction has an entity")
    cell = float(np.clip(5 / size, 0.42, 0.9))  # inches
    figure = blank(size * cell, size * cell)
    axes = figure.add_axes((0, 0, 1, 1))  # labels lie outside; the saved picture grows around them
    axes.imshow(_colours(labels, counts))
    for row, column in zip(*np.nonzero(counts), strict=True):
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", fontsize=6 + 4 * cell)
    narrow = max(map(len, labels)) * 0.09 > cell
    axes.set_xticks(range(size), labels, rotation=90 if narrow else 0)
    axes.set_yticks(range(size), labels)
    axes.set(xlabel="predicted", ylabel="in the data")
    axes.tick_params(length=0, labelsize=9)
    axes.spines[:].set_visible(False)
    for edge in np.arange(size + 1) - 0.5:
        axes.axhline(edge, color="#DDDDDD", linewidth=0.8)
        axes.axvline(edge, color="#DDDDDD", linewidth=0.8)
    if title:
        axes.set_title(title, loc="left", fontsize=11)
    return write(figure, path, bbox_inches="tight", pad_inches=0.15)


def _colours(labels: Sequence[str], counts: np.ndarray) -> np.ndarray:
    """White to the cell's colour, (rows, columns, 3)."""
    from matplotlib.colors import to_rgb

    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    if labels[-1] == NONE:  # few entities too many are few, even when they are all that the row has
        shares[-1] = counts[-1] / np.maximum(counts.sum(axis=0), 1)
    right = np.eye(len(counts), dtype=bool)[..., None]
    full = np.where(right, to_rgb(RIGHT), to_rgb(WRONG))
    return 1 - np.sqrt(shares)[..., None] * (1 - full)  # the root keeps small shares visible
