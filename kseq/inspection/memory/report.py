"""What cells remembered, as a table and a picture."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from kseq.errors import UserError
from kseq.inspection.canvas import blank, plain, write
from kseq.inspection.curves import BASELINE, TRAIN, VALIDATION
from kseq.inspection.memory.probe import Probe
from kseq.inspection.memory.tasks import TASKS

COLOURS = (VALIDATION, "#009E73", TRAIN, "#0072B2", "#CC79A7", "#B8860B")
MARKERS = "osD^vP"


def memory_line(probe: Probe) -> str:
    """One result in a line."""
    task = TASKS[probe.task]
    end = "solved" if probe.solved else "not solved"
    score = f"{probe.score:.4f}" if task.is_error else f"{probe.score:.1%}"
    return (
        f"{probe.cell:<13} delay {probe.delay:4}  {task.score_name} {score:>7}  {end:10}  "
        f"{probe.updates:6,} updates  {probe.seconds:6.1f} s"
    )


def memory_table(probes: Sequence[Probe]) -> str:
    """Scores by cell and delay, those of unsolved problems in brackets.

    Args:
        probes: of one task.

    Returns:
        Lines without a line end after the last.

    Raises:
        UserError: there is no result.
    """
    task = _task(probes)
    delays = sorted({probe.delay for probe in probes})
    found = {(probe.cell, probe.delay): probe for probe in probes}
    lines = [f"{task.score_name:18}" + "".join(f"{delay:>10}" for delay in delays)]
    for cell in dict.fromkeys(probe.cell for probe in probes):
        row = []
        for delay in delays:
            probe = found.get((cell, delay))
            text = "" if probe is None else f"{probe.score:.4f}" if task.is_error else f"{probe.score:.1%}"
            row.append(text if probe is None or probe.solved else f"({text})")
        lines.append(f"{cell:18}" + "".join(f"{text:>10}" for text in row))
    lines.append(f"{'chance':18}" + f"{task.chance:>10.4f}" + f"   solved: {_bound(probes)}")
    return "\n".join(lines)


def memory_plot(probes: Sequence[Probe], path: str | os.PathLike, *, title: str | None = None) -> Path:
    """Draws the score over the delay, one line a cell.

    Args:
        probes: of one task.
        path: the PNG file, replaced as a whole.
        title: a line above the picture.

    Returns:
        The path.

    Raises:
        UserError: there is no result.
    """
    task = _task(probes)
    figure = blank(7, 4.2, layout="constrained")
    axes = figure.subplots()
    plain(axes)
    for n, cell in enumerate(dict.fromkeys(probe.cell for probe in probes)):
        points = sorted((probe.delay, probe.score) for probe in probes if probe.cell == cell)
        style = {"color": COLOURS[n % len(COLOURS)], "marker": MARKERS[n % len(MARKERS)]}
        axes.plot(*zip(*points, strict=True), label=cell, linewidth=1.8, markersize=5, **style)
    axes.axhline(task.chance, color=BASELINE, linestyle=(0, (1, 2)), label="remembers nothing")
    axes.axhline(task.solved, color=BASELINE, linestyle=(0, (5, 3)), label=f"solved: {_bound(probes)}")
    delays = sorted({probe.delay for probe in probes})
    axes.set_xscale("log")
    axes.set_xticks(delays, [str(delay) for delay in delays])
    axes.minorticks_off()
    axes.set(xlabel="delay (steps)", ylabel=f"{task.name}: {task.score_name}")
    axes.legend(frameon=False, fontsize=9)
    if title:
        axes.set_title(title, loc="left", fontsize=11)
    return write(figure, path)


def _task(probes: Sequence[Probe]):
    if not probes:
        raise UserError("there is no probe of memory to show")
    return TASKS[probes[0].task]


def _bound(probes: Sequence[Probe]) -> str:
    task = TASKS[probes[0].task]
    return f"below {task.solved:g}" if task.is_error else f"above {task.solved:.0%}"
