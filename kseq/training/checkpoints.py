"""What training leaves on disk: the best model, the state to resume from, the history."""

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import h5py
import keras

from kseq.files import write_json

COUNTERS = ("best", "wait", "cooldown_counter", "elapsed")


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


class Backup(keras.callbacks.BackupAndRestore):
    """Saves weights, optimizer and epoch at each epoch's end, and what other callbacks count.

    `keras.callbacks.BackupAndRestore` alone forgets the best value so far and how long ago it was:
    after a resumption the next epoch would overwrite a better model, and patience would start anew.
    The directory is deleted when `fit` returns, and stays when it is left by an exception. The last
    two states are kept, should the machine stop while one is written.

    Args:
        directory: Where; nothing else may be in it.
        callbacks: Those of which `best`, `wait`, `cooldown_counter` and `elapsed` are kept. They
            must come before this one in the list, as their `on_train_begin` resets them.
    """

    def __init__(self, directory: str | os.PathLike, callbacks: Iterable[keras.callbacks.Callback] = ()):
        super().__init__(str(directory), double_checkpoint=True)
        self._counters = Path(directory) / "callbacks.json"
        self._callbacks = {type(callback).__name__: callback for callback in callbacks}

    def on_train_begin(self, logs=None):
        _mend(Path(self.backup_dir))
        super().on_train_begin(logs)
        if self._counters.exists():
            saved = json.loads(self._counters.read_text(encoding="utf-8"))
            for name, callback in self._callbacks.items():
                for counter, value in saved.get(name, {}).items():
                    setattr(callback, counter, value)

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
        counters = {
            name: {key: getattr(callback, key) for key in COUNTERS if hasattr(callback, key)}
            for name, callback in self._callbacks.items()
        }
        write_json(self._counters, counters)


def _mend(directory: Path) -> None:
    """Goes back to the state before, or to none, where the process was killed while Keras saved one."""
    weights, metadata = directory / "latest.weights.h5", directory / "training_metadata.json"
    if metadata.exists() and metadata.stat().st_size and _opens(weights):
        return
    for file in (weights, metadata):
        before = file.with_name(f"{file.name}.bkp")
        if before.exists():
            shutil.copyfile(before, file)
        else:
            file.unlink(missing_ok=True)


def _opens(path: Path) -> bool:
    try:
        h5py.File(path, "r").close()
    except OSError:
        return False
    return True


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
