"""Names of runs: directories, and words that one types."""

import datetime
import os
import re
from pathlib import Path

from kseq.errors import UserError


def default_name(root: str | os.PathLike, task: str, data: str) -> str:
    """A name that is not taken, made of the data's name and the time.

    Args:
        root: The directory of all runs.
        task: Name of the pipeline.
        data: Path or name of the data.

    Returns:
        Such as `shakespeare-20260131-154501`.
    """
    stem = re.sub(r"[^A-Za-z0-9_]+", "-", Path(data).name.split(".")[0]).strip("-_") or "run"
    name = first = f"{stem[:40]}-{datetime.datetime.now():%Y%m%d-%H%M%S}"
    number = 1
    while (Path(root) / task / name).exists():
        number += 1
        name = f"{first}-{number}"
    return name


def check_name(name: str) -> None:
    """Raises unless `name` can be a directory's name everywhere and needs no quotes in a shell.

    Args:
        name: The name.

    Raises:
        UserError: It holds other characters than letters, digits, `.`, `_` and `-`.
    """
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
        raise UserError(
            f"`name` must be letters, digits, `.`, `_` and `-`, not starting with `.` or `-`, got {name!r}"
        )
