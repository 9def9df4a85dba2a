"""The directory of a search: what was asked, and that only one process directs it."""

import fcntl
import json
import os
import time
from pathlib import Path
from typing import Any

import yaml

from kseq.errors import UserError, did_you_mean
from kseq.files import plain, write_json, write_text
from kseq.training.names import check_name


class SearchDirectory:
    """`ROOT/TASK/NAME/`, made by `create` and found again by `resume`.

    ```
    search.json          algorithm, seed, budgets; may not change
    config.yaml          the configuration that trials start from
    space.yaml           what they change
    oracle.json          what keras-tuner knows
    trial_*/             of each trial: values and score, and what came of it
    runs/TASK/trial-*/   the run of each trial, as of `train`
    hparams/             for TensorBoard
    leaderboard.csv  best.yaml  parallel_coordinates.png  objective.png
    ```

    Args:
        path: the directory.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)
        self._lock: Any = None

    @classmethod
    def create(
        cls,
        root: str | os.PathLike,
        task: str,
        name: str,
        *,
        config: dict[str, Any],
        space: dict[str, Any],
        settings: dict[str, Any],
    ) -> "SearchDirectory":
        """Makes the directory.

        Args:
            root: of all searches, usually `tuning`.
            task: name of the pipeline.
            name: of the search.
            config: the configuration that trials start from.
            space: what they change, as YAML has it.
            settings: algorithm, seed, budgets.

        Raises:
            UserError: the name is taken or no name, nothing can be written, or another process is here.
        """
        check_name(name)
        search = cls(Path(root) / task / name)
        if search.path.exists():
            raise UserError(
                f"there is a search `{search.path}` already: choose another --name, "
                "or go on with it by --resume"
            )
        try:
            search.path.mkdir(parents=True)
            search.direct()
            write_text(search.path / "config.yaml", yaml.safe_dump(plain(config), sort_keys=False, width=100))
            write_text(search.path / "space.yaml", yaml.safe_dump(plain(space), sort_keys=False, width=100))
            write_json(search.path / "search.json", settings)
        except OSError as error:
            raise UserError(f"cannot write the search `{search.path}`: {error.strerror}") from error
        return search

    @classmethod
    def resume(
        cls, root: str | os.PathLike, task: str, name: str, *, settings: dict[str, Any]
    ) -> "SearchDirectory":
        """Takes up a search again.

        Args:
            root: of all searches.
            task: name of the pipeline.
            name: of the search.
            settings: what was asked this time; budgets may have grown, the rest may not have changed.

        Raises:
            UserError: there is no such search, it was another one, or another process directs it.
        """
        search = cls.open(Path(root) / task / name)
        search.direct()
        before = search.settings
        for key in ("algorithm", "search_seed"):
            if settings[key] != before[key]:
                raise UserError(
                    f"`{key}` is {before[key]!r} in the search `{search.path}`, got {settings[key]!r}"
                )
        write_json(search.path / "search.json", settings)
        return search

    @classmethod
    def open(cls, path: str | os.PathLike) -> "SearchDirectory":
        """Finds a search without directing it, as a worker does.

        Raises:
            UserError: there is none.
        """
        search = cls(path)
        if not (search.path / "search.json").is_file():
            others = [p.name for p in search.path.parent.glob("*/")]
            raise UserError(f"no search `{path}`{did_you_mean(search.path.name, others)}")
        return search

    @classmethod
    def wait(cls, path: str | os.PathLike, seconds: float = 600.0) -> "SearchDirectory":
        """Finds a search that a chief is about to begin.

        Raises:
            UserError: there is still none after so many seconds.
        """
        end = time.monotonic() + seconds
        while not (Path(path) / "search.json").is_file() and time.monotonic() < end:
            time.sleep(0.5)
        return cls.open(path)

    def direct(self) -> None:
        """Keeps all other processes from directing this search until this one ends.

        Raises:
            UserError: another one does.
        """
        try:
            self._lock = open(self.path / "lock", "a+")  # noqa: SIM115  held until the process ends
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"another process directs the search `{self.path}`: wait for it, or stop it"
            ) from None
        except OSError as error:
            raise UserError(f"cannot write the search `{self.path}`: {error.strerror}") from error

    def close(self) -> None:
        """Lets another process direct this search."""
        if self._lock:
            self._lock.close()

    @property
    def settings(self) -> dict[str, Any]:
        """Algorithm, seed, budgets."""
        return json.loads((self.path / "search.json").read_text(encoding="utf-8"))

    @property
    def config(self) -> Path:
        """The configuration that trials start from."""
        return self.path / "config.yaml"

    @property
    def space(self) -> Path:
        """What trials change."""
        return self.path / "space.yaml"

    @property
    def best(self) -> Path:
        """The configuration of the best trial, for `train --config`."""
        return self.path / "best.yaml"

    @property
    def runs(self) -> Path:
        """Root of the runs of trials."""
        return self.path / "runs"
