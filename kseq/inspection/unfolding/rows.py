"""How high everything stands."""

from __future__ import annotations

import dataclasses

from kseq.inspection.unfolding.diagram import SIZES
from kseq.inspection.unfolding.network import Direction, Network

GAP = 0.44  # inches from row to row


@dataclasses.dataclass
class Rows:
    """The middle of each row of a network, in inches from the middle of the inputs; None: no such row."""

    levels: list[list[float]]
    memory: float | None = None
    attention: float | None = None
    pool: float | None = None
    outputs: float | None = None
    losses: float = 0.0
    targets: float = 0.0


def kind_of(direction: Direction) -> str:
    """The kind of node of its states."""
    return "state" if len(direction.states) == 1 else "states"


def rows_of(network: Network) -> Rows:
    """The rows of a network; of the two halves of an encoder-decoder, those of the second."""
    top = SIZES["input"][1] / 2
    rows = Rows([])
    read = 0.0
    if isinstance(network.context, Network):
        first = rows_of(network.context)
        read = first.levels[-1][-1] + SIZES[kind_of(network.context.levels[-1][-1])][1] / 2
        if network.summary == "mean":
            rows.memory, read = _above(read, "bar")
    for n, level in enumerate(network.levels):
        heights = []
        for direction in level:
            middle, top = _above(top, kind_of(direction), GAP if not heights else 0.22)
            heights.append(middle)
        rows.levels.append(heights)
        if network.attention and n == 0:
            rows.attention, top = _above(max(top, read + (GAP if network.context else 0)), "bar")
    if network.pooled:
        rows.pool, top = _above(top, "bar")
    if network.output is not None:
        rows.outputs, top = _above(top, "output")
    rows.losses, top = _above(top, "bar" if network.chain else "loss")
    rows.targets, top = _above(top, "target")
    return rows


def _above(top: float, kind: str, gap: float = GAP) -> tuple[float, float]:
    """The middle of a row above others, and its upper edge."""
    height = SIZES[kind][1]
    return top + gap + height / 2, top + gap + height
