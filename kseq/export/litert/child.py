"""The child process that converts, so that a crash of the converter is an error message."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import kseq
from kseq.export.litert.worker import RESULT
from kseq.export.saved_model import ExportError


def run_worker(directory: Path, timeout: float) -> dict[str, Any]:
    """Have the job in a directory done, see `kseq.export.litert.worker`.

    Args:
        directory: of the job.
        timeout: seconds that it may take.

    Returns:
        The worker's result.

    Raises:
        ExportError: the worker failed, crashed, or took too long.
    """
    root = str(Path(kseq.__file__).parents[1])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment |= {"CUDA_VISIBLE_DEVICES": "-1", "KERAS_BACKEND": "tensorflow"}
    command = [sys.executable, "-m", "kseq.export.litert.worker", str(directory)]
    (directory / RESULT).unlink(missing_ok=True)
    try:
        done = subprocess.run(command, env=environment, capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        raise ExportError(f"the conversion to LiteRT took longer than {timeout:g} seconds") from None
    if done.returncode < 0:
        raise ExportError(f"the converter to LiteRT crashed, by signal {-done.returncode}")
    if done.returncode:
        raise ExportError(f"the conversion to LiteRT failed: {_last_line(done.stderr)}")
    return json.loads((directory / RESULT).read_text())


def _last_line(stderr: bytes) -> str:
    lines = [line.strip() for line in stderr.decode(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if "rror" in line]
    return (errors or lines or ["no message"])[-1]
