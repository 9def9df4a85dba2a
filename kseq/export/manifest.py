"""The paper that travels with an exported model: what it is, what it was made from, how good it is."""

import datetime
import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kseq.environment import machine
from kseq.files import write_json

NAME = "manifest.json"


def next_version(root: str | os.PathLike, name: str) -> int:
    """The number of the next export: one above the highest there is, so that none is overwritten.

    Args:
        root: The directory of all exports, usually `saved_models`.
        name: The model's name.

    Returns:
        A number from 1; TensorFlow Serving serves the highest.
    """
    directory = Path(root) / name
    entries = directory.iterdir() if directory.is_dir() else ()
    return 1 + max((int(entry.name) for entry in entries if entry.name.isdecimal()), default=0)


def write_manifest(
    directory: str | os.PathLike,
    *,
    name: str,
    version: int,
    config: Mapping[str, Any],
    metrics: Mapping[str, Any],
    signatures: Mapping[str, Any],
    files: Iterable[str | os.PathLike] | None = None,
) -> Path:
    """Writes manifest.json beside an exported model.

    Args:
        directory: Where the export lies.
        name: The model's name.
        version: Its number.
        config: The configuration it was trained with.
        metrics: What was measured, such as the perplexity of the test text.
        signatures: Name to what goes in and what comes out, in words or shapes.
        files: Paths relative to `directory`, whose size and SHA-256 are written down; `None`: all.

    Returns:
        The manifest's path.

    Raises:
        FileNotFoundError: One of `files` is missing.
    """
    directory = Path(directory)
    if files is None:
        present = (file for file in directory.rglob("*") if file.is_file() and file.name != NAME)
        files = [file.relative_to(directory) for file in present]
    paths = sorted(directory / file for file in files)
    content = {
        "name": name,
        "version": version,
        "created": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "signatures": dict(signatures),
        "metrics": dict(metrics),
        "config": dict(config),
        "made_with": machine(),
        "files": {path.relative_to(directory).as_posix(): _fingerprint(path) for path in paths},
    }
    write_json(directory / NAME, content)
    return directory / NAME


def _fingerprint(path: Path) -> dict[str, Any]:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return {"bytes": path.stat().st_size, "sha256": digest.hexdigest()}
