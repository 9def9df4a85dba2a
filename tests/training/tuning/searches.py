"""A search whose trials take no time, as a program: `python -m tests.training.tuning.searches DIRECTORY`.

Each trial appends its number to `DIRECTORY/ran`. `--kill N` kills the process in its N-th trial, once.
`--workers N` searches with so many.
"""

import argparse
import os
import signal
import sys
import time
from pathlib import Path

from kseq.errors import UserError
from kseq.training.tuning.heartbeat import Heartbeat
from kseq.training.tuning.oracle import make_oracle
from kseq.training.tuning.space import Choice, Range
from kseq.training.tuning.tuner import TooLarge, Tuner
from kseq.training.tuning.workers import ADDRESS, PORT, WHO, Workers, direct, free_port

SPACE = {"x": Range(-1.0, 1.0), "n": Range(1, 50), "kind": Choice("a", None)}


def search(directory, algorithm="random", trials=None, train=None, **options):
    """Returns tuner and oracle, taken up again where they were."""
    directory.mkdir(parents=True, exist_ok=True)
    oracle = make_oracle(
        algorithm, SPACE, ("val_y", "min"), directory=directory, epochs=9, trials=trials, seed=3, **options
    )
    tuner = Tuner(oracle, SPACE, train or score, directory)
    if os.environ.get(WHO, "chief") == "chief":
        oracle.begin_session()
    return tuner, oracle


def score(trial):
    return trial.values["x"] ** 2 + trial.values["n"], 10 * trial.values["n"]


def at_most(parameters):
    def train(trial):
        if score(trial)[1] > parameters:
            raise TooLarge(score(trial)[1], parameters)
        return score(trial)

    return train


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("--kill", type=int)
    parser.add_argument("--trials", type=int, default=6)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--fatal", type=float, help="share of all n, of which a trial kills its process")
    options = parser.parse_args()
    ran = []

    def train(trial):
        with open(options.directory / "ran", "a") as file:
            file.write(trial.id + "\n")
        ran.append(trial.id)
        killed = options.directory / "killed"
        if len(ran) == options.kill and not killed.exists():
            killed.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if options.fatal and trial.values["n"] > 50 * (1 - options.fatal):
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.1)
        return score(trial)

    role = os.environ.get(WHO)
    if options.workers:
        os.environ.update({WHO: "chief", ADDRESS: "127.0.0.1", PORT: str(free_port())})
    tuner, oracle = search(options.directory, trials=options.trials, train=train)
    if options.workers:
        words = [str(options.directory), "--kill", str(options.kill or 0), "--fatal", str(options.fatal or 0)]
        command = [sys.executable, "-m", "tests.training.tuning.searches", *words]
        with Heartbeat(options.directory, "chief") as heartbeat:
            direct(tuner, oracle, Workers(command, options.workers, options.directory / "logs"), heartbeat)
    elif role:
        with Heartbeat(options.directory, role, watch="chief"):
            tuner.search()
    else:
        tuner.search()


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
