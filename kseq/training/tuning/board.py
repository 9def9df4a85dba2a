"""What a search has found so far, as rows."""

import csv
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kseq.files import replacing
from kseq.training.tuning.oracle import Memory
from kseq.training.tuning.outcome import Outcome
from kseq.training.tuning.space import Space, values


@dataclasses.dataclass(frozen=True)
class Row:
    """A trial.

    Args:
        id: of the trial.
        status: `running`, `done`, `rejected` or `failed`.
        score: of the best epoch; None where there is none.
        values: of the hyperparameters.
        epochs: that Hyperband granted; None for the other algorithms.
        after: seconds of search when it ended.
        outcome: parameters, seconds, error.
    """

    id: str
    status: str
    score: float | None
    values: dict[str, Any]
    epochs: int | None
    after: float | None
    outcome: Outcome


def row(oracle: Memory, space: Space, trial: Any) -> Row:
    """A trial of keras-tuner's as a row."""
    outcome, drawn = oracle.outcome(trial), trial.hyperparameters.values
    status = {"COMPLETED": "done", "FAILED": "failed", "INVALID": "failed"}.get(trial.status, "running")
    status = "rejected" if status == "failed" and outcome.rejected else status
    score = float(trial.score) if status == "done" else None
    after = oracle.ended_after.get(trial.trial_id)
    return Row(trial.trial_id, status, score, values(space, drawn), drawn.get("tuner/epochs"), after, outcome)


def rows(oracle: Memory, space: Space) -> list[Row]:
    """All trials in the order in which they began."""
    return [row(oracle, space, oracle.trials[trial_id]) for trial_id in oracle.start_order]


def ranked(found: Sequence[Row], mode: str) -> list[Row]:
    """Those with a score, the best first."""
    scored = [row for row in found if row.score is not None]
    return sorted(scored, key=lambda row: row.score if mode == "min" else -row.score)


def write(found: Sequence[Row], path: Path, objective: str) -> None:
    """Write rows as a CSV file.

    Args:
        found: the rows.
        path: the file.
        objective: the metric.
    """
    with replacing(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        names = list(found[0].values) if found else []
        writer.writerow(["trial", "status", objective, "epochs", "parameters", "seconds", *names, "error"])
        for one in found:
            about = [
                one.epochs,
                one.outcome.parameters,
                one.outcome.seconds and round(one.outcome.seconds, 1),
            ]
            writer.writerow([one.id, one.status, one.score, *about, *one.values.values(), one.outcome.error])
