"""The state of a training in one file that is whole or not there."""

import contextlib
import json
import os
import re
import shutil
import zlib
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from kseq.errors import UserError

KEPT = 2
_NAME = re.compile(r"state-(\d{10})-([0-9a-f]{8})\.weights\.h5")
_OWN = "kseq"


class States:
    """The last states of a training, in `DIRECTORY/state-STEP-CHECKSUM.weights.h5`.

    A file holds weights and optimizer as Keras writes them, what layers carry from batch to batch among
    them, and beside that all random seeds, the sums of metrics, and plain values. It is written under
    another name, forced to disk and renamed; its name says the checksum of its content, by which one
    that was torn or has rotted is known and passed over in favour of the one before.

    Args:
        directory: nothing else may be in it.
    """

    def __init__(self, directory: str | os.PathLike):
        self.directory = Path(directory)

    def save(self, model: keras.Model, step: int, about: dict[str, Any]) -> None:
        """Saves a state, and removes all but the last ones.

        Args:
            model: built and compiled.
            step: rises from state to state.
            about: plain values.

        Raises:
            UserError: it cannot be written; the states before are still there.
        """
        temporary = self.directory / ".saving.weights.h5"
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            model.save_weights(temporary, overwrite=True)
            with h5py.File(temporary, "a") as file:
                own = file.create_group(_OWN)
                own.attrs["about"] = json.dumps(about, default=float)  # NumPy's numbers
                for kind, variables in _beside_weights(model).items():
                    for n, variable in enumerate(variables):
                        own[f"{kind}/{n}"] = keras.ops.convert_to_numpy(variable)
            _force_to_disk(temporary)
            name = f"state-{step:010d}-{_checksum(temporary):08x}.weights.h5"
            os.replace(temporary, self.directory / name)
            _force_to_disk(self.directory)
        except (OSError, RuntimeError) as error:  # h5py raises either
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            problem = getattr(error, "strerror", None) or str(error).splitlines()[0]
            before = self._files()
            kept = f"the state of step {_step(before[-1])} is still there" if before else "there is none yet"
            raise UserError(f"cannot save the state in `{self.directory}`: {problem}; {kept}") from error
        for file in self._files()[:-KEPT]:
            file.unlink(missing_ok=True)

    def last(self) -> tuple[Path, dict[str, Any]] | None:
        """The last whole state and its plain values, None where there is none."""
        for file in reversed(self._files()):
            if _is_whole(file):
                with h5py.File(file, "r") as opened:
                    return file, json.loads(opened[_OWN].attrs["about"])
        return None

    def steps(self) -> list[int]:
        """The steps of all whole states."""
        return [_step(file) for file in self._files() if _is_whole(file)]

    def rewind(self, step: int) -> None:
        """Removes all states after a step.

        Args:
            step: 0 for all.
        """
        for file in self._files():
            if _step(file) > step:
                file.unlink(missing_ok=True)

    def load(self, model: keras.Model, file: Path) -> list[np.ndarray]:
        """Restores a state; gives the sums of the metrics, for `resume_metrics` once the model has them.

        Args:
            model: as the one that was saved, built and compiled.
            file: of `last`.
        """
        if model.optimizer is not None and not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        model.load_weights(file)
        with h5py.File(file, "r") as opened:
            saved = {
                kind: [group[str(n)][()] for n in range(len(group))] for kind, group in opened[_OWN].items()
            }
        for variable, value in zip(_beside_weights(model)["seeds"], saved.get("seeds", []), strict=True):
            variable.assign(value)
        return saved.get("metrics", [])

    def clear(self) -> None:
        """Removes all states."""
        shutil.rmtree(self.directory, ignore_errors=True)

    def _files(self) -> list[Path]:
        files = self.directory.glob("state-*.weights.h5")
        return sorted(file for file in files if _NAME.fullmatch(file.name))


def resume_metrics(model: keras.Model, saved: list[np.ndarray]) -> None:
    """Adds the sums that metrics had before a training was interrupted.

    Metrics come to be with the first batch, after which this is called: all that Keras averages is a
    sum and a count.
    """
    for variable, value in zip(model.metrics_variables, saved, strict=False):
        variable.assign(variable + value)


def _beside_weights(model: keras.Model) -> dict[str, list[Any]]:
    """What `save_weights` leaves out."""
    weights = {id(variable) for variable in model.weights}
    seeds = [variable for variable in model.variables if id(variable) not in weights]
    return {"seeds": seeds, "metrics": list(model.metrics_variables)}


def _step(file: Path) -> int:
    return int(_NAME.fullmatch(file.name)[1])


def _is_whole(file: Path) -> bool:
    return int(_NAME.fullmatch(file.name)[2], 16) == _checksum(file)


def _checksum(path: Path) -> int:
    checksum = 0
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            checksum = zlib.crc32(block, checksum)
    return checksum


def _force_to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
