"""Labelled texts in folders: a file or a folder for each label."""

from __future__ import annotations

import re
from pathlib import Path

from kseq.data.encodings import read_encoded
from kseq.data.rows import DELIMITERS
from kseq.data.tables import Example
from kseq.data.text_files import PREFIXES
from kseq.errors import UserError

# Folders beside those of the labels that are none: `train/unsup` of aclImdb.
UNLABELLED = ("unsup", "unlabelled", "unlabeled")
NO_LABELS = re.compile(r"(readme|licen[cs]e|copying|source|notes?|vocab)\b", re.IGNORECASE)

Labels = dict[str, Path]


def find_label_paths(folder: Path) -> dict[str, Labels]:
    """The file or folder of each label, by part.

    Args:
        folder: holds `pos.txt`, `neg.txt` and the like, one text a line; or `pos/`, `neg/`, one text a
            file; or either of them in folders `train/`, and it may be `val*/` or `dev*/`, and `test*/`
            (aclImdb). `rt.pos`, `rt.neg`, which differ in their ending alone, are labels `pos`, `neg`.

    Returns:
        Path by label by `"train"`, `"validation"`, `"test"`; empty for a folder of another kind.

    Raises:
        UserError: when it cannot be read.
    """
    folders = [path for path in _visible(folder) if path.is_dir()]
    parts = {
        part: labels
        for part, words in PREFIXES.items()
        for path in folders
        if path.name.lower().startswith(words) and (labels := _label_paths(path))
    }
    if "train" in parts:
        return parts
    if any(path.is_file() and "train" in path.name.lower() for path in _visible(folder)):
        return {}
    labels = _label_paths(folder)
    return {"train": labels} if len(labels) > 1 else {}


def read_labels(labels: Labels, encoding: str = "utf-8") -> list[Example]:
    """The texts of all labels, label after label.

    Args:
        labels: from `find_label_paths`.
        encoding: of the files.

    Raises:
        UserError: when a file cannot be read.
    """
    examples = []
    for label, path in sorted(labels.items()):
        if path.is_dir():
            files = [file for file in _visible(path) if file.is_file()]
            texts = enumerate((_text(file, encoding) for file in files), 1)
        else:
            lines = enumerate(read_encoded(path, encoding).split("\n"), 1)
            texts = ((number, line) for number, line in lines if line.strip())
        examples += [Example(text.strip(), label, number) for number, text in texts]
    return examples


def _label_paths(folder: Path) -> Labels:
    paths = [path for path in _visible(folder) if not NO_LABELS.match(path.name)]
    folders = {path.name: path for path in paths if path.is_dir() and path.name not in UNLABELLED}
    if folders:
        return {name: path for name, path in folders.items() if any(path.iterdir())}
    names = {path: path.name.removesuffix(".gz") for path in paths}
    stems = {Path(name).stem for name in names.values()}
    suffixes = {path: Path(name).suffix for path, name in names.items()}
    if len(paths) > 1 and len(stems) == 1 and not any(suffix in DELIMITERS for suffix in suffixes.values()):
        return {suffix[1:]: path for path, suffix in suffixes.items()}
    return {Path(name).stem: path for path, name in names.items() if name.endswith(".txt")}


def _visible(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.name[0] != ".")
    except OSError as error:
        raise UserError(f"cannot read {folder}: {error.strerror or error}") from None


def _text(path: Path, encoding: str) -> str:
    return read_encoded(path, encoding) if path.stat().st_size else ""
