"""Starts a command as the workers of one training: all on this machine, or one on each of several.

`python -m kseq.training.launch -n 2 -- python -m pipelines.ner train --strategy multi-worker --name two`

`python -m kseq.training.launch --hosts a:2222 b:2222 --index 0 -- python -m pipelines.ner train ...`
"""

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any


def main(arguments: Sequence[str] | None = None) -> int:
    """Starts, waits, and gives the exit status of the first that failed, 0 if none did.

    When one fails the others, which would wait for it, are ended too. SIGINT and SIGTERM go on to all.

    Args:
        arguments: the command line without the program's name; `sys.argv` when None.
    """
    parser = argparse.ArgumentParser(
        prog="python -m kseq.training.launch", description=__doc__.split("\n")[0]
    )
    parser.add_argument("-n", "--workers", type=int, default=2, help="processes here (default: 2)")
    parser.add_argument("--hosts", nargs="+", metavar="HOST:PORT", help="all workers, instead of -n")
    parser.add_argument("--index", type=int, metavar="N", help="which of the hosts this is, from 0")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="-- and the command")
    options = parser.parse_args(arguments)
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if options.workers < 1 or not command:
        parser.error("at least one worker and a command are needed")
    if options.hosts is None:
        addresses = [f"127.0.0.1:{port}" for port in free_ports(options.workers)]
        processes = [start(command, addresses, index) for index in range(options.workers)]
    elif options.index is None or not 0 <= options.index < len(options.hosts):
        parser.error(f"`--index` must be 0 to {len(options.hosts) - 1} for these hosts, got {options.index}")
    else:
        processes = [start(command, options.hosts, options.index)]
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda received, _: _send(processes, received))
    try:
        return wait(processes)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def start(command: Sequence[str], addresses: Sequence[str], index: int, **options: Any) -> subprocess.Popen:
    """Starts one worker, with a `TF_CONFIG` of its own.

    Args:
        command: what it runs.
        addresses: of all workers, `host:port`.
        index: which of them it is.
        options: more for `subprocess.Popen`.
    """
    config = {"cluster": {"worker": list(addresses)}, "task": {"type": "worker", "index": index}}
    environment = {**os.environ, "TF_CONFIG": json.dumps(config)}
    # a Ctrl-C reaches this process only, which hands it on: once, not twice
    return subprocess.Popen(command, env=environment, start_new_session=True, **options)


def wait(processes: Sequence[subprocess.Popen]) -> int:
    """Waits until all have ended; ends the others when one fails.

    Args:
        processes: of `start`.

    Returns:
        The exit status of the first that failed, 0 if none did.
    """
    while True:
        states = [process.poll() for process in processes]
        failed = [state for state in states if state]
        if failed:
            time.sleep(1.0)  # what the others have to say of it
            _send(processes, signal.SIGKILL)
            return failed[0] if failed[0] > 0 else 128 - failed[0]
        if all(state == 0 for state in states):
            return 0
        time.sleep(0.2)


def _send(processes: Sequence[subprocess.Popen], number: int) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nothing listens at.

    Args:
        count: how many.
    """
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


if __name__ == "__main__":
    sys.exit(main())
