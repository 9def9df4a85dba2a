"""Pictures of numbers over training time."""

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from kseq.errors import UserError, did_you_mean
from kseq.files import read_history
from kseq.inspection.canvas import blank, write

# Okabe and Ito's colours, told apart with every kind of colour vision; brightness differs too.
TRAIN, VALIDATION, BASELINE = "#56B4E9", "#D55E00", "#444444"


def learning_curve(
    history: str | os.PathLike | Mapping[str, Sequence[float]],
    path: str | os.PathLike,
    *,
    metric: str = "loss",
    mode: str = "min",
    unit: str | None = None,
    title: str | None = None,
    baseline: float | None = None,
    baseline_label: str = "n-gram model",
) -> Path:
    """Draws a metric on training and validation data over the epochs, the best epoch marked.

    The picture is drawn on a canvas of its own: matplotlib's backend and current figure stay as
    they are, so it works on servers, in notebooks and in threads.

    Args:
        history: A CSV file of `keras.callbacks.CSVLogger`, or column to one value an epoch.
        path: The PNG file, replaced as a whole.
        metric: The column; `val_` and its name is the validation's. One of the two may be missing.
        mode: `"min"` when less is better, else `"max"`; decides which epoch is the best.
        unit: What the vertical axis says, such as `nats per character`; `None`: the metric's name.
        title: A line above the picture.
        baseline: A value to beat, drawn as a horizontal line, in the unit of the metric.
        baseline_label: What that value comes from.

    Returns:
        The path.

    Raises:
        UserError: The history holds no epoch, or no such metric.
    """
    from matplotlib.ticker import MaxNLocator

    columns = history if isinstance(history, Mapping) else read_history(history)
    if not any(len(column) for column in columns.values()):
        raise UserError("there is no learning curve to draw: no epoch has ended")
    train, validation = columns.get(metric), columns.get(f"val_{metric}")
    if train is None and validation is None:
        raise UserError(f"no column `{metric}` in the history{did_you_mean(metric, columns)}")
    count = len(validation if train is None else train)
    epochs = [int(epoch) + 1 for epoch in columns.get("epoch", range(count))]
    validation = [math.nan] * count if validation is None else validation

    figure = blank(7, 4.2, layout="constrained")
    axes = figure.subplots()
    marker = "o" if len(epochs) < 40 else None
    style = {"marker": marker, "markersize": 3.5, "linewidth": 1.8}
    if train is not None:
        axes.plot(epochs, train, color=TRAIN, label="training", **style)
    best = _best(validation, mode)
    if best is not None:
        axes.plot(epochs, validation, color=VALIDATION, label="validation", **style)
        label = f"best: {validation[best]:.4g} in epoch {epochs[best]}"
        ring = {"facecolors": "none", "edgecolors": VALIDATION, "linewidths": 1.8, "zorder": 4}
        axes.scatter([epochs[best]], [validation[best]], s=110, label=label, **ring)
    if baseline is not None:
        label = f"{baseline_label}: {baseline:.4g}"
        axes.axhline(baseline, color=BASELINE, linestyle=(0, (5, 3)), linewidth=1.4, label=label)
    axes.set(xlabel="epoch", ylabel=unit or metric)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.legend(frameon=False)
    if title:
        axes.set_title(title, loc="left", fontsize=11)
    return write(figure, path)


def _best(values: Sequence[float], mode: str) -> int | None:
    numbers = [index for index, value in enumerate(values) if math.isfinite(value)]
    choose = {"min": min, "max": max}[mode]
    return choose(numbers, key=lambda index: values[index]) if numbers else None
