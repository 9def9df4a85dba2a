"""How good a classifier is: accuracy, F1, ranking, and whether its probabilities can be believed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kseq.errors import UserError, positive
from kseq.inspection.canvas import blank, write
from kseq.inspection.curves import BASELINE, TRAIN, VALIDATION


def classification_report(true: Sequence[int], probabilities: Any, labels: Sequence[str]) -> dict[str, Any]:
    """Scores of a classifier that gives each label a probability.

    Example:
        >>> report = classification_report([0, 1], [[0.9, 0.1], [0.6, 0.4]], ["no", "yes"])
        >>> report["accuracy"], report["roc_auc"]
        (0.5, 1.0)

    Args:
        true: The number of the right label of each example.
        probabilities: `(examples, labels)`, rows that sum to one.
        labels: Names of the labels.

    Returns:
        `accuracy`, `macro_f1`, `roc_auc` (with more than two labels the mean of each against the rest; None
        if a label does not occur), `calibration_error`, `examples`, and `labels`: by label precision,
        recall, F1 and support. Fractions.

    Raises:
        UserError: There is no example, or shapes do not fit.
    """
    from sklearn.metrics import precision_recall_fscore_support, roc_auc_score

    true, probabilities = _checked(true, probabilities, labels)
    predicted = probabilities.argmax(1)
    names = range(len(labels))
    columns = precision_recall_fscore_support(true, predicted, labels=names, zero_division=0)
    rows = zip(("precision", "recall", "f1", "support"), columns, strict=True)
    by_label = {label: {} for label in labels}
    for name, values in rows:
        for label, value in zip(labels, values.tolist(), strict=True):
            by_label[label][name] = value
    auc = None
    if len(np.unique(true)) == len(labels):
        scores = probabilities[:, 1] if len(labels) == 2 else probabilities
        auc = float(roc_auc_score(true, scores, multi_class="ovr", labels=list(names)))
    return {
        "accuracy": float(np.mean(predicted == true)),
        "macro_f1": float(np.mean(columns[2])),
        "roc_auc": auc,
        "calibration_error": calibration_error(true, probabilities),
        "examples": len(true),
        "labels": by_label,
    }


def reliability(true: Sequence[int], probabilities: Any, bins: int = 10) -> tuple[np.ndarray, ...]:
    """How often the likeliest label is right, by the probability that it was given.

    Args:
        true: The number of the right label of each example.
        probabilities: `(examples, labels)`.
        bins: How many ranges of equal width the probabilities are put into.

    Returns:
        For each range in which something lies: mean probability, share that is right, number of examples.
    """
    positive("bins", bins)
    probabilities = np.asarray(probabilities, float)
    top, right = probabilities.max(1), probabilities.argmax(1) == np.asarray(true)
    place = np.minimum((top * bins).astype(int), bins - 1)
    count = np.bincount(place, minlength=bins)
    some = count > 0
    mean = np.bincount(place, top, bins)[some] / count[some]
    share = np.bincount(place, right, bins)[some] / count[some]
    return mean, share, count[some]


def calibration_error(true: Sequence[int], probabilities: Any, bins: int = 10) -> float:
    """Expected calibration error: the mean gap between probability and share that is right.

        ECE = sum over ranges of n/N * |share right - mean probability|

    Reference:
        Guo et al., "On Calibration of Modern Neural Networks", 2017.
    """
    mean, share, count = reliability(true, probabilities, bins)
    return float(np.sum(count * np.abs(share - mean)) / np.sum(count))


def classification_table(report: dict[str, Any]) -> str:
    """A report as a table for people, in percent.

    Args:
        report: What `classification_report` returned.

    Returns:
        Lines without a line end after the last.
    """
    width = max(len("label"), *map(len, report["labels"]))
    lines = [f"{'label':{width}}  precision  recall      F1  support"]
    for label, row in report["labels"].items():
        precision, recall, f1 = (f"{100 * row[key]:.2f}" for key in ("precision", "recall", "f1"))
        lines.append(f"{label:{width}}  {precision:>9}  {recall:>6}  {f1:>6}  {row['support']:>7}")
    auc = "" if report["roc_auc"] is None else f", ROC-AUC {100 * report['roc_auc']:.2f}"
    lines.append(
        f"accuracy {100 * report['accuracy']:.2f}, macro F1 {100 * report['macro_f1']:.2f}{auc}, "
        f"calibration error {100 * report['calibration_error']:.2f}"
    )
    return "\n".join(lines)


def calibration_plot(
    true: Sequence[int], probabilities: Any, path: str | os.PathLike, *, title: str | None = None
) -> Path:
    """Draws the share that is right over the probability given; on the diagonal both are equal.

    Args:
        true: The number of the right label of each example.
        probabilities: `(examples, labels)`.
        path: The PNG file, replaced as a whole.
        title: A line above the picture.

    Returns:
        The path.
    """
    mean, share, count = reliability(true, probabilities)
    figure = blank(5, 5.4, layout="constrained")
    axes, below = figure.subplots(2, 1, height_ratios=(4, 1), sharex=True)
    axes.plot([0, 1], [0, 1], color=BASELINE, linestyle=(0, (5, 3)), linewidth=1.4, label="calibrated")
    axes.plot(mean, share, "o-", color=VALIDATION, linewidth=1.8, label="this model")
    axes.set(ylabel="share that is right", xlim=(0, 1), ylim=(0, 1.02))
    axes.legend(frameon=False, loc="upper left")
    below.bar(mean, count, width=0.06, color=TRAIN)
    below.set(xlabel="probability of the likeliest label", ylabel="examples")
    for side in (axes, below):
        side.spines[["top", "right"]].set_visible(False)
        side.grid(axis="y", color="#DDDDDD", linewidth=0.8)
        side.set_axisbelow(True)
    if title:
        axes.set_title(title, loc="left", fontsize=11)
    return write(figure, path)


def _checked(true: Sequence[int], probabilities: Any, labels: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    true, probabilities = np.asarray(true), np.asarray(probabilities, float)
    if len(true) == 0:
        raise UserError("there is no example to score")
    if probabilities.shape != (len(true), len(labels)):
        shape = (len(true), len(labels))
        raise UserError(f"`probabilities` must be {shape}, got {probabilities.shape}")
    return true, probabilities
