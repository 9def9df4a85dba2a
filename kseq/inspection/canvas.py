"""Figures with a canvas of their own: matplotlib's backend and current figure stay as they are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kseq.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def blank(width: float, height: float, **options: Any) -> Figure:
    """An empty figure of a size in inches; `options` as of matplotlib's `Figure`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), **options)
    FigureCanvasAgg(figure)
    return figure


def plain(axes: Any) -> None:
    """Takes away what says nothing: the frame's upper and right side; a faint grid for the height."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.8)
    axes.set_axisbelow(True)


def write(figure: Figure, path: str | os.PathLike, **options: Any) -> Path:
    """Writes a file at once, SVG where its name says so and PNG otherwise; `options` as of `savefig`."""
    kind = "svg" if Path(path).suffix.lower() == ".svg" else "png"
    with replacing(path) as temporary:
        figure.savefig(temporary, format=kind, dpi=150, **options)
    return Path(path)
