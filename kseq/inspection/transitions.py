"""Which tag likes to follow which: the transition scores of a CRF as a picture."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from kseq.errors import UserError
from kseq.inspection.canvas import blank, write
from kseq.ops.crf import FORBIDDEN


def transition_plot(crf: Any, path: str | os.PathLike, *, title: str | None = None) -> Path:
    """Draws the scores of a CRF, a row the tag before, a column the tag behind it; start and end too.

    Blue pairs are liked, red ones are not; grey ones the tag scheme forbids.

    Args:
        crf: a built `kseq.layers.CRF`, or what has one as `crf`, such as a `kseq.models.Tagger`.
        path: the PNG file, replaced as a whole.
        title: a line above the picture.

    Returns:
        The path.

    Raises:
        UserError: the layer is not built or scores no pairs.
    """
    names, scores = transition_scores(crf)
    size = len(names)
    cell = float(np.clip(6 / size, 0.3, 0.62))
    figure = blank(cell * size, cell * size)
    axes = figure.add_axes((0, 0, 1, 1))
    shown = np.ma.masked_invalid(scores)
    most = max(float(np.abs(shown).max()), 1e-6)
    axes.set_facecolor("#D0D0D0")
    axes.imshow(shown, cmap="RdBu", vmin=-most, vmax=most)
    if cell > 0.4:
        for row, column in zip(*np.nonzero(np.isfinite(scores)), strict=True):
            strong = abs(scores[row, column]) > 0.6 * most
            text = {"color": "white" if strong else "#222222", "fontsize": 7, "ha": "center", "va": "center"}
            axes.text(column, row, f"{scores[row, column]:.1f}", **text)
    axes.set_xticks(range(size), [*names[:-1], "end"], rotation=90, fontsize=8)
    axes.set_yticks(range(size), [*names[:-1], "start"], fontsize=8)
    axes.set(xlabel="tag", ylabel="tag before it")
    axes.tick_params(length=0)
    if title:
        axes.set_title(title, loc="left", fontsize=10)
    return write(figure, path, bbox_inches="tight", pad_inches=0.15)


def transition_scores(crf: Any) -> tuple[list[str], np.ndarray]:
    """The scores of pairs of tags, and of the tags at both ends.

    Args:
        crf: as of `transition_plot`.

    Returns:
        Names of the tags and `""`; `(tags + 1, tags + 1)`, the last row being that of the start and the last
        column that of the end. What is forbidden is NaN, and so is their corner.
    """
    layer = getattr(crf, "crf", crf)
    if not getattr(layer, "built", False):
        raise UserError("`crf` must be built: call the model once")
    if not layer.use_transitions:
        raise UserError("`crf` scores no transitions: its head is a softmax")
    found = layer.scores(np.zeros((1, 1, layer.num_tags), "float32"))
    start, pairs, end = (np.asarray(x, "float64") for x in (found.start, found.transitions, found.end))
    scores = np.full((layer.num_tags + 1, layer.num_tags + 1), np.nan)
    scores[:-1, :-1], scores[-1, :-1], scores[:-1, -1] = pairs, start, end
    scores[scores <= FORBIDDEN / 2] = np.nan
    return [*(layer.labels or map(str, range(layer.num_tags))), ""], scores
