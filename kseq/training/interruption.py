"""Stopping training by a signal, or by the clock, without losing what was learnt."""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterable

import keras

from kseq.errors import TrainingInterrupted
from kseq.training.backup import Backup


class StopOnSignal(keras.callbacks.Callback):
    """Ends `fit` by `TrainingInterrupted` once the current batch is done and its state is saved.

    `model.stop_training` would not do: Keras goes on to validate, and then hands an epoch of a few
    batches to every callback as if it were whole: a row of history, a "best" model, and a backup
    that is deleted as the end of training. An exception leaves all of these as they are.

    A signal during the last batch of an epoch or its validation waits until the epoch has ended. A
    second signal raises `KeyboardInterrupt` at once. Outside of the main thread, where Python
    delivers no signals, the callback does nothing. It has to be the last in the list. The old handlers
    return when training ends, except when another exception ends it: then call `restore` (within
    `RunDirectory.training` that is done for the callbacks of `standard_callbacks`).

    Args:
        backup: Saves the state of a batch in the middle of an epoch.
        notify: Called with one sentence when the signal arrives, to be shown to the user.
        signals: Which signals to listen to.
    """

    def __init__(
        self,
        backup: Backup | None = None,
        notify: Callable[[str], None] | None = None,
        signals: Iterable[int] = (signal.SIGINT, signal.SIGTERM),
    ):
        super().__init__()
        self.interrupted = False
        self._backup = backup
        self._notify = notify
        self._signals = tuple(signals)
        self._received = None
        self._handlers = {}

    def on_train_begin(self, logs=None):
        self.interrupted = False
        self._received = None
        if threading.current_thread() is threading.main_thread():
            self._handlers = {number: signal.signal(number, self._receive) for number in self._signals}

    def on_epoch_begin(self, epoch, logs=None):
        if self._received:  # it came during validation, and every callback has seen the epoch's end
            self._stop()

    def on_train_batch_end(self, batch, logs=None):
        if self._received and not (self._backup and self._backup.at_end()):
            if self._backup:
                self._backup.save()
            self._stop()

    def on_train_end(self, logs=None):
        self.restore()

    def restore(self) -> None:
        """Gives the signals back to the handlers that had them; again and again does no harm."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}

    def _receive(self, number, frame):
        if self._received:
            self.restore()
            raise KeyboardInterrupt
        self._received = number
        if self._notify:
            with contextlib.suppress(RuntimeError):  # the signal came in the middle of a `print`
                self._notify("stopping after this batch; once more stops at once, without saving")

    def _stop(self):
        self.interrupted = True
        self.restore()
        raise TrainingInterrupted(signal.Signals(self._received).name)


class TimeLimit(keras.callbacks.Callback):
    """Ends training after a number of seconds; the epoch is cut short, validated and counted.

    Compilation, saving and other callbacks count; validation does not. A resumed run goes on from
    the `elapsed` seconds of the interrupted one.

    Args:
        seconds: The budget, `None` for no limit.
    """

    def __init__(self, seconds: float | None):
        super().__init__()
        self.seconds = seconds
        self.elapsed = 0.0
        self._mark = None

    def on_train_begin(self, logs=None):
        self.elapsed = 0.0
        self._mark = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self._count()
        if self.seconds is not None and self.elapsed >= self.seconds:
            self.model.stop_training = True

    def on_test_begin(self, logs=None):
        if self._mark is not None:  # None: `evaluate` on its own
            self._count()

    def on_test_end(self, logs=None):
        if self._mark is not None:
            self._mark = time.perf_counter()

    def on_train_end(self, logs=None):
        self._count()
        self._mark = None

    def _count(self):
        now = time.perf_counter()
        self.elapsed += now - self._mark
        self._mark = now
