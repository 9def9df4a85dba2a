"""Files that are either whole or not there."""

import contextlib
import csv
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Gives a temporary path beside `path` that takes its place when the block ends without error.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "note.txt"
        >>> with replacing(target) as temporary:
        ...     _ = temporary.write_text("whole")
        >>> target.read_text()
        'whole'

    Args:
        path: The file to be written; one that exists stays as it is until the new one is complete.

    Yields:
        A path in the same directory with the same suffix.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}-{os.getpid()}{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Writes a UTF-8 file at once.

    Args:
        path: The file, replaced if it exists.
        text: Its content.
    """
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, content: Any) -> None:
    """Writes a JSON file at once; NaN and infinity, which JSON does not know, become null.

    Args:
        path: The file, replaced if it exists.
        content: Dictionaries, lists, texts and numbers (NumPy scalars too).
    """
    write_text(path, json.dumps(plain(content), indent=2, ensure_ascii=False) + "\n")


def read_history(path: str | Path) -> dict[str, list[float]]:
    """Reads the CSV file that `keras.callbacks.CSVLogger` writes.

    Args:
        path: The file.

    Returns:
        Column to one number an epoch, `epoch` counting from 0; NaN where a value is missing.
    """
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {key: [_number(row[key]) for row in rows] for key in (rows[0] if rows else ())}


def plain(value: Any) -> Any:
    """Reduces a value to what JSON and YAML can hold.

    Args:
        value: Dictionaries, lists, tuples, paths, texts, numbers, NumPy scalars and arrays.

    Returns:
        Dictionaries, lists, texts, numbers; NaN and infinity, which JSON does not know, as None.
    """
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):  # NumPy scalars and arrays
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _number(text: str | None) -> float:
    try:
        return float(text)
    except (TypeError, ValueError):
        return math.nan
