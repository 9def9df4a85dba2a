"""The public way in: a picture of a recurrent network."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kseq.errors import UserError, positive
from kseq.inspection.canvas import blank, write
from kseq.inspection.unfolding.describe import describe
from kseq.inspection.unfolding.diagram import FONT, PLAIN, Diagram, colour, mathematical
from kseq.inspection.unfolding.layout import recurrent_form, unfolded_graph
from kseq.inspection.unfolding.network import Network

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = (".png", ".svg")
MARGIN = 0.25  # inches around everything
BETWEEN = 1.0  # between the two forms
HEAD, LINE = 0.75, 0.24  # the headings, and a line of the legend


def unfold(
    model_or_cell: Any,
    steps: int = 4,
    path: str | os.PathLike | None = None,
    *,
    teacher_forcing: bool = False,
) -> Figure:
    """Draws a recurrent network as a loop with a delay of one step, and unfolded, side by side.

    Both are made from the layers as they are: their states, directions, depth, what feeds back and where
    outputs leave. Arrows of one colour stand for the same weights; the legend names them, with their
    shapes where they are built. `h(0)` is the state before the first step.

    `kseq.ops.unfold` runs a recurrence; this draws it.

    Args:
        model_or_cell: a cell, a recurrent layer, `Bidirectional`, `Stacked`, a model of `kseq.models`, or a
            Keras model whose layers are a chain.
        steps: of the unfolded graph; in an encoder-decoder, of each half.
        path: where to write it, `.png` or `.svg`, replaced as a whole; None: nowhere.
        teacher_forcing: whether a Jordan network and a decoder are fed the true output of the step before,
            as in training, or their own, as when they serve.

    Returns:
        The figure; matplotlib's current figure stays as it is.

    Raises:
        UserError: there is nothing recurrent, its layers are no chain, or the file is neither PNG nor SVG.

    Example:
        >>> from kseq.layers import LSTM
        >>> figure = unfold(LSTM(8, return_sequences=True), steps=3)
        >>> len(figure.axes)
        1
    """
    positive("steps", steps)
    if path is not None and Path(path).suffix.lower() not in FORMATS:
        raise UserError(f"`path` must end in {' or '.join(FORMATS)}, got {str(path)!r}")
    network = describe(model_or_cell, teacher_forcing)
    figure = _figure(network, recurrent_form(network), unfolded_graph(network, steps), steps)
    if path is not None:
        write(figure, path)
    return figure


def _figure(network: Network, folded: Diagram, unfolded: Diagram, steps: int) -> Figure:
    left, right = folded.extent(), unfolded.extent()
    moved = left[2] - right[0] + BETWEEN
    bottom, top = min(left[1], right[1]), max(left[3], right[3])
    width = right[2] + moved - left[0] + 2 * MARGIN
    rows = _legend_rows(network, width)
    height = top - bottom + HEAD + LINE * len(rows) + 3 * MARGIN
    figure = blank(width, height)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set(xlim=(left[0] - MARGIN, left[0] - MARGIN + width))
    axes.set(ylim=(bottom - 2 * MARGIN - LINE * len(rows), top + HEAD + MARGIN))
    folded.draw(axes)
    _moved(unfolded, moved).draw(axes)
    _headings(axes, network, left, right, moved, top, steps)
    for n, row in enumerate(rows):
        _legend(axes, row, left[0], bottom - 1.2 * MARGIN - LINE * (n + 0.5))
    return figure


def _moved(diagram: Diagram, dx: float) -> Diagram:
    return Diagram(
        [dataclasses.replace(node, x=node.x + dx) for node in diagram.nodes],
        [
            dataclasses.replace(edge, points=tuple((x + dx, y) for x, y in edge.points))
            for edge in diagram.edges
        ],
        [(x + dx, y, text) for x, y, text in diagram.texts],
    )


def _headings(
    axes: Any, network: Network, left: tuple, right: tuple, moved: float, top: float, steps: int
) -> None:
    style = {"fontsize": FONT + 1, "color": PLAIN, "va": "center"}
    title = f"{network.title}: {network.pattern}"
    axes.text(left[0], top + HEAD, title, **{**style, "fontsize": FONT + 3, "fontweight": "bold"})
    axes.text(left[0], top + 0.36, "recurrent form", **style)
    count = f"{steps} step" + ("s" if steps > 1 else "")
    axes.text(right[0] + moved, top + 0.36, f"unfolded, {count}", **style)
    # an arrow from one form to the other
    x, y = left[2] + BETWEEN / 2, (left[1] + left[3]) / 2
    arrow = {"arrowstyle": "-|>,head_length=0.6,head_width=0.35", "color": "#999999", "linewidth": 3}
    axes.annotate("", (x + 0.25, y), (x - 0.25, y), arrowprops=arrow)


def _legend_rows(network: Network, width: float) -> list[list[tuple[float, str, str]]]:
    """Place, symbol and text of the entries of the legend, in columns, as many lines as they need."""
    entries = [("", "delay of one step")]
    entries += [(p.symbol, f"{p.name} {p.shape}".strip()) for p in network.parameters]
    column = 0.8 + 0.072 * max(len(text) for _, text in entries)
    columns = max(int((width - 2 * MARGIN) / column), 1)
    rows = [entries[n : n + columns] for n in range(0, len(entries), columns)]
    return [[(n * column, *entry) for n, entry in enumerate(row)] for row in rows]


def _legend(axes: Any, row: list[tuple[float, str, str]], left: float, y: float) -> None:
    from matplotlib.patches import Rectangle

    for x, symbol, text in row:
        start = left + x
        if symbol:
            axes.plot([start, start + 0.2], [y, y], color=colour(symbol), linewidth=2)
            axes.text(start + 0.26, y, mathematical(symbol), fontsize=FONT, color=colour(symbol), va="center")
        else:
            axes.add_patch(Rectangle((start + 0.035, y - 0.065), 0.13, 0.13, color="#222222"))
        axes.text(start + (0.56 if symbol else 0.26), y, text, fontsize=FONT - 1, color=PLAIN, va="center")
