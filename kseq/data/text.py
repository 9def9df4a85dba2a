"""A corpus: training, validation and test text, from files or from a TensorFlow Datasets set."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from pathlib import Path

from kseq.data import tfds_text
from kseq.data.text_files import find_split_files, read_text
from kseq.errors import UserError, fraction


@dataclass(frozen=True)
class Corpus:
    """Text in three parts.

    Args:
        name: short name of the text: the file or folder without its endings, or the tfds name.
        train: text to train on.
        validation: text to stop and choose by.
        test: text to report on.
        note: one sentence: how the parts came about.
        source: what was given to `read_splits`.
    """

    name: str
    train: str = field(repr=False)
    validation: str = field(repr=False)
    test: str = field(repr=False)
    note: str
    source: str


def read_splits(
    source: str | os.PathLike[str],
    validation: float = 0.05,
    test: float = 0.05,
    data_dir: str | None = None,
) -> Corpus:
    """Reads a text with its validation and test part, and makes the parts that it lacks.

    A part that is lacking is cut off the end of the training text, by characters: training text
    first, then validation, then test. The same source and fractions always give the same parts.
    The whole text is held in memory.

    Args:
        source: a text file, plain or `.gz`; a folder with `train*` and, it may be, `valid*` (or
            `validation*`, `dev*`) and `test*`; or a tfds name such as `"tiny_shakespeare"`. What
            exists as a path is taken for one.
        validation: fraction of the training text that becomes the validation part where there is
            none.
        test: the same for the test part; 0 for none of its own: the validation part then serves
            as both.
        data_dir: where tfds keeps its sets; None for its default.

    Raises:
        UserError: when the source is missing or no text, or too short to split.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "ten.txt"
        >>> _ = path.write_text("abcdefghij")
        >>> corpus = read_splits(path, validation=0.2, test=0.1)
        >>> corpus.train, corpus.validation, corpus.test
        ('abcdefg', 'hi', 'j')
        >>> corpus.note
        'validation and test are the last 30% of the text: 70% train, 20% validation, 10% test'
    """
    _check_fractions(validation, test)
    source = os.fspath(source)
    if not source:
        raise UserError("`source` must be a path or a tfds name, got an empty string")
    path = Path(source).expanduser()
    if path.is_dir():
        parts = {split: read_text(file) for split, file in find_split_files(path).items()}
        name = path.resolve().name
    elif path.exists():
        parts, name = {"train": read_text(path)}, path.name.split(".")[0] or path.name
    elif tfds_text.is_known(source):
        parts, name = tfds_text.read_tfds(source, data_dir), source
    else:
        raise UserError(_not_found(source))
    parts, note = _complete(parts, validation, test, source)
    return Corpus(name=name, note=note, source=source, **parts)


def _complete(
    parts: dict[str, str], validation: float, test: float, source: str
) -> tuple[dict[str, str], str]:
    """Cuts the lacking parts off the end of the training text; says how in a sentence."""
    shares = {"validation": validation, "test": test}
    lacking = {part: share for part, share in shares.items() if part not in parts and share > 0}
    if "validation" not in parts and "validation" not in lacking:
        raise UserError(
            f"{source} has no validation part and `validation` is 0: give a fraction such as 0.05"
        )
    text = parts["train"]
    # Rounded up, so that the training text ends where `text[:int(0.9 * len(text))]` does; rounded
    # first, because 0.07 * 100 is a little more than 7.
    sizes = {part: math.ceil(round(len(text) * share, 6)) for part, share in lacking.items()}
    start = len(text) - sum(sizes.values())
    if start < 1:
        raise UserError(f"{source} is too short to split: it has {len(text)} characters")
    complete = {**parts, "train": text[:start]}
    for part, size in sizes.items():
        complete[part], start = text[start : start + size], start + size
    note = _note(parts, lacking)
    if "test" not in complete:
        complete["test"] = complete["validation"]
        note += "; there is no test part, so validation serves as test"
    return complete, note


def _note(given: dict[str, str], lacking: dict[str, float]) -> str:
    total = sum(lacking.values())
    if len(lacking) == 2:
        first, second = lacking.values()
        return (
            f"validation and test are the last {_percent(total)} of the text: "
            f"{_percent(1 - total)} train, {_percent(first)} validation, {_percent(second)} test"
        )
    sentences = [f"{part} is the last {_percent(total)} of the training text" for part in lacking]
    own = [part for part in ("validation", "test") if part in given]
    if own:
        sentences.append(f"{' and '.join(own)} as the source gives {'them' if own[1:] else 'it'}")
    return ", ".join(sentences)


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"


def _not_found(source: str) -> str:
    if len(Path(source).parts) > 1 or Path(source).suffix or source.startswith(("~", ".")):
        return f"no such file: {source}"
    near = tfds_text.near_names(source)
    guess = f" (near names: {', '.join(near)})" if near else ""
    return f"{source!r} is neither a file, a folder nor a tfds name{guess}; give one of these"


def _check_fractions(validation: float, test: float) -> None:
    if fraction("validation", validation) + fraction("test", test) >= 1:
        raise UserError(f"`validation` and `test` must leave text to train on, got {validation} and {test}")
