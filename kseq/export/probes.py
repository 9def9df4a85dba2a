"""Inputs that an export is tried on, and how far its answers are from the model's."""

from pathlib import Path
from typing import Any

import numpy as np

#: for each signature several times its inputs, or outputs, by name
Arrays = dict[str, list[dict[str, np.ndarray]]]
LENGTHS = (7, 12, 1)  # of sequences, where the length is free
BETWEEN = "|"


def drawn(inputs: list[Any], count: int = 3, seed: int = 0) -> list[dict[str, np.ndarray]]:
    """Random inputs for tensor specifications: normal numbers, ids 0 and 1, True and False."""
    rng = np.random.default_rng(seed)
    found = []
    for length in LENGTHS[:count]:
        shapes = {spec.name: [length if n is None else n for n in spec.shape] for spec in inputs}
        found.append({spec.name: _draw(rng, shapes[spec.name], spec.dtype.as_numpy_dtype) for spec in inputs})
    return found


def _draw(rng: np.random.Generator, shape: list[int], dtype: Any) -> np.ndarray:
    if np.issubdtype(dtype, np.floating):
        return rng.normal(size=shape).astype(dtype)
    return rng.integers(0, 2, shape).astype(dtype)


def pack(path: Path, arrays: Arrays) -> None:
    """Write arrays into one file."""
    flat = {
        BETWEEN.join((name, str(n), key)): value
        for name, several in arrays.items()
        for n, inputs in enumerate(several)
        for key, value in (inputs or {"": np.zeros(0)}).items()  # no inputs leave a trace too
    }
    np.savez(path, **flat)


def unpack(path: Path) -> Arrays:
    """Read what `pack` wrote."""
    arrays: Arrays = {}
    with np.load(path) as flat:
        for joined in flat.files:
            name, n, key = joined.split(BETWEEN)
            several = arrays.setdefault(name, [])
            while len(several) <= int(n):
                several.append({})
            if key:
                several[int(n)][key] = flat[joined]
    return arrays


def gap(theirs: np.ndarray, ours: np.ndarray) -> float:
    """The largest difference relative to the larger of 1 and the value; of ids the share that differs."""
    if theirs.shape != ours.shape:
        return np.inf
    if ours.dtype.kind != "f":
        return float(np.mean(theirs != ours)) if ours.size else 0.0
    worst = np.max(np.abs(theirs - ours) / np.maximum(1.0, np.abs(ours)), initial=0.0)
    return float(worst) if np.isfinite(worst) else np.inf
