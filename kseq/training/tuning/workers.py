"""A search in several processes: local workers, and the chief that watches all of them."""

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from kseq.errors import UserError
from kseq.training.tuning.heartbeat import Heartbeat
from kseq.training.tuning.oracle import Memory
from kseq.training.tuning.tuner import Tuner

#: of a worker that dies, before it is given up
RESTARTS = 3
#: seconds that the chief waits for the first sign of a worker on another machine
FIRST = 600.0
#: seconds that it waits for all to hear that the search is over
GOODBYE = 60.0
#: keras-tuner's environment: who a process is, and where the chief listens
WHO, ADDRESS, PORT = "KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT"


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Workers:
    """Processes on this machine that run trials; one that dies is started again.

    Args:
        command: what each runs; its environment says who it is.
        count: how many.
        logs: directory of what they print.
    """

    def __init__(self, command: Sequence[str], count: int, logs: Path):
        self._command = list(command)
        self._logs = logs
        self._restarts = {f"worker-{n}": 0 for n in range(count)}
        self._running: dict[str, subprocess.Popen] = {}
        logs.mkdir(exist_ok=True)

    def start(self) -> None:
        """Start all that do not run and are not given up."""
        # the level at which this process quietened TensorFlow would read as a wish to hear it
        environment = {key: value for key, value in os.environ.items() if key != "TF_CPP_MIN_LOG_LEVEL"}
        for name, restarts in self._restarts.items():
            if name not in self._running and restarts <= RESTARTS:
                with open(self._log(name), "ab") as log:
                    self._running[name] = subprocess.Popen(
                        self._command,
                        env={**environment, WHO: name},
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                    )

    def died(self) -> list[str]:
        """Names of those that ended since the last call, by an error or a signal."""
        ended = {name: process for name, process in self._running.items() if process.poll() is not None}
        for name in ended:
            del self._running[name]
            if not ended[name].returncode:  # it heard that the search is over
                del self._restarts[name]
        dead = [name for name in ended if name in self._restarts]
        for name in dead:
            self._restarts[name] += 1
        return dead

    @property
    def alive(self) -> list[str]:
        """Names of those that run."""
        return list(self._running)

    def last_words(self) -> str:
        """The last line that one of them wrote."""
        logs = [self._log(name) for name in self._restarts]
        lines = [log.read_text(errors="replace").strip().splitlines() for log in logs if log.exists()]
        return next((text[-1] for text in lines if text), "nothing")

    def stop(self, seconds: float = 20.0) -> None:
        """End all: as Ctrl-C would, and those that take too long at once."""
        for process in self._running.values():
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + seconds
        for process in self._running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
            process.kill()
            process.wait()
        self._running.clear()

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"


def direct(tuner: Tuner, oracle: Memory, workers: Workers | None, heartbeat: Heartbeat) -> None:
    """Serve workers as keras-tuner's chief until the search is over.

    The trial of a worker that dies, here or on another machine, is given to another.

    Args:
        tuner: under keras-tuner's environment variables of a chief.
        oracle: its oracle.
        workers: of this machine; None: all are on others.
        heartbeat: of this process, in the directory that all share.

    Raises:
        UserError: no worker is left, or trial after trial fails.
    """
    problems: list[Exception] = []
    threading.Thread(target=_serve, args=(tuner, problems), daemon=True).start()
    began, seen = time.monotonic(), False
    try:
        while not _over(oracle):
            time.sleep(0.2)
            _release(oracle, workers, heartbeat)
            if problems:
                raise UserError(f"cannot serve workers at {_address()}: {problems[0]}")
            if error := oracle.failure():
                raise UserError(f"trial after trial fails: {error}")
            if workers is not None:
                workers.start()
            alive = [*(workers.alive if workers else []), *heartbeat.others()]
            seen = seen or bool(alive)
            if not alive and (seen or time.monotonic() - began > FIRST):
                said = f"; the last words of one: {workers.last_words()}" if workers else ""
                raise UserError(f"no worker is left, and the search is not over{said}")
        _say_goodbye(oracle, workers, heartbeat)
    finally:
        if workers is not None:
            workers.stop()
        oracle.save()


def _serve(tuner: Tuner, problems: list[Exception]) -> None:
    try:
        tuner.search()
    except Exception as error:  # said by the thread that waits
        problems.append(error)


def _address() -> str:
    return f"{os.environ.get(ADDRESS)}:{os.environ.get(PORT)}"


def _over(oracle: Memory) -> bool:
    return oracle.ended and not oracle.waiting


def _release(oracle: Memory, workers: Workers | None, heartbeat: Heartbeat) -> None:
    for name in [*(workers.died() if workers else []), *heartbeat.silent()]:
        oracle.release(name)


def _say_goodbye(oracle: Memory, workers: Workers | None, heartbeat: Heartbeat) -> None:
    """Goes on answering until every worker that ever asked has heard that the search is over.

    One that is still starting has not: keras-tuner's server may be gone before it asks.
    """
    deadline = time.monotonic() + GOODBYE
    while oracle.tuner_ids and time.monotonic() < deadline:
        time.sleep(0.2)
        _release(oracle, workers, heartbeat)
