"""Which unit opens where: gates and states of a recurrent layer over the tokens that it reads."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from kseq.errors import UserError, positive
from kseq.inspection.canvas import blank, write
from kseq.inspection.glyphs import shown
from kseq.inspection.gradients.probes import Trace, check_ran, probed
from kseq.ops.gru import SimpleGRU
from kseq.ops.lstm import LSTM

#: by recurrence the first of what a step keeps, with what each does; those between 0 and 1 are gates
KEPT = {
    LSTM: {"i": "input gate", "f": "forget gate", "g": "candidate", "o": "output gate"},
    SimpleGRU: {"z": "update gate (keeps)", "k": "candidate", "r": "reset gate"},
}
STATES = {"h": "hidden state", "c": "memory cell"}
GATES = ("i", "f", "o", "z", "r")
TOKEN, UNIT = 0.24, 0.17  # inches


@dataclasses.dataclass(frozen=True)
class Activity:
    """What one layer did on one sequence, in the order in which it read.

    Args:
        name: of the layer.
        values: by symbol `(steps, units)`: the gates of the cell in its order, then its states.
        backwards: whether it read from the end.
    """

    name: str
    values: dict[str, np.ndarray]
    backwards: bool

    def liveliest(self, symbol: str, count: int) -> list[int]:
        """The units that vary most over the steps, most first."""
        spread = self.values[symbol].std(0)
        return np.argsort(-spread, kind="stable")[:count].tolist()


def activity(model: keras.layers.Layer, inputs: Any, row: int = 0) -> dict[str, Activity]:
    """Gates and states of every recurrent layer on one sequence of a batch, dropout off.

    The gates are those of the equations in `kseq.cells`; of cells that are not of `kseq`, and of Elman and
    Jordan cells, there are only states.

    Args:
        model: any model or layer, as of `kseq.inspection.gradient_flow`.
        inputs: what it is called on, without padding in this row.
        row: which sequence of the batch.

    Returns:
        By name of the layer, in the order of the model.

    Raises:
        UserError: no recurrent layer runs.

    Example:
        >>> from kseq.layers import LSTM
        >>> found = activity(LSTM(4, name="memory"), np.ones((1, 6, 3), "float32"))
        >>> list(found["memory"].values), found["memory"].values["f"].shape
        (['i', 'f', 'g', 'o', 'h', 'c'], (6, 4))
    """
    import tensorflow as tf

    with tf.GradientTape() as tape, probed(model, tape) as traces:
        model(inputs)
    check_ran(traces, model)
    return {trace.name: _activity(trace, row) for trace in traces}


def _activity(trace: Trace, row: int) -> Activity:
    cell = trace.cell
    steps: list[dict[str, np.ndarray]] = []
    for x, before in zip(trace.inputs, trace.before, strict=True):
        x, before = x[row : row + 1], [state[row : row + 1] for state in before]
        kept, after = _step(cell, x, before)
        values = {**kept, **dict(zip(STATES, after, strict=False))}
        steps.append({symbol: np.asarray(ops.convert_to_numpy(v))[0] for symbol, v in values.items()})
    values = {symbol: np.stack([step[symbol] for step in steps]) for symbol in steps[0]}
    return Activity(trace.name, values, trace.backwards)


def _step(cell: Any, x: Any, before: list) -> tuple[dict[str, Any], Sequence[Any]]:
    """What a step keeps, by symbol, and the states after it."""
    recurrence = getattr(cell, "recurrence", None)
    names = next((names for kind, names in KEPT.items() if isinstance(recurrence, kind)), None)
    if names is None or cell.why_not_derived() is not None:
        return {}, keras.tree.flatten(cell(x, before)[1])
    after, kept = recurrence.step(cell.project(x), tuple(before), cell.recurrent_weights())
    return dict(zip(names, kept, strict=False)), after


def activity_plot(
    found: Activity,
    tokens: Sequence[str],
    path: str | os.PathLike,
    *,
    symbols: Sequence[str] | None = None,
    units: int = 8,
    title: str | None = None,
) -> Path:
    """Draws gates and states, a column a token; of each the units that vary most, most first.

    Gates go from white (closed) to black (open), states and candidates from red (negative) over white (zero)
    to blue.

    Args:
        found: of one layer.
        tokens: of the sequence, in the order of the text.
        path: the PNG file, replaced as a whole.
        symbols: what to draw; None: everything.
        units: how many units of each.
        title: a line above the picture.

    Returns:
        The path.

    Raises:
        UserError: the tokens are not as many as the steps, or a symbol is unknown.
    """
    positive("units", units)
    chosen = list(found.values) if symbols is None else list(symbols)
    unknown = [symbol for symbol in chosen if symbol not in found.values]
    if unknown:
        raise UserError(f"`symbols` must be of {', '.join(found.values)}, got {unknown[0]!r}")
    steps, width = next(iter(found.values.values())).shape
    if len(tokens) != steps:
        raise UserError(f"`tokens` must be {steps}, one a step, got {len(tokens)}")
    rows = min(units, width)
    names = {**STATES, **{s: name for group in KEPT.values() for s, name in group.items()}}
    height = (rows * UNIT + 0.28) * len(chosen) + 0.9
    figure = blank(max(1.9 + TOKEN * steps, 4.0), height, layout="constrained")
    all_axes = figure.subplots(len(chosen), squeeze=False)[:, 0]
    for axes, symbol in zip(all_axes, chosen, strict=True):
        order = found.liveliest(symbol, rows)
        values = found.values[symbol][::-1] if found.backwards else found.values[symbol]
        gate = symbol in GATES
        most = max(1.0, float(np.abs(values[:, order]).max()))
        shades = {"cmap": "Greys" if gate else "RdBu", "vmin": 0 if gate else -most, "vmax": most}
        axes.imshow(values[:, order].T, aspect="auto", interpolation="nearest", **shades)
        axes.set_yticks(range(rows), [str(unit) for unit in order], fontsize=7)
        axes.set_ylabel(f"{symbol}\n{names[symbol]}", fontsize=8, rotation=0, ha="right", va="center")
        axes.set_xticks([])
        axes.tick_params(length=0)
    labels = [shown(token) for token in tokens]
    upright = any(len(label) > 1 for label in labels)
    all_axes[-1].set_xticks(range(steps), labels, rotation=90 if upright else 0, fontsize=8)
    if title:
        all_axes[0].set_title(title, loc="left", fontsize=10)
    return write(figure, path)


def openings(found: Activity, tokens: Sequence[str], *, units: int = 3) -> list[str]:
    """Says of each gate which units vary most, and at which token they are widest open and most closed.

    Args:
        found: of one layer.
        tokens: of the sequence.
        units: how many of each gate.

    Returns:
        A line a unit; none for a layer without gates.
    """
    order = list(tokens)[::-1] if found.backwards else list(tokens)
    lines = []
    for symbol in (symbol for symbol in found.values if symbol in GATES):
        for unit in found.liveliest(symbol, units):
            values = found.values[symbol][:, unit]
            ends = [
                f"{word} at {order[place]!r} ({values[place]:.2f})"
                for word, place in (("open", values.argmax()), ("closed", values.argmin()))
            ]
            lines.append(f"{found.name} {symbol}({unit}): {', '.join(ends)}")
    return lines
