"""The callbacks of every training: speed, safety, saving, in the order in which they must run."""

import math
import time
from collections.abc import Callable

import keras

from kseq.errors import UserError
from kseq.training.averaging import AveragedWeights
from kseq.training.backup import Backup
from kseq.training.checkpoints import BestModel, History
from kseq.training.interruption import StopOnSignal, TimeLimit
from kseq.training.optimizer import CosineSchedule
from kseq.training.run import RunDirectory


class TokensPerSecond(keras.callbacks.Callback):
    """Adds `tokens/s` to the progress bar and to the logs of each epoch.

    Counted is the time of training steps and of what happens between them; the first step of a
    `fit`, which compiles, and validation are left out. It must come before callbacks that read logs.

    Args:
        tokens_per_step: Tokens in one batch, such as batch size times time steps.
    """

    KEY = "tokens/s"

    def __init__(self, tokens_per_step: int):
        super().__init__()
        self.tokens_per_step = tokens_per_step
        self._compiled = False

    def on_train_begin(self, logs=None):
        self._compiled = False

    def on_epoch_begin(self, epoch, logs=None):
        self._steps = 0
        self._seconds = 0.0
        self._batch = -1
        self._mark = None

    def on_train_batch_begin(self, batch, logs=None):
        if self._mark is None:
            self._mark = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        now = time.perf_counter()
        if self._compiled:
            self._steps += batch - self._batch  # several at once under `steps_per_execution`
            self._seconds += now - self._mark
        else:
            self._first = (batch - self._batch, now - self._mark)
        self._compiled = True
        self._batch = batch
        self._mark = now
        if logs is not None and self._steps:
            logs[self.KEY] = self._rate(self._steps, self._seconds)

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            # An epoch of one step has only the compiling one to tell of.
            counted = (self._steps, self._seconds) if self._steps else self._first
            logs[self.KEY] = self._rate(*counted)

    def _rate(self, steps, seconds):
        return float(round(self.tokens_per_step * steps / max(seconds, 1e-9)))


class Evaluate(keras.callbacks.Callback):
    """Adds to the logs of each epoch what only a function of the whole validation data can tell.

    It must come before callbacks that read logs.

    Args:
        measure: Gives names and values, such as `{"val_f1": 0.9}`.
    """

    def __init__(self, measure: Callable[[], dict[str, float]]):
        super().__init__()
        self.measure = measure

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs.update(self.measure())


class StopOnNaN(keras.callbacks.TerminateOnNaN):
    """Ends training with an error when the loss is no longer a number.

    By an exception, because a graceful stop would store the broken weights as backup.
    """

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_batch_end(self, batch, logs=None):
        loss = (logs or {}).get("loss")
        if loss is not None and not math.isfinite(loss):
            raise UserError(
                f"the loss became {loss} in epoch {self._epoch + 1}, batch {batch + 1}: "
                "lower the learning rate or the gradient's norm"
            )


def standard_callbacks(
    run: RunDirectory,
    *,
    monitor: str,
    mode: str = "min",
    tokens_per_step: int | None = None,
    patience: int | None = None,
    lr_patience: int | None = None,
    lr_factor: float = 0.5,
    min_lr: float = 0.0,
    cosine: tuple[float, int, int] | None = None,
    time_limit: float | None = None,
    tensorboard: bool = True,
    notify: Callable[[str], None] | None = None,
    measure: Callable[[], dict[str, float]] | None = None,
    backup_seconds: float | None = None,
    backup_steps: int | None = None,
    averaged: bool = False,
) -> list[keras.callbacks.Callback]:
    """The callbacks of a training whose results go to `run`, for use within `run.training()`.

    ```python
    with run.training():
        fit(model, batches, standard_callbacks(run, monitor="val_loss"), epochs=10)
    if run.status == "interrupted": ...
    ```

    The same list starts a run and resumes one: what is in `run.backup` is taken up by itself. The
    model must be built and compiled.

    Args:
        run: Where everything is written.
        monitor: The quantity by which epochs are compared, such as `val_loss`.
        mode: `"min"` when less of it is better, else `"max"`.
        tokens_per_step: Tokens in one batch, for the progress bar; `None` shows no speed.
        patience: Epochs without improvement before training ends; `None`: never.
        lr_patience: Epochs without improvement before the learning rate falls; `None`: never, as it
            must be for an optimizer with a schedule.
        lr_factor: What the learning rate is then multiplied by.
        min_lr: Below which it does not fall.
        cosine: Peak, total steps and warm-up steps of a `CosineSchedule`; `None`: no schedule.
        time_limit: Seconds of training, validation not counted; `None`: no limit.
        tensorboard: Whether to write event files.
        notify: Called with one sentence when a signal asks to stop, to be shown to the user.
        measure: Called after each epoch, see `Evaluate`.
        backup_seconds: After which the state is saved within an epoch; `None`: at its end only.
        backup_steps: Likewise in batches.
        averaged: Compare and keep `AveragedWeights`; the optimizer must have been made for it.

    Returns:
        Callbacks in an order that matters: those that add to the logs, those that read them, the
        backup of all that, and last the one that may leave.
    """
    limit = TimeLimit(time_limit)
    counting = [limit]
    if lr_patience is not None:
        counting.append(
            keras.callbacks.ReduceLROnPlateau(
                monitor,
                mode=mode,
                patience=lr_patience,
                factor=lr_factor,
                min_lr=min_lr,
                min_delta=0.0,
            )
        )
    if patience is not None:
        counting.append(keras.callbacks.EarlyStopping(monitor, mode=mode, patience=patience))
    counting.append(BestModel(run.model, monitor, mode))
    writing = [History(run.history, append=run.backup.exists())]
    if tensorboard:
        writing.append(keras.callbacks.TensorBoard(str(run.tensorboard), write_graph=False))
    schedule = [] if cosine is None else [CosineSchedule(*cosine, limit=limit)]
    backup = Backup(run.backup, counting, backup_seconds, backup_steps)
    stop = StopOnSignal(backup, notify=notify)
    for callback in (*writing, stop):
        run.at_end(callback.on_train_end)
    finished = keras.callbacks.LambdaCallback(on_train_end=lambda logs: run.set_status("finished"))
    adding = [] if tokens_per_step is None else [TokensPerSecond(tokens_per_step)]
    adding += [] if measure is None else [Evaluate(measure)]
    average = AveragedWeights()
    enter, leave = ([average], [average.back]) if averaged else ([], [])
    # the schedule comes behind the backup, which restores the step that it starts from
    return [*enter, *adding, StopOnNaN(), *counting, *writing, *leave, backup, *schedule, finished, stop]
