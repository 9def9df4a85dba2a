"""Gradients through time as pictures and tables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kseq.errors import UserError
from kseq.inspection.canvas import blank, plain, write
from kseq.inspection.curves import BASELINE, TRAIN, VALIDATION
from kseq.inspection.gradients.comparison import ClippedTraining
from kseq.inspection.gradients.flow import GradientFlow, LayerFlow

COLOURS = (VALIDATION, "#0072B2", TRAIN, "#009E73", "#CC79A7", "#B8860B", BASELINE)


def flow_plot(
    flows: GradientFlow | Mapping[str, GradientFlow], path: str | os.PathLike, *, title: str | None = None
) -> Path:
    """Draws norms over the steps, each as a share of the last, and the spectral radii below.

    Args:
        flows: of one model, drawn layer by layer, or of several, by name.
        path: the PNG file, replaced as a whole.
        title: a line above the picture.

    Returns:
        The path.

    Raises:
        UserError: there is nothing to draw.
    """
    layers = _layers(flows)
    if not layers:
        raise UserError("there is no gradient to draw")
    figure, (upper, lower) = _figure((7, 5.6), 2, height_ratios=(3, 1.2), sharex=True)
    for n, (name, layer) in enumerate(layers.items()):
        style = {"color": COLOURS[n % len(COLOURS)], "linewidth": 1.8}
        style["linestyle"] = ("-", (0, (5, 2)), (0, (1, 1.5)))[n % 3]
        shares = np.where(layer.norms > 0, layer.norms, np.nan)
        upper.semilogy(shares / _last(layer), label=f"{name}: {layer.ratio:.0e}", **style)
        lower.plot(layer.radius_steps, layer.radius, **style)
    upper.set(ylabel="gradient at the state,\nshare of the last step's")
    upper.legend(frameon=False, title="first step's share", alignment="left", fontsize=9)
    lower.axhline(1.0, color="#999999", linewidth=0.8)
    lower.set(xlabel="steps read", ylabel="spectral radius\nof the Jacobian", ylim=(0, None))
    return _saved(figure, upper, title, path)


def clipping_plot(training: ClippedTraining, path: str | os.PathLike, *, title: str | None = None) -> Path:
    """Draws the norm of the gradient and the loss of both trainings of `clipping_effect`.

    Args:
        training: what it gave.
        path: the PNG file, replaced as a whole.
        title: a line above the picture.

    Returns:
        The path.
    """
    figure, (upper, lower) = _figure((7, 5.2), 2, sharex=True)
    for kind, colour in (("plain", VALIDATION), ("clipped", TRAIN)):
        upper.semilogy(training.norms[kind], color=colour, linewidth=1.8, label=kind)
        lower.semilogy(training.losses[kind], color=colour, linewidth=1.8)
    bound = {"color": BASELINE, "linestyle": (0, (5, 3)), "linewidth": 1.2}
    upper.axhline(training.clip_norm, label=f"clipped to {training.clip_norm:g}", **bound)
    upper.set(ylabel="norm of the gradient,\nbefore clipping")
    upper.legend(frameon=False)
    lower.set(xlabel="updates", ylabel="loss")
    return _saved(figure, upper, title, path)


def flow_table(flows: GradientFlow | Mapping[str, GradientFlow]) -> str:
    """The numbers as lines for people: norms at both ends, their ratio, spectral radius.

    Args:
        flows: as of `flow_plot`.

    Returns:
        Lines without a line end after the last.
    """
    layers = _layers(flows)
    width = max([len(name) for name in layers] + [5])
    lines = [f"{'layer':{width}}  steps  first norm  last norm  first/last  spectral radius"]
    for name, layer in layers.items():
        radius = "-"
        if layer.radius.size:
            radius = f"{layer.radius.mean():.2f} ({layer.radius.min():.2f} to {layer.radius.max():.2f})"
        first, last = layer.norms[0], _last(layer)
        numbers = f"{len(layer.norms) - 1:5}  {first:10.2e}  {last:9.2e}  {layer.ratio:10.2e}"
        lines.append(f"{name:{width}}  {numbers}  {radius}")
    return "\n".join(lines)


def _layers(flows: GradientFlow | Mapping[str, GradientFlow]) -> dict[str, LayerFlow]:
    if isinstance(flows, GradientFlow):
        return flows.layers
    return {
        name if len(flow.layers) == 1 else f"{name} {layer}": of_layer
        for name, flow in flows.items()
        for layer, of_layer in flow.layers.items()
    }


def _last(layer: LayerFlow) -> float:
    return layer.norms[np.flatnonzero(layer.norms)[-1]] if layer.norms.any() else 1.0


def _figure(size: tuple[float, float], rows: int, **options: Any) -> tuple[Any, Any]:
    figure = blank(*size, layout="constrained")
    all_axes = figure.subplots(rows, **options)
    for axes in all_axes:
        plain(axes)
    return figure, all_axes


def _saved(figure: Any, upper: Any, title: str | None, path: str | os.PathLike) -> Path:
    if title:
        upper.set_title(title, loc="left", fontsize=11)
    return write(figure, path)
