"""What training leaves on disk: the best model and the history."""

import os
from pathlib import Path

import keras


class BestModel(keras.callbacks.ModelCheckpoint):
    """Keeps the model of the best epoch; the file is replaced as a whole.

    Args:
        path: The `.keras` file.
        monitor: Name of the quantity in the logs.
        mode: `"min"` or `"max"`.
    """

    def __init__(self, path: str | os.PathLike, monitor: str, mode: str):
        self._path = Path(path)
        self._temporary = self._path.with_name(f".{self._path.stem}-saving.keras")
        pattern = str(self._temporary).replace("{", "{{").replace("}", "}}")
        super().__init__(pattern, monitor=monitor, mode=mode, save_best_only=True)

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self._temporary.unlink(missing_ok=True)  # half a file, of a process that was killed

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
        if self._temporary.exists():
            os.replace(self._temporary, self._path)


class History(keras.callbacks.CSVLogger):
    """One row an epoch in a CSV file, each epoch once, also after an interruption.

    Rows of epochs that a resumed run does again are cut off before the first of them is written.

    Args:
        path: The file.
        append: Whether to go on with the file of an interrupted run.
    """

    def __init__(self, path: str | os.PathLike, append: bool = False):
        super().__init__(os.fspath(path), append=append)
        self._started = False

    def on_train_begin(self, logs=None):
        self._started = False
        super().on_train_begin(logs)

    def on_epoch_begin(self, epoch, logs=None):
        if not self._started:  # only now is it known where a resumed run goes on
            _cut(Path(self.filename), epoch)
            self._started = True


def _cut(path: Path, epoch: int) -> None:
    """Shortens a history to the whole rows of the epochs before `epoch`.

    In place, because the CSV writer has the file open; a crash leaves it either longer or shortened.
    """
    end = 0
    with open(path, "rb") as file:
        for row in file:
            number = row.split(b",")[0]
            if not row.endswith(b"\n") or (number.isdigit() and int(number) >= epoch):
                break
            end += len(row)
    os.truncate(path, end)
