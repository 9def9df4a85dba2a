"""The directory of one training run: what it was asked, where it ran, what came out."""

import contextlib
import datetime
import json
import os
import shutil
import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import yaml

from kseq.environment import machine
from kseq.errors import TrainingInterrupted, UserError, did_you_mean
from kseq.files import plain, write_json, write_text
from kseq.training.names import check_name, default_name

STATUSES = ("running", "interrupted", "finished", "failed")


class RunDirectory:
    """`ROOT/TASK/NAME/`, made by `create` and found again by `open` or `latest`.

    ```
    config.yaml          the resolved configuration, which `--config` reads back
    environment.json     seed, command line, Python, machine, package versions
    status.json          running, interrupted, finished or failed, and since when
    metrics.json         what was measured
    history.csv          one row an epoch
    model.keras          the best epoch
    backup/              the last state, only until the run is finished
    vocabulary.json  learning_curve.png  tensorboard/
    ```

    Every file is replaced as a whole, so one that is there is complete.

    Args:
        path: The directory, which must exist.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)
        self._made: list[Path] = []  # directories that a new run brought along, innermost first
        self._at_end: list[Callable[[], None]] = []

    @classmethod
    def create(
        cls,
        root: str | os.PathLike,
        task: str,
        name: str,
        config: dict[str, Any],
        seed: int | None = None,
        resume: bool = False,
        may_change: Collection[str] = (),
    ) -> "RunDirectory":
        """Makes the directory, or takes up an interrupted run again.

        Call it when everything that could be wrong with the input has been checked, right before
        `with run.training()`, which removes a new run again that fails before it has saved anything.

        Args:
            root: The directory of all runs, usually `runs`.
            task: Name of the pipeline, such as `language_model`.
            name: Name of the run.
            config: The resolved configuration, in plain values.
            seed: Of all randomness.
            resume: Go on with the run of this name instead of starting a new one.
            may_change: Keys of `config` that may differ from the ones of the run resumed.

        Returns:
            The run, its status `running`.

        Raises:
            UserError: The name is no file name, is taken (or, to resume, is not there or is finished),
                the configuration differs from that of the run resumed, or nothing can be written.
        """
        check_name(name)
        config = plain(config)
        path = Path(root) / task / name
        if resume:
            run = cls._interrupted(path, config, may_change)
        elif path.exists():
            raise UserError(
                f"there is a run `{path}` already: choose another --name, or go on with it by --resume"
            )
        else:
            run = cls._new(path)
        try:
            write_text(path / "config.yaml", yaml.safe_dump(config, sort_keys=False, width=100))
            about = {"seed": seed, "command": [Path(sys.argv[0]).name, *sys.argv[1:]], **machine()}
            write_json(path / "environment.json", about)
            run.set_status("running")
        except OSError as error:
            run._remove_if_new()
            raise _unwritable(path, error) from error
        return run

    @classmethod
    def open(cls, path: str | os.PathLike) -> "RunDirectory":
        """Finds a run that has a model, finished or not.

        Args:
            path: The run's directory.

        Returns:
            The run.

        Raises:
            UserError: There is no such directory, it is no run, or no epoch of it has ended yet.
        """
        run = cls(path)
        if not run.path.is_dir():
            siblings = [p.name for p in run.path.parent.glob("*/")] if run.path.name else []
            raise UserError(f"no run `{path}`{did_you_mean(run.path.name, siblings)}")
        if not (run.path / "config.yaml").is_file():
            raise UserError(f"`{path}` is no run directory: it holds no config.yaml")
        if not run.model.is_file():
            raise UserError(
                f"the run `{path}` ({run.status}) has no model yet: no epoch of it has ended; "
                "go on with it by `train --resume`"
            )
        return run

    @classmethod
    def latest(cls, root: str | os.PathLike, task: str) -> "RunDirectory":
        """Finds the run, of those with a model, whose training was touched last.

        Args:
            root: The directory of all runs.
            task: Name of the pipeline.

        Returns:
            The run.

        Raises:
            UserError: There is none.
        """
        runs = [cls(path.parent) for path in (Path(root) / task).glob("*/status.json")]
        runs = [run for run in runs if run.model.is_file()]
        if not runs:
            raise UserError(f"no trained model in `{Path(root) / task}`: run `train` first")
        return max(runs, key=lambda run: run._read("status.json").get("since", ""))

    default_name = staticmethod(default_name)

    model = property(lambda self: self.path / "model.keras", doc="The best epoch's model.")
    backup = property(lambda self: self.path / "backup", doc="Directory of the last saved state.")
    history = property(lambda self: self.path / "history.csv", doc="One row an epoch.")
    tensorboard = property(lambda self: self.path / "tensorboard", doc="Directory of event files.")
    learning_curve = property(lambda self: self.path / "learning_curve.png", doc="The picture.")
    vocabulary = property(lambda self: self.path / "vocabulary.json", doc="Tokens and their ids.")

    @property
    def name(self) -> str:
        """The run's name, its directory's last part."""
        return self.path.resolve().name

    @property
    def config(self) -> dict[str, Any]:
        """The configuration as it was written."""
        return yaml.safe_load((self.path / "config.yaml").read_text(encoding="utf-8")) or {}

    @property
    def metrics(self) -> dict[str, Any]:
        """What was measured so far."""
        return self._read("metrics.json")

    @property
    def status(self) -> str:
        """`running`, `interrupted`, `finished` or `failed`; `running` also after a power cut."""
        return self._read("status.json").get("status", "failed")

    def set_status(self, status: str) -> None:
        """Writes the status down.

        Args:
            status: One of `STATUSES`.
        """
        if status not in STATUSES:
            raise ValueError(f"`status` must be one of {', '.join(STATUSES)}, got {status!r}")
        since = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="microseconds")
        write_json(self.path / "status.json", {"status": status, "since": since})

    def write_metrics(self, **metrics: Any) -> None:
        """Adds to metrics.json; a name that is there already gets the new value.

        Args:
            **metrics: Plain values, or dictionaries of them.
        """
        write_json(self.path / "metrics.json", {**self.metrics, **metrics})

    def at_end(self, action: Callable[[], None]) -> None:
        """Has `action` called when the block of `training` ends, in whatever way.

        Args:
            action: Closes a file, gives a signal handler back.
        """
        self._at_end.append(action)

    @contextlib.contextmanager
    def training(self) -> Iterator["RunDirectory"]:
        """Keeps the status right around `model.fit`.

        The end of `fit`, or of the block, means `finished`; what fails after that, such as a report,
        leaves it so. An interruption by `StopOnSignal` means `interrupted` and
        ends here: ask `status` after the block. Any other exception means `failed` (Ctrl-C outside
        of the reach of `StopOnSignal`: `interrupted`) and goes on up; when nothing was saved by
        then, neither model nor backup, a new run is removed.

        Yields:
            This run.
        """
        try:
            yield self
        except TrainingInterrupted:
            self.set_status("interrupted")
        except BaseException as error:
            saved = self.model.exists() or self.backup.exists()
            if self.status != "finished" and (saved or not self._remove_if_new()):
                interrupted = isinstance(error, KeyboardInterrupt)
                self.set_status("interrupted" if interrupted else "failed")
            raise
        else:
            self.set_status("finished")
        finally:
            while self._at_end:
                self._at_end.pop()()

    def _remove_if_new(self) -> bool:
        if not self._made:
            return False
        shutil.rmtree(self.path, ignore_errors=True)
        with contextlib.suppress(OSError):  # another run has moved in
            for directory in self._made[1:]:
                directory.rmdir()
        return True

    def _read(self, name: str) -> dict[str, Any]:
        try:
            return json.loads((self.path / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}

    @classmethod
    def _new(cls, path: Path) -> "RunDirectory":
        run = cls(path)
        run._made = [path, *(parent for parent in path.parents if not parent.exists())]
        try:
            path.mkdir(parents=True)
        except OSError as error:
            raise _unwritable(path, error) from error
        return run

    @classmethod
    def _interrupted(cls, path: Path, config: dict[str, Any], may_change: Collection[str]) -> "RunDirectory":
        run = cls(path)
        if not (path / "config.yaml").is_file():
            siblings = [p.name for p in path.parent.glob("*/")]
            raise UserError(f"no run `{path}` to resume{did_you_mean(path.name, siblings)}")
        if run.status == "finished":
            raise UserError(
                f"the run `{path}` is finished, there is nothing to resume: choose another --name"
            )
        before = run.config
        for key in config:
            if key not in may_change and config[key] != before.get(key):
                raise UserError(
                    f"`{key}` is {before.get(key)!r} in the run `{path}`, got {config[key]!r}: "
                    f"resume with `--config {path / 'config.yaml'}`, or choose another --name"
                )
        return run


def _unwritable(path: Path, error: OSError) -> UserError:
    return UserError(f"cannot write the run directory `{path}`: {error.strerror}")
