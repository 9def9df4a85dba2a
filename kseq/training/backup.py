"""A training that goes on where it was, to the batch."""

import os
import time
from collections.abc import Iterable
from typing import NamedTuple

import keras
import tensorflow as tf

from kseq.training.state import States, resume_metrics

#: batches between two states of several processes, unless it is said
STEPS = 500
#: what callbacks count
COUNTERS = ("best", "wait", "cooldown_counter", "elapsed")


class Position(NamedTuple):
    """Where a training is: batches of an epoch that are done."""

    epoch: int = 0
    batch: int = 0


class Backup(keras.callbacks.Callback):
    """Saves the state at each epoch's end and within epochs, and takes it up again.

    Saved are weights, optimizer, what layers carry from batch to batch, random seeds, the sums of
    metrics, the position in the data and what other callbacks count. The directory is emptied
    when `fit` returns, and stays as it is when an exception leaves it. `kseq.training.fitting.fit`
    begins at the `position`.

    Args:
        directory: where; nothing else may be in it.
        callbacks: those of which `best`, `wait`, `cooldown_counter` and `elapsed` are kept. They
            must come before this one in the list, as their `on_train_begin` resets them.
        seconds: after which a state is saved within an epoch; None: never.
        steps: likewise in batches.
    """

    def __init__(
        self,
        directory: str | os.PathLike,
        callbacks: Iterable[keras.callbacks.Callback] = (),
        seconds: float | None = None,
        steps: int | None = None,
    ):
        super().__init__()
        self.states = States(directory)
        self._callbacks = {type(callback).__name__: callback for callback in callbacks}
        self._seconds = seconds
        self._steps = steps
        self._begin = Position()  # where this session began
        self._here = Position()
        self._metrics = []

    def position(self) -> Position:
        """Where the last whole state was saved; a training without one begins at the beginning."""
        found = self.states.last()
        return Position() if found is None else Position(*found[1]["position"])

    def agree(self, strategy: tf.distribute.Strategy) -> None:
        """Has all workers of a training begin at the same state: the last that all of them have.

        They save after so many batches, not seconds, so the states before the last are the same ones. Where
        a worker has none, its disk being new, all begin at the beginning.

        Args:
            strategy: of several processes.
        """
        self._seconds, self._steps = None, self._steps or STEPS
        own = tf.constant([max(self.states.steps(), default=0)])
        self.states.rewind(int(tf.reduce_min(strategy.gather(own, axis=0))))

    def on_train_begin(self, logs=None):
        self._begin = self._here = Position()
        self._metrics = []
        self._since = (time.monotonic(), 0)
        found = self.states.last()
        if found is None:
            return
        file, about = found
        self._metrics = self.states.load(self.model, file)
        self._begin = self._here = Position(*about["position"])
        self._since = (time.monotonic(), self._optimizer_step())
        for name, callback in self._callbacks.items():
            for counter, value in about["counters"].get(name, {}).items():
                setattr(callback, counter, value)

    def on_epoch_begin(self, epoch, logs=None):
        first = epoch == self._begin.epoch
        self._skipped = self._begin.batch if first else 0
        self._here = Position(epoch, self._skipped)
        if not self._skipped:
            self._metrics = []

    def on_train_batch_end(self, batch, logs=None):
        if self._metrics:
            resume_metrics(self.model, self._metrics)
            self._metrics = []
        self._here = Position(self._here.epoch, self._skipped + batch + 1)
        if self._is_due() and not self.at_end():
            self.save()

    def on_epoch_end(self, epoch, logs=None):
        self._here = Position(epoch + 1)
        self.save()

    def at_end(self) -> bool:
        """Whether all batches of the epoch are done, so that a whole epoch is about to be saved."""
        return self._here.batch == self.params.get("steps")

    def save(self) -> None:
        """Saves the state as it is now, between two batches."""
        counters = {
            name: {key: getattr(callback, key) for key in COUNTERS if hasattr(callback, key)}
            for name, callback in self._callbacks.items()
        }
        step = self._optimizer_step()
        self.states.save(self.model, step, {"position": self._here, "counters": counters})
        self._since = (time.monotonic(), step)

    def on_train_end(self, logs=None):
        self.states.clear()

    def _is_due(self) -> bool:
        moment, step = self._since
        if self._seconds is not None and time.monotonic() - moment >= self._seconds:
            return True
        return self._steps is not None and self._optimizer_step() - step >= self._steps

    def _optimizer_step(self) -> int:
        return int(keras.ops.convert_to_numpy(self.model.optimizer.iterations))
