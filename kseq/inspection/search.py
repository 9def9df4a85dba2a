"""Pictures of a search for hyperparameters."""

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kseq.errors import UserError
from kseq.files import replacing
from kseq.inspection.curves import TRAIN, VALIDATION


def parallel_coordinates(
    trials: Sequence[Mapping[str, Any]],
    scores: Sequence[float],
    path: str | os.PathLike,
    *,
    objective: str,
    mode: str,
    log: Sequence[str] = (),
    title: str | None = None,
) -> Path:
    """Draws a line a trial through an axis a hyperparameter, coloured by its score, the best one bold.

    Args:
        trials: the values of each: numbers, texts, truth values, None.
        scores: of each.
        path: the PNG file, replaced as a whole.
        objective: what scores are called; the last axis.
        mode: `"min"` when less is better, else `"max"`.
        log: hyperparameters whose axis is logarithmic.
        title: a line above the picture.

    Returns:
        The path.

    Raises:
        UserError: no trial has a score.
    """
    from matplotlib import colormaps

    _check(scores)
    names = [name for name in trials[0] if len({repr(trial[name]) for trial in trials}) > 1]
    axes_of = [_Axis([trial[name] for trial in trials], name in log) for name in names]
    axes_of.append(_Axis(list(scores), False))
    order = sorted(range(len(scores)), key=lambda n: scores[n] if mode == "max" else -scores[n])
    rank = {trial: place / max(1, len(order) - 1) for place, trial in enumerate(order)}

    axes = _axes(max(5.0, 1.5 * len(axes_of)), 4.4, title)
    colours = colormaps["viridis"]
    for n in order:  # the best one last, on top
        heights = [axis.heights[n] for axis in axes_of]
        best = n == order[-1]
        colour = VALIDATION if best else colours(0.9 - 0.8 * rank[n])
        width, opacity = (2.6, 1.0) if best else (1.2, 0.35 + 0.45 * rank[n])
        axes.plot(range(len(axes_of)), heights, color=colour, linewidth=width, alpha=opacity)
    for place, axis in enumerate(axes_of):
        axes.axvline(place, color="#444444", linewidth=0.9, zorder=0)
        for height, label in axis.ticks:
            box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.8}
            axes.text(place + 0.03, height, label, fontsize=7.5, va="center", bbox=box, zorder=5)
    axes.set_xticks(range(len(axes_of)), [*names, objective], rotation=20, ha="right")
    axes.set(xlim=(-0.15, len(axes_of) - 0.55), ylim=(-0.06, 1.06), yticks=[])
    axes.spines[:].set_visible(False)
    label = f"best: {scores[order[-1]]:.4g}; light lines are worse than dark ones"
    axes.set_xlabel(label, fontsize=9, color=VALIDATION)
    return _saved(axes, path)


def objective_over_time(
    hours: Sequence[float],
    scores: Sequence[float],
    path: str | os.PathLike,
    *,
    objective: str,
    mode: str,
    title: str | None = None,
) -> Path:
    """Draws the score of each trial when it ended, and the best so far as a line.

    Args:
        hours: of search when each trial ended, rising.
        scores: of each.
        path: the PNG file, replaced as a whole.
        objective: what scores are called.
        mode: `"min"` when less is better, else `"max"`.
        title: a line above the picture.

    Returns:
        The path.

    Raises:
        UserError: no trial has a score.
    """
    _check(scores)
    better = min if mode == "min" else max
    best = [better(scores[: n + 1]) for n in range(len(scores))]
    unit, scale = ("hours", 1.0) if hours[-1] >= 2 else ("minutes", 60.0)
    times = [hour * scale for hour in hours]
    axes = _axes(7, 4.2, title)
    axes.scatter(times, scores, color=TRAIN, s=26, label="a trial", zorder=3)
    axes.step(
        times, best, where="post", color=VALIDATION, linewidth=1.8, label=f"best so far: {best[-1]:.4g}"
    )
    axes.set(xlabel=f"{unit} of search", ylabel=objective)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.legend(frameon=False)
    return _saved(axes, path)


def _check(scores: Sequence[float]) -> None:
    if not scores:
        raise UserError("there is nothing to draw: no trial has a score")


def _axes(width: float, height: float, title: str | None) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.set_title(title or "", loc="left", fontsize=11)
    return axes


def _saved(axes: Any, path: str | os.PathLike) -> Path:
    with replacing(path) as temporary:
        axes.figure.savefig(temporary, format="png", dpi=150)
    return Path(path)


class _Axis:
    """Values as heights between 0 and 1, and what to write beside the axis."""

    def __init__(self, values: Sequence[Any], log: bool):
        numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
        different = sorted(set(values)) if numbers else sorted({str(value) for value in values})
        continuous = numbers and (len(different) > 5 or any(isinstance(v, float) for v in different))
        if continuous:
            scale = math.log if log else float
            low, high = scale(different[0]), scale(different[-1])
            span = (high - low) or 1.0
            self.heights = [(scale(value) - low) / span for value in values]
            places = [low + part * span for part in (0, 0.25, 0.5, 0.75, 1)]
            shown = different if len(different) <= 5 else [math.exp(p) if log else p for p in places]
            self.ticks = [((scale(v) - low) / span, f"{v:.3g}") for v in shown]
        else:
            top = max(1, len(different) - 1)
            place = {value: n / top for n, value in enumerate(different)}
            self.heights = [place[value if numbers else str(value)] for value in values]
            self.ticks = [(height, str(value)) for value, height in place.items()]
