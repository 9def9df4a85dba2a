"""Parallel text in two files, line for line: which files they are, and reading them."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

from kseq.data.encodings import read_encoded
from kseq.data.pair_columns import choose_languages
from kseq.data.pairs import Line
from kseq.data.rows import DELIMITERS
from kseq.data.text_files import PREFIXES, visible_files
from kseq.errors import UserError

LANGUAGE = re.compile(r"[a-zA-Z]{2,8}([-_]\w+)*")
# Endings that look like one.
NO_LANGUAGES = {*(suffix[1:] for suffix in DELIMITERS), "txt", "dict", "json", "md", "xml", "yaml", "zip"}

Files = dict[str, Path]  # by language


class Aligned(NamedTuple):
    """Two files for each part, source and target, and remarks on what was chosen."""

    name: str
    files: dict[str, tuple[Path, Path]]
    remarks: list[str]


def find_aligned(
    source: Path, languages: tuple[str | None, str | None], test_set: str | None = None
) -> Aligned | None:
    """The files of a source that is parallel text in files, each of which ends in its language.

    Args:
        source: a folder with `train.en`, `train.de` and, it may be, `val*`, `valid*` or `dev*`, and `test*`,
            plain or gzip; or a path whose `*` stands for the language, `"europarl/train.*"`.
        languages: source and target; None to find it where there are two.
        test_set: which test set, a pattern for the name without the language; None for the first by name.

    Returns:
        None for a source of another kind.

    Raises:
        UserError: when it is not clear which languages or files are meant.
    """
    if source.name.count("*") == 1:
        return _of_pattern(source, languages)
    if not source.is_dir():
        return None
    sets = _sets(source)
    training = {stem: files for stem, files in _of_part("train", sets).items() if len(files) > 1}
    if not training:
        return None
    found = sorted({language for files in training.values() for language in files})
    pair = choose_languages(found, languages, str(source))
    whole = {stem: files for stem, files in sets.items() if set(pair) <= files.keys()}
    training = _of_part("train", whole)
    if len(training) != 1:
        names = ", ".join(sorted(training)) or "none"
        raise UserError(
            f"{source} must have one training set in {pair[0]} and {pair[1]}, it has {names}; give one as "
            f"`{source / 'NAME.*'}`"
        )
    chosen, remarks = {"train": next(iter(training))}, [_told(pair, found)]
    for part in ("validation", "test"):
        left = {stem: files for stem, files in whole.items() if stem not in chosen.values()}
        given = test_set if part == "test" else None
        candidates = _chosen(source, left, given) if given else sorted(_of_part(part, left))
        if candidates:
            chosen[part], *others = candidates
            if others or given:
                remarks.append(f"{part} is {chosen[part]}{', not ' if others else ''}{', '.join(others)}")
    alone = [stem for stem, files in sets.items() if len(files.keys() & set(pair)) == 1]
    if alone:
        remarks.append(f"in one of the two languages only, and left out: {', '.join(sorted(alone))}")
    files = {part: (whole[stem][pair[0]], whole[stem][pair[1]]) for part, stem in chosen.items()}
    return Aligned(source.resolve().name, files, remarks)


def read_aligned(paths: tuple[Path, Path], encoding: str = "utf-8") -> list[Line]:
    """Pairs of the lines of two files; blank lines that only one has at its end are none.

    Args:
        paths: of sources and targets.
        encoding: of both.

    Raises:
        UserError: when one cannot be read, or they have different numbers of lines.
    """
    sources, targets = (read_encoded(path, encoding).removesuffix("\n").split("\n") for path in paths)
    shorter, longer = sorted((sources, targets), key=len)
    if any(line.strip() for line in longer[len(shorter) :]):
        raise UserError(
            f"{paths[0]} has {len(sources)} lines and {paths[1]} has {len(targets)}: each line of the one "
            "must be the translation of that line of the other"
        )
    pairs = zip(sources, targets, strict=False)
    return [Line(number, source.strip(), target.strip()) for number, (source, target) in enumerate(pairs, 1)]


def _of_pattern(source: Path, wanted: tuple[str | None, str | None]) -> Aligned | None:
    start, end = source.name.split("*")
    files: Files = {}
    for path in sorted(source.parent.glob(source.name)):
        ending = path.name[len(start) :].removesuffix(".gz")
        language = ending.removesuffix(end.removesuffix(".gz"))
        if path.is_file() and _is_language(language):
            files[language] = path
    if len(files) < 2 or any(language.startswith(PREFIXES["train"]) for language in files):
        return None
    pair = choose_languages(sorted(files), wanted, str(source))
    name = start.rstrip("._-")
    if not name or name.startswith(PREFIXES["train"]):
        name = source.resolve().parent.name
    return Aligned(name, {"train": (files[pair[0]], files[pair[1]])}, [_told(pair, sorted(files))])


def _sets(folder: Path) -> dict[str, Files]:
    """The files by name without the language, and by language."""
    sets: dict[str, Files] = {}
    for path in visible_files(folder):
        stem, _, language = path.name.removesuffix(".gz").rpartition(".")
        if stem and _is_language(language):
            sets.setdefault(stem, {})[language] = path
    return sets


def _is_language(ending: str) -> bool:
    return LANGUAGE.fullmatch(ending) is not None and ending.lower() not in NO_LANGUAGES


def _of_part(part: str, sets: dict[str, Files]) -> dict[str, Files]:
    """Those whose name has the part's word, rather as a word of its own than within another."""
    for pattern in ("(?<![a-z])({})", "({})"):
        word = re.compile(pattern.format("|".join(PREFIXES[part])))
        if found := {stem: files for stem, files in sets.items() if word.search(stem.lower())}:
            return found
    return {}


def _chosen(source: Path, sets: dict[str, Files], test_set: str) -> list[str]:
    found = sorted(stem for stem in sets if fnmatch(stem, test_set))
    if len(found) != 1:
        names = ", ".join(found or sorted(sets)) or "none"
        number = f"{len(found)} sets match" if found else "no set matches"
        raise UserError(
            f"{source}: {number} `test_set` {test_set!r}: {'they' if found else 'there'} are {names}"
        )
    return found


def _told(pair: tuple[str, str], found: list[str]) -> str:
    others = [language for language in found if language not in pair]
    return f"{pair[0]} to {pair[1]}{', not ' if others else ''}{', '.join(others)}"
