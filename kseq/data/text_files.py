"""Reads text files, and says in one line what is wrong with one that is no text."""

from __future__ import annotations

import gzip
import re
import zlib
from pathlib import Path

from kseq.errors import UserError

# How the file of a split begins in a directory of splits; `val` covers valid and validation.
PREFIXES = {"train": ("train",), "validation": ("val", "dev"), "test": ("test",)}


def read_text(path: Path) -> str:
    r"""The text of a UTF-8 file, plain or gzip, without byte order mark and with `\n` at line ends.

    Args:
        path: the file. One that begins as gzip does is unpacked whatever its name.

    Raises:
        UserError: when the file cannot be read or unpacked, is empty or is not UTF-8 text.
    """
    data = read_bytes(path)
    for wrong in (data.find(b"\0"), _first_undecodable(data)):
        if wrong >= 0:
            line = data.count(b"\n", 0, wrong) + 1
            raise UserError(
                f"{path} is not a text file: byte 0x{data[wrong]:02x} at offset {wrong} (line {line}) "
                "where UTF-8 text was expected"
            )
    text = data.decode("utf-8-sig").replace("\r\n", "\n")
    if not text.strip():
        raise UserError(f"{path} is empty: a text file with at least a few lines was expected")
    return text


def find_split_files(directory: Path, anywhere: bool = False) -> dict[str, Path]:
    """The files of a directory that hold the splits of a data set, by their names.

    Args:
        directory: holds `train*` and, it may be, `valid*`, `validation*` or `dev*`, and `test*`.
        anywhere: the word may also stand later in the name (`wnut17train.conll`); a file whose name
            has it as a word of its own goes before one that has it within another.

    Returns:
        Path by `"train"`, `"validation"`, `"test"`; only `"train"` is always there.

    Raises:
        UserError: without a file for training, or with more than one for the same split.
    """
    files = visible_files(directory)
    found: dict[str, Path] = {}
    for pattern in ("(?<![a-z])({})", "{}") if anywhere else ("^({})",):
        for split in [split for split in PREFIXES if split not in found]:
            rest = [path for path in files if path not in found.values()]
            if path := _find_one(directory, split, pattern, rest):
                found[split] = path
    if "train" not in found:
        names = ", ".join(path.name for path in files[:5])
        more = f" and {len(files) - 5} more" if len(files) > 5 else ""
        only = f"only {names}{more}" if files else "it holds no files"
        raise UserError(f"{directory} has no file named {'*' * anywhere}train*: {only}")
    return found


def visible_files(directory: Path) -> list[Path]:
    """The files of a directory in order, without those whose name begins with a dot.

    Raises:
        UserError: it cannot be read.
    """
    try:
        return sorted(path for path in directory.iterdir() if path.is_file() and path.name[0] != ".")
    except OSError as error:
        raise UserError(f"cannot read {directory}: {error.strerror or error}") from None


def _find_one(directory: Path, split: str, pattern: str, files: list[Path]) -> Path | None:
    word = re.compile(pattern.format("|".join(PREFIXES[split])))
    candidates = [path for path in files if word.search(path.name.lower())]
    if len(candidates) > 1:
        names = ", ".join(path.name for path in candidates)
        raise UserError(
            f"{directory} has {len(candidates)} files for the {split} part ({names}); "
            "leave one, or give the path of a single file"
        )
    return candidates[0] if candidates else None


def read_bytes(path: Path) -> bytes:
    """The bytes of a file, unpacked if it is a gzip file.

    Args:
        path: the file.

    Raises:
        UserError: it cannot be read.
    """
    try:
        data = path.read_bytes()
        packed = path.suffix == ".gz" or data.startswith(b"\x1f\x8b")
        return gzip.decompress(data) if packed and data else data
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path} is no intact gzip file: {error}") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None


def _first_undecodable(data: bytes) -> int:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start
    return -1
