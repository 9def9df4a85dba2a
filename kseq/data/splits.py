"""Where the parts of a data set come from: files or a tfds name; and how those it lacks are made."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from kseq.data import tfds_sets
from kseq.data.text_files import PREFIXES, find_split_files
from kseq.errors import UserError, fraction

Part = TypeVar("Part", bound=Sequence)


class Wording(NamedTuple):
    """How a note and an error speak of what is split; `{}` stands for a percentage."""

    unit: str  # what is counted
    several: str  # the share of validation and test together
    one: str  # the share of one of them


def find_source(source: str | os.PathLike[str], anywhere: bool = False) -> tuple[str, dict[str, Path]]:
    """What a source is: the short name of the data set and the file of each part that it has.

    Args:
        source: a file, a folder of split files or a tfds name. What exists as a path is one. A `*` in a
            path stands for the part: `"sst/stsa.binary.*"` has `stsa.binary.train.gz` to train on and
            `stsa.binary.dev`, which another set in the same folder does not disturb.
        anywhere: see `find_split_files`.

    Returns:
        The name; path by `"train"`, `"validation"`, `"test"`, and no path at all for a tfds name.

    Raises:
        UserError: when it is none of the three.
    """
    source = os.fspath(source)
    if not source:
        raise UserError("`source` must be a path or a tfds name, got an empty string")
    path = Path(source).expanduser()
    if path.is_dir():
        return path.resolve().name, find_split_files(path, anywhere)
    if path.exists():
        return path.name.split(".")[0] or path.name, {"train": path}
    if path.name.count("*") == 1:
        return path.name.split("*")[0].rstrip("._-") or path.resolve().parent.name, _find_pattern(path)
    if tfds_sets.is_known(source):
        return source, {}
    raise UserError(_not_found(source))


def _find_pattern(path: Path) -> dict[str, Path]:
    """The file of each part, told by what the `*` of the path's name stands for."""
    start, end = path.name.split("*")
    found: dict[str, Path] = {}
    for part, words in PREFIXES.items():
        files = [
            file
            for word in words
            for file in sorted(path.parent.glob(f"{start}{word}*{end}"))
            if file.is_file()
        ]
        if len(files) > 1:
            names = ", ".join(file.name for file in files)
            raise UserError(f"{path} has {len(files)} files for the {part} part ({names}); leave one")
        if files:
            found[part] = files[0]
    if "train" not in found:
        raise UserError(f"{path}: no file {start}train*{end} in {path.parent}")
    return found


def check_fractions(validation: float, test: float) -> None:
    """Raises unless both are fractions that leave something to train on."""
    if fraction("validation", validation) + fraction("test", test) >= 1:
        raise UserError(f"`validation` and `test` must leave text to train on, got {validation} and {test}")


def complete(
    parts: dict[str, Part], validation: float, test: float, source: str, wording: Wording
) -> tuple[dict[str, Part], str]:
    """Cuts the lacking parts off the end of the training part; says how in a sentence.

    Args:
        parts: `"train"` and, it may be, `"validation"` and `"test"`.
        validation: fraction of the training part that becomes the validation part if there is none.
        test: the same for the test part; 0 for none: the validation part then serves as both.
        source: the name to give in errors.
        wording: the words for them and the note.

    Returns:
        All three parts, and the note.

    Raises:
        UserError: when there is no validation part to be had or the training part is too short.
    """
    shares = {"validation": validation, "test": test}
    lacking = {part: share for part, share in shares.items() if part not in parts and share > 0}
    if "validation" not in parts and "validation" not in lacking:
        raise UserError(
            f"{source} has no validation part and `validation` is 0: give a fraction such as 0.05"
        )
    whole = parts["train"]
    # Rounded up, so that the training text ends where `text[:int(0.9 * len(text))]` does; rounded
    # first, because 0.07 * 100 is a little more than 7.
    sizes = {part: math.ceil(round(len(whole) * share, 6)) for part, share in lacking.items()}
    start = len(whole) - sum(sizes.values())
    if start < 1:
        raise UserError(f"{source} is too short to split: it has {len(whole)} {wording.unit}")
    result = {**parts, "train": whole[:start]}
    for part, size in sizes.items():
        result[part], start = whole[start : start + size], start + size
    note = _note(parts, lacking, wording)
    if "test" not in result:
        result["test"] = result["validation"]
        note += "; there is no test part, so validation serves as test"
    return result, note


def _note(given: dict[str, Part], lacking: dict[str, float], wording: Wording) -> str:
    total = sum(lacking.values())
    if len(lacking) == 2:
        first, second = lacking.values()
        return (
            f"validation and test are {wording.several.format(_percent(total))}: "
            f"{_percent(1 - total)} train, {_percent(first)} validation, {_percent(second)} test"
        )
    sentences = [f"{part} is {wording.one.format(_percent(total))}" for part in lacking]
    own = [part for part in ("validation", "test") if part in given]
    if own:
        sentences.append(f"{' and '.join(own)} as the source gives {'them' if own[1:] else 'it'}")
    return ", ".join(sentences)


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"


def _not_found(source: str) -> str:
    if len(Path(source).parts) > 1 or Path(source).suffix or source.startswith(("~", ".")):
        return f"no such file: {source}"
    near = tfds_sets.near_names(source)
    guess = f" (near names: {', '.join(near)})" if near else ""
    return f"{source!r} is neither a file, a folder nor a tfds name{guess}; give one of these"
