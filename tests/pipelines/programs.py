"""Run a pipeline as a user does: in a process of its own, or in this one with what it prints."""

import csv
import os
import subprocess
import sys
from pathlib import Path

from pipelines.pipeline import main

ROOT = Path(__file__).parents[2]


def start(folder, pipeline, *words):
    """Returns the process of `python -m pipelines.NAME ...`, run in `folder`."""
    environment = {k: v for k, v in os.environ.items() if k not in ("TF_CPP_MIN_LOG_LEVEL", "KERAS_BACKEND")}
    environment |= {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", f"pipelines.{pipeline.name}", *words],
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def run(folder, pipeline, *words, status=0):
    """Returns what it printed, after it ended with `status` and nothing on stderr."""
    process = start(folder, pipeline, *words)
    out, err = process.communicate(timeout=120)
    assert process.returncode == status, err
    assert err == ""
    return out


def shown(capsys, pipeline, *words):
    """Returns what it prints in this process."""
    assert main(pipeline, words) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def refused(capsys, pipeline, words):
    """Returns the one line of an error."""
    assert main(pipeline, words) == 2
    out, err = capsys.readouterr()
    assert err.startswith("error: ") and err.count("\n") == 1 and out == ""
    return err


def rows(path):
    """Returns a CSV file as dictionaries."""
    with open(path, newline="") as file:
        return list(csv.DictReader(file))
