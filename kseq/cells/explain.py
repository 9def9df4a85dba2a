"""Which loop runs a cell over a sequence, and why."""

from typing import Any

from kseq.cells.base import Cell, overrides_call
from kseq.cells.stacked import StackedCell
from kseq.ops.plan import make_plan


def explain(
    cell: Any,
    batch: int | None,
    time: int | None,
    *,
    training: bool,
    unroll: bool = False,
    recompute: bool = False,
) -> list[str]:
    """Say which loop runs and why, one sentence for each layer of recurrence.

    Args:
        cell: any cell.
        batch: rows of the sequences, None if not known when the model is traced.
        time: steps, likewise.
        training: whether the loop keeps its history for a gradient.
        unroll: whether the layer writes its steps out.
        recompute: whether it keeps only the states between segments.
    """
    how = {"training": training, "unroll": unroll, "recompute": recompute}
    if isinstance(cell, StackedCell):
        return [
            f"layer {n}, {sentence}"
            for n, one in enumerate(cell.cells, 1)
            for sentence in explain(one, batch, time, **how)
        ]
    name = type(cell).__name__
    if unroll:
        return [f"{name}: steps written out one by one, because unroll is True"]
    if not isinstance(cell, Cell) or overrides_call(cell):
        why = "it has a `call` of its own" if isinstance(cell, Cell) else "it is no cell of kseq"
        return [f"{name}: a loop over `call`, differentiated automatically, because {why}"]
    why_not = cell.why_not_derived()
    if why_not:
        return [f"{name}: a loop over `step`, differentiated automatically, because {why_not}"]
    gated = cell.recurrence.num_kept > 0
    recompute = recompute and training
    plan = make_plan((batch, time, 1), cell.units, gated, training=training, recompute=recompute, eager=False)
    again = "history recomputed on the way back; " if recompute else ""
    return [f"{name}: gradient derived by hand; {again}{plan}"]
