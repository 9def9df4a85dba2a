"""Runs trials one after the other, in this process, whoever chooses them."""

import contextlib
import io
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import keras
from keras_tuner.engine.base_tuner import BaseTuner

from kseq.errors import UserError
from kseq.training.tuning import hparams
from kseq.training.tuning.oracle import Memory, left
from kseq.training.tuning.outcome import Outcome
from kseq.training.tuning.space import Space, values

#: seconds of a trial below which it is not worth beginning
SHORTEST = 1.0
#: seconds before a worker without a trial asks again
IDLE = 0.5


class TooLarge(UserError):
    """A model has more parameters than the search allows.

    Args:
        parameters: of the model.
        most: that are allowed.
    """

    def __init__(self, parameters: int, most: int):
        super().__init__(f"{parameters:,} parameters, {most:,} are the most")
        self.parameters = parameters


class Trial(NamedTuple):
    """What a function that trains is given.

    Args:
        id: of the trial, the same when it is run again after a kill.
        values: of the hyperparameters.
        epochs: that the search grants it; None: as many as it likes.
        seconds: likewise.
    """

    id: str
    values: dict[str, Any]
    epochs: int | None
    seconds: float | None


class Tuner(BaseTuner):
    """keras-tuner's loop around a function that trains and scores.

    Args:
        oracle: chooses, of `make_oracle`. Under keras-tuner's environment variables a worker asks the
            chief instead.
        space: what it chooses from.
        train: from a `Trial` to its score and the number of its model's parameters. It may raise
            `TooLarge`; any other exception fails the trial, and the search goes on.
        directory: of the search.
    """

    def __init__(
        self,
        oracle: Memory,
        space: Space,
        train: Callable[[Trial], tuple[float, int]],
        directory: Path,
    ):
        self.space = space
        self.train = train
        self.place = Path(directory)
        self.objective = oracle.objective.name
        self.worst = math.inf if oracle.objective.direction == "min" else -math.inf
        with contextlib.redirect_stdout(io.StringIO()):  # it says that it reloads
            super().__init__(oracle, directory=str(self.place.parent), project_name=self.place.name)
        begun = (self.place / "oracle.json").is_file() and not oracle.start_order
        if begun and isinstance(self.oracle, Memory):  # by a chief, while this one has another name
            self.oracle.reload()
        self._asked = -math.inf

    def run_trial(self, trial: Any) -> dict[str, float]:
        """Train one, write down what came of it, and give the score."""
        given = trial.hyperparameters.values
        chosen = values(self.space, given)
        start = time.monotonic()
        seconds = left(self.place)
        keras.backend.clear_session()
        try:
            score, parameters = self.train(Trial(trial.trial_id, chosen, given.get("tuner/epochs"), seconds))
        except Exception as error:
            rejected = isinstance(error, TooLarge)
            text = str(error).strip().splitlines() or [type(error).__name__]
            name = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
            took = time.monotonic() - start
            outcome = Outcome(getattr(error, "parameters", None), took, rejected, name + text[0])
            outcome.write(self.place, trial.trial_id)
            return {self.objective: self.worst}  # an exception would print its traceback
        Outcome(parameters, time.monotonic() - start).write(self.place, trial.trial_id)
        hparams.write_trial(self.place, trial.trial_id, chosen, {self.objective: score})
        return {self.objective: score}

    def pre_create_trial(self) -> None:
        """Stop where trial after trial fails; wait a little where the chief has nothing to do yet."""
        now = time.monotonic()
        if now - self._asked < IDLE:
            time.sleep(IDLE)
        self._asked = now
        if isinstance(self.oracle, Memory) and (error := self.oracle.failure()):
            raise UserError(f"trial after trial fails: {error}")
