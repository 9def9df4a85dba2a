"""What came of a trial, beyond its score."""

import dataclasses
import json
from pathlib import Path

from kseq.files import write_json


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Written by the process that ran a trial, beside keras-tuner's own file of it.

    Args:
        parameters: of its model.
        seconds: that it took.
        rejected: whether the model was over the limit, and not trained.
        error: why it failed, in a line.
    """

    parameters: int | None = None
    seconds: float | None = None
    rejected: bool = False
    error: str | None = None

    @classmethod
    def read(cls, directory: Path, trial_id: str) -> "Outcome":
        """That of a trial; one of nothing where it has none yet."""
        try:
            return cls(**json.loads(_file(directory, trial_id).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return cls()

    def write(self, directory: Path, trial_id: str) -> None:
        """Write it down."""
        _file(directory, trial_id).parent.mkdir(exist_ok=True)
        write_json(_file(directory, trial_id), dataclasses.asdict(self))


def _file(directory: Path, trial_id: str) -> Path:
    return directory / f"trial_{trial_id}" / "outcome.json"
