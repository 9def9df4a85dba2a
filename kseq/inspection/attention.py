"""Where a model looked: attention as a picture."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kseq.errors import UserError
from kseq.inspection.canvas import blank, write
from kseq.inspection.glyphs import shown

Map = tuple[Sequence[str], Sequence[str], np.ndarray]
CELL = 0.22  # inches of a token


def attention_maps(maps: Sequence[Map], path: str | os.PathLike) -> Path:
    """Draws attention weights, one picture above the other: a row a target token, a column a source token.

    A character that no installed font has is written as its number, `u5e74`.

    Args:
        maps: source tokens, target tokens and weights of each, `(target, source)`, with a row for the end
            of the target and padding behind both or none.
        path: the PNG file, replaced as a whole.

    Returns:
        The path.

    Raises:
        UserError: there is nothing to draw.
    """
    if not maps:
        raise UserError("there is no attention to draw")
    shapes = [(len(target) + 1, len(source)) for source, target, _ in maps]
    width = 1.5 + CELL * max(columns for _, columns in shapes)
    heights = [0.9 + CELL * rows for rows, _ in shapes]
    figure = blank(width, sum(heights), layout="constrained")
    all_axes = figure.subplots(len(maps), squeeze=False, height_ratios=heights)[:, 0]
    for axes, (source, target, weights), (rows, columns) in zip(all_axes, maps, shapes, strict=True):
        axes.imshow(np.asarray(weights)[:rows, :columns], cmap="Greys", vmin=0, vmax=1, aspect="auto")
        across, down = ([shown(token) for token in side] for side in (source, target))
        vertical = any(len(label) > 1 for label in across)
        axes.set_xticks(range(columns), across, rotation=90 if vertical else 0, fontsize=8)
        axes.set_yticks(range(rows), [*down, "end"], fontsize=8)
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
    return write(figure, path)
