"""The versions on disk and those that answer: `ROOT/NAME/VERSION/`, watched."""

import contextlib
import dataclasses
import logging
import re
from collections.abc import Callable
from pathlib import Path

from kseq.errors import UserError, positive
from kseq.serving.problem import Problem
from kseq.serving.version import GRAPH, Version

log = logging.getLogger(__name__)
NUMBER = re.compile("0|[1-9][0-9]*").fullmatch  # as a name of a directory


@dataclasses.dataclass(frozen=True)
class Failure:
    """A version that could not be loaded.

    Args:
        seen: names, sizes and times of its files then; if they change, it is tried again.
        message: why, in one line.
    """

    seen: frozenset
    message: str


class Repository:
    """All models under a directory, the newest versions of each loaded.

    A version answers once it is loaded; until then, and if it cannot be loaded, the ones before it do. What
    is replaced goes on for requests that have it already. `scan` belongs to one thread; everything else may
    be called from any other meanwhile.

    Args:
        root: directory of all exports.
        keep: versions of a model that answer at the same time.
        load: from a directory to a version.

    Raises:
        UserError: there is no such directory, or it is that of one model.
    """

    def __init__(self, root: str | Path, keep: int = 2, load: Callable[[Path], Version] = Version):
        self.root = Path(root)
        self.keep = positive("keep", keep)
        self._load = load
        self._models: dict[str, dict[int, Version]] = {}  # replaced, never changed: readers need no lock
        self._failures: dict[Path, Failure] = {}
        if not self.root.is_dir():
            raise UserError(f"no directory `{root}`; exports are looked for there, as NAME/VERSION/")
        if _versions(self.root):
            raise UserError(
                f"`{root}` holds versions of one model; give the directory above, `{self.root.parent}`"
            )

    @property
    def models(self) -> dict[str, dict[int, Version]]:
        """What answers: name to number to version, the newest first."""
        return self._models

    def find(self, name: str, number: int | None = None) -> Version:
        """The version that answers; the newest if no number is given.

        Raises:
            Problem: there is none.
        """
        versions = self._models.get(name, {})
        found = next(iter(versions.values()), None) if number is None else versions.get(number)
        if found is None:
            wanted = f"Latest({name})" if number is None else f"Specific({name}, {number})"
            raise Problem("NOT_FOUND", f"Servable not found for request: {wanted}")
        return found

    def failures(self, name: str) -> dict[int, str]:
        """The versions of a model that could not be loaded, and why."""
        return {int(path.name): f.message for path, f in self._failures.items() if path.parent.name == name}

    def scan(self) -> None:
        """Load what is new and let go what is gone or outnumbered."""
        try:
            directories = sorted(path for path in self.root.iterdir() if not path.name.startswith("."))
        except OSError as error:  # it may be back in a moment; what is loaded stays
            log.warning("cannot look into %s: %s", self.root, error.strerror)
            return
        models = {}
        for directory in directories:
            if versions := self._newest(directory):
                models[directory.name] = versions
                self._models = {**self._models, directory.name: versions}  # not only when all are loaded
        self._models = models
        self._failures = {path: failure for path, failure in self._failures.items() if path.exists()}

    def _newest(self, directory: Path) -> dict[int, Version]:
        answering = self._models.get(directory.name, {})
        found: dict[int, Version] = {}
        for number in sorted(_versions(directory), reverse=True):
            version = answering.get(number) or self._try(directory / str(number))
            if version is not None:
                found[number] = version
            if len(found) == self.keep:
                break
        return found

    def _try(self, path: Path) -> Version | None:
        seen = _fingerprint(path)
        if path in self._failures and self._failures[path].seen == seen:
            return None
        try:
            version = self._load(path)
        except Exception as error:  # whatever is wrong with a file, the server goes on
            message = " ".join(str(error).split()) or type(error).__name__
            self._failures = {**self._failures, path: Failure(seen, message)}
            log.warning("cannot load %s: %s", path, message)
            return None
        self._failures = {other: failure for other, failure in self._failures.items() if other != path}
        log.info("loaded %s", path)
        return version


def _versions(directory: Path) -> list[int]:
    """Numbers of the versions in the directory of a model."""
    with contextlib.suppress(OSError):
        return [
            int(path.name) for path in directory.iterdir() if NUMBER(path.name) and (path / GRAPH).is_file()
        ]
    return []


def _fingerprint(path: Path) -> frozenset:
    files = set()
    for file in path.rglob("*"):
        with contextlib.suppress(OSError):
            about = file.stat()
            files.add((str(file), about.st_size, about.st_mtime_ns))
    return frozenset(files)
