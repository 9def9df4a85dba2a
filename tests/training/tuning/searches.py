"""A search whose trials take no time, as a program: `python -m tests.training.tuning.searches DIRECTORY ...`.

Each trial appends its number to `DIRECTORY/ran`. `--kill N` kills the process in its N-th trial.
"""

import argparse
import os
import signal
import time
from pathlib import Path

from kseq.training.tuning.oracle import make_oracle
from kseq.training.tuning.space import Choice, Range
from kseq.training.tuning.tuner import TooLarge, Tuner

SPACE = {"x": Range(-1.0, 1.0), "n": Range(1, 50), "kind": Choice("a", None)}


def search(directory, algorithm="random", trials=None, train=None, **options):
    """Returns tuner and oracle, taken up again where they were."""
    directory.mkdir(parents=True, exist_ok=True)
    oracle = make_oracle(
        algorithm, SPACE, ("val_y", "min"), directory=directory, epochs=9, trials=trials, seed=3, **options
    )
    tuner = Tuner(oracle, SPACE, train or score, directory)
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
    options = parser.parse_args()
    ran = []

    def train(trial):
        with open(options.directory / "ran", "a") as file:
            file.write(trial.id + "\n")
        ran.append(trial.id)
        if len(ran) == options.kill:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.1)
        return score(trial)

    search(options.directory, trials=options.trials, train=train)[0].search()


if __name__ == "__main__":
    main()
