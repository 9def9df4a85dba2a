"""What runs in the child process: conversion, and the first runs of what came out.

    python -m kseq.export.litert.worker DIRECTORY

The directory holds a SavedModel, `job.json` and the arrays of `probes.npz`; beside them the worker writes
`VARIANT.tflite`, `VARIANT.npz` with what it answers to the probes, and `result.json`.
"""

import json
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from kseq.export.litert import flatbuffer
from kseq.export.litert.fuse import fuse
from kseq.export.litert.variants import Variant, variant
from kseq.export.probes import Arrays, pack, unpack

SAVED_MODEL, JOB, PROBES, RESULT = "saved_model", "job.json", "probes.npz", "result.json"


def main(directory: Path) -> None:
    """Do the job in a directory."""
    job = json.loads((directory / JOB).read_text())
    probes = unpack(directory / PROBES)
    result: dict[str, Any] = {"variants": {}}
    for one in map(variant, job["variants"]):
        content, about = _convert(directory, job, one, probes)
        if content is None:
            result = about
            break
        path = directory / f"{one.name}.tflite"
        path.write_bytes(content)
        if not about["custom"]:
            answers, timing = run(path, probes, job["repeats"])
            pack(directory / f"{one.name}.npz", answers)
            about |= timing
        result["variants"][one.name] = about
    (directory / RESULT).write_text(json.dumps(result))


def _convert(directory: Path, job: dict, one: Variant, probes: Arrays) -> tuple[bytes | None, dict]:
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(directory / SAVED_MODEL), signature_keys=job["signatures"]
    )
    converter.allow_custom_ops = True  # what is left of them is refused by name
    # a loop writes each output into its place; without this it copies all of them at every step
    converter._experimental_enable_dynamic_update_slice = True
    kind = tf.lite.OpsSet
    converter.target_spec.supported_ops = [kind.TFLITE_BUILTINS]
    if one.optimize:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if one.half:
        converter.target_spec.supported_types = [tf.float16]
    if one.calibrated:  # what does not know integers stays as it is
        converter.target_spec.supported_ops = [kind.TFLITE_BUILTINS_INT8, kind.TFLITE_BUILTINS]
        converter.representative_dataset = lambda: _calibration(job["signatures"], probes)
    model = flatbuffer.read(converter.convert())
    refused = fuse(model, job["calls"], hybrid=one.hybrid)
    if refused:
        return None, {"refused": refused}
    found = flatbuffer.operations(model)
    custom = sorted(name.strip("[]") for name in found if name.startswith("["))
    return flatbuffer.write(model), {"operations": dict(found), "custom": custom}


def _calibration(signatures: list[str], probes: Arrays) -> Iterator[Any]:
    for name in signatures:
        for inputs in probes[name]:
            yield (name, inputs) if len(signatures) > 1 else inputs


def run(path: Path, probes: Arrays, repeats: int) -> tuple[Arrays, dict[str, Any]]:
    """Ask the plain interpreter every probe, twice, the second time in reverse order.

    Args:
        path: of the file.
        probes: for each signature inputs by name.
        repeats: how often the last probe of each signature is timed.

    Returns:
        The answers; and `stable`, whether the second ones were the first ones bit by bit, and
        `milliseconds`, the median of each signature, one thread, the way through Python included.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=1)
    runners = {name: interpreter.get_signature_runner(name) for name in probes}
    answers = {name: [_ask(runners[name], x) for x in several] for name, several in probes.items()}
    stable = all(
        np.array_equal(again[key], answer[key], equal_nan=True)
        for name, several in probes.items()
        for x, answer in reversed(list(zip(several, answers[name], strict=True)))
        for again in [_ask(runners[name], x)]
        for key in answer
    )
    milliseconds = {}
    for name, several in probes.items():
        seconds = []
        for _ in range(repeats):
            start = time.perf_counter()
            runners[name](**several[-1])
            seconds.append(time.perf_counter() - start)
        milliseconds[name] = 1e3 * statistics.median(seconds) if seconds else None
    return answers, {"stable": stable, "milliseconds": milliseconds}


def _ask(runner: Any, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: np.array(value) for name, value in runner(**inputs).items()}  # a copy


if __name__ == "__main__":
    main(Path(sys.argv[1]))
