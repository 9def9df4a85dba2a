"""Signs of life in a shared directory."""

import contextlib
import os
import signal
import threading
from pathlib import Path

#: seconds between two beats
EVERY = 2.0
#: seconds without one after which a process counts as dead
SILENCE = 30.0


class Heartbeat:
    """Touches `DIRECTORY/alive/NAME` again and again, for use in a `with` block.

    Ages are differences of times that the file system gave, so clocks of machines need not agree.

    Args:
        directory: shared by chief and workers.
        name: of this process.
        watch: name of a process without which this one is no use: when it falls silent, this one gets
            SIGINT, which saves and ends a training.
    """

    def __init__(self, directory: Path, name: str, watch: str | None = None):
        self._folder = directory / "alive"
        self._name = name
        self._watch = watch
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> "Heartbeat":
        self._folder.mkdir(exist_ok=True)
        self._touch()
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._thread.join()
        self._file(self._name).unlink(missing_ok=True)

    def others(self) -> list[str]:
        """Names of the other processes that are alive."""
        names = [file.name for file in self._folder.iterdir() if file.name != self._name]
        return [name for name in names if (self._age(name) or 0.0) < SILENCE]

    def silent(self) -> list[str]:
        """Names of the other processes that did not end but fell silent; each is named once."""
        names = [file.name for file in self._folder.iterdir() if file.name != self._name]
        dead = [name for name in names if (self._age(name) or 0.0) >= SILENCE]
        for name in dead:
            self._file(name).unlink(missing_ok=True)
        return dead

    def _beat(self) -> None:
        while not self._over.wait(EVERY):
            self._touch()
            if self._watch is not None and (self._age(self._watch) or 0.0) >= SILENCE:
                os.kill(os.getpid(), signal.SIGINT)
                return

    def _touch(self) -> None:
        with contextlib.suppress(OSError):
            self._file(self._name).touch()

    def _age(self, name: str) -> float | None:
        try:
            return self._file(self._name).stat().st_mtime - self._file(name).stat().st_mtime
        except FileNotFoundError:
            return None

    def _file(self, name: str) -> Path:
        return self._folder / name
