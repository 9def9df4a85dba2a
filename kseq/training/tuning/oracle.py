"""keras-tuner's oracles, with budgets, and with a memory that a kill cannot tear."""

import contextlib
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras_tuner

from kseq.errors import UserError, one_of
from kseq.files import write_json
from kseq.training.tuning.outcome import Outcome
from kseq.training.tuning.space import Space, hyperparameters

ALGORITHMS = ("random", "bayesian", "hyperband")
ENDED = ("COMPLETED", "FAILED")
#: of one trial that died with its worker, before it counts as failed
RETRIES = 1
#: trials in a row that fail for another reason than their size
MOST_FAILURES = 3
#: rejected trials for each one that a budget of trials allows
MOST_REJECTED = 20


class Memory:
    """Mixed into an oracle of keras-tuner's: budgets, and a state on disk that is always whole.

    keras-tuner writes its files in place, and a trial's before the list of trials: a kill between the
    two leaves a trial that nobody knows, or has one that ended run again. Here every file is replaced
    as a whole, and what the two say is brought together when a search goes on.

    A time budget counts all sessions of a search together. Trials that are rejected for their size
    take nothing off a budget of trials.
    """

    def prepare(self, directory: Path, seconds: float | None, notify: Callable[[Any], None] | None) -> None:
        """Say where the search is kept, how long it may take, and whom to tell of trials.

        Args:
            directory: of the search.
            seconds: of all sessions together; None: no limit.
            notify: called with each trial of keras-tuner's that ended.
        """
        self.place = Path(directory)
        self.seconds = seconds
        self.notify = notify or (lambda trial: None)
        self.spent = 0.0
        self.ended = False
        self.deaths: dict[str, int] = {}
        self.ended_after: dict[str, float] = {}  # seconds of search
        self._most_rejected = MOST_REJECTED * (self.max_trials or 0)
        self._mark = time.monotonic()
        self.verbose = 0

    def begin_session(self) -> None:
        """Set the clock of this session, which workers read: see `left`."""
        self._mark = time.monotonic()
        deadline = None if self.seconds is None else time.time() + self.seconds - self.spent
        write_json(self.place / "deadline.json", {"deadline": deadline})

    def total(self) -> float:
        """Seconds of all sessions so far."""
        return self.spent + time.monotonic() - self._mark

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        if self.seconds is not None and self.total() >= self.seconds:
            return {"status": "STOPPED"}
        return super().populate_space(trial_id)

    @keras_tuner.synchronized
    def create_trial(self, tuner_id: str) -> Any:
        trial = super().create_trial(tuner_id)
        if trial.status == "STOPPED" and self.waiting:
            trial.status = "IDLE"  # should another worker die, this one will have to run its trial
            self.tuner_ids.add(tuner_id)
        self.ended = self.ended or trial.status == "STOPPED"
        return trial

    def score_trial(self, trial: Any) -> None:
        if self.outcome(trial).error is None:
            super().score_trial(trial)
        else:
            trial.score = math.nan  # which fails it

    @keras_tuner.synchronized
    def end_trial(self, trial: Any) -> None:
        self.ended_after[trial.trial_id] = self.total()
        super().end_trial(trial)
        trial = self.trials[trial.trial_id]
        if self.max_trials and self.outcome(trial).rejected and self.rejected < self._most_rejected:
            self.max_trials += 1
        self.notify(trial)

    @property
    def rejected(self) -> int:
        """Trials whose model was over the limit."""
        return sum(self.outcome(trial).rejected for trial in self.trials.values())

    def outcome(self, trial: Any) -> Outcome:
        """What came of a trial, as its worker wrote it down: messages do not travel to the chief."""
        return Outcome.read(self.place, trial.trial_id)

    @keras_tuner.synchronized
    def release(self, tuner_id: str) -> str | None:
        """Give the trial of a worker that died to another; the id of the trial, if there was one."""
        self.tuner_ids.discard(tuner_id)
        trial = self.ongoing_trials.pop(tuner_id, None)
        if trial is None:
            return None
        self.deaths[trial.trial_id] = self.deaths.get(trial.trial_id, 0) + 1
        if self.deaths[trial.trial_id] <= RETRIES:
            self._retry_queue.append(trial.trial_id)
        else:
            trial.status = "FAILED"
            error = f"its worker died, {self.deaths[trial.trial_id]} times"
            Outcome(error=error).write(self.place, trial.trial_id)
            self.end_order.append(trial.trial_id)
            self._save_trial(trial)
            self.notify(trial)
        self.save()
        return trial.trial_id

    @property
    def waiting(self) -> bool:
        """Whether trials run, or are to be run again."""
        return bool(self.ongoing_trials or self._retry_queue)

    def failure(self) -> str | None:
        """Why the last trials failed, if so many did in a row that the next ones would too."""
        ended = [self.trials[trial_id] for trial_id in self.end_order]
        ended = [trial for trial in ended if not self.outcome(trial).rejected][-MOST_FAILURES:]
        if len(ended) == MOST_FAILURES and all(trial.status == "FAILED" for trial in ended):
            return self.outcome(ended[-1]).error
        return None

    def get_state(self) -> dict[str, Any]:
        own = {"spent": self.total(), "deaths": self.deaths, "ended_after": self.ended_after}
        return {**super().get_state(), **own}

    def set_state(self, state: dict[str, Any]) -> None:
        super().set_state(state)
        self.spent, self.deaths, self.ended_after = (state[key] for key in ("spent", "deaths", "ended_after"))
        if self.max_trials:
            self.max_trials += min(self.rejected, self._most_rejected)

    def save(self) -> None:
        write_json(self.place / "oracle.json", self.get_state())

    def _save_trial(self, trial: Any) -> None:
        folder = self.place / f"trial_{trial.trial_id}"
        folder.mkdir(exist_ok=True)
        write_json(folder / "trial.json", trial.get_state())

    def reload(self) -> None:
        self._forget_unlisted()
        super().reload()
        # of a trial that ended right before the kill only the list does not know it yet
        self._retry_queue = [one for one in self._retry_queue if self.trials[one].status not in ENDED]
        for trial_id, trial in self.trials.items():
            if trial.status in ENDED and trial_id not in self.end_order:
                self.end_order.append(trial_id)

    def _forget_unlisted(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            listed = json.loads((self.place / "oracle.json").read_text(encoding="utf-8"))["start_order"]
            for file in self.place.glob("trial_*/trial.json"):
                if file.parent.name.removeprefix("trial_") not in listed:
                    file.unlink()


class _Random(Memory, keras_tuner.oracles.RandomSearchOracle):
    pass


class _Bayesian(Memory, keras_tuner.oracles.BayesianOptimizationOracle):
    pass


class _Hyperband(Memory, keras_tuner.oracles.HyperbandOracle):
    pass


def make_oracle(
    algorithm: str,
    space: Space,
    objective: tuple[str, str],
    *,
    directory: Path,
    epochs: int,
    trials: int | None = None,
    seconds: float | None = None,
    seed: int = 1,
    notify: Callable[[Any], None] | None = None,
) -> Memory:
    """What chooses the next trial.

    Args:
        algorithm: `"random"`; `"bayesian"`, a Gaussian process of the scores so far; `"hyperband"`, many
            short trainings of which the better third goes on for three times as long, and so on.
        space: what to choose from.
        objective: the metric, and `"min"` or `"max"`.
        directory: of the search.
        epochs: of the longest training; only Hyperband asks.
        trials: at most so many; None: no limit, of Hyperband one round of all its brackets.
        seconds: see `Memory`.
        seed: of the search.
        notify: see `Memory`.

    Raises:
        UserError: another algorithm, or no budget for one that never ends.

    Reference:
        Bergstra and Bengio, "Random Search for Hyper-Parameter Optimization", 2012; Snoek et al., "Practical
        Bayesian Optimization of Machine Learning Algorithms", 2012; Li et al., "Hyperband", 2018.
    """
    one_of("algorithm", algorithm, ALGORITHMS)
    options = {
        "objective": keras_tuner.Objective(*objective),
        "seed": seed,
        "hyperparameters": hyperparameters(space),
        "max_consecutive_failed_trials": 1_000_000,  # `failure` counts them: a rejected one is none
    }
    if algorithm == "hyperband":
        rounds = None if seconds is not None or trials is not None else 1
        oracle = _Hyperband(max_epochs=epochs, hyperband_iterations=rounds, **options)
        oracle.max_trials = trials
    elif trials is None and seconds is None:
        raise UserError(f"`{algorithm}` search never ends: give `trials` or `seconds`")
    else:
        oracle = {"random": _Random, "bayesian": _Bayesian}[algorithm](max_trials=trials, **options)
    oracle.prepare(directory, seconds, notify)
    return oracle


def left(directory: Path) -> float | None:
    """Seconds that are left to a search, None without a limit; any of its workers may ask."""
    try:
        deadline = json.loads((directory / "deadline.json").read_text(encoding="utf-8"))["deadline"]
    except FileNotFoundError:
        return None
    return None if deadline is None else deadline - time.time()
