"""A corpus of pairs of texts, from tables, aligned files, dictionaries or a TensorFlow Datasets set."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from kseq.data import tfds_parallel
from kseq.data.aligned_files import find_aligned, read_aligned
from kseq.data.columns import Column
from kseq.data.pair_columns import Wanted, check_wanted
from kseq.data.pairs import Group, Line, Pair, Place, drop_empty, every_pair, group_by_source, one_a_source
from kseq.data.parallel_tables import read_pair_table
from kseq.data.splits import Wording, check_fractions, complete, find_source
from kseq.errors import UserError


@dataclass(frozen=True)
class ParallelCorpus:
    """Pairs of texts in three parts.

    Args:
        name: short name of the set: the file or folder without its endings, or the tfds name.
        note: how the parts came about, what was chosen and what was left out.
        train: to train on, every pair that there is.
        validation: to stop and choose by, one pair a source with all its references.
        test: to report on, the same.
    """

    name: str
    note: str
    train: list[Pair] = field(repr=False)
    validation: list[Pair] = field(repr=False)
    test: list[Pair] = field(repr=False)


def read_parallel(
    source: str | os.PathLike[str],
    *,
    source_language: str | None = None,
    target_language: str | None = None,
    validation: float = 0.1,
    test: float = 0.0,
    columns: Sequence[Column] | None = None,
    test_set: str | None = None,
    stress: bool = True,
    encoding: str = "utf-8",
    seed: int = 0,
    data_dir: str | None = None,
) -> ParallelCorpus:
    r"""Reads pairs of texts with their validation and test part, and makes the parts that lack.

    A part that is lacking is drawn at random, source by source: all pairs with the same source are in the
    same part, and the same ones every time. In training each target of a source is a pair; in the other
    parts a source is there once, with all its targets as references.

    Args:
        source: one of these; what exists as a path is taken for one:

            - a file of columns, TSV, CSV or JSON lines, plain or gzip as all the others;
            - a folder of such files with `train`, `val` or `dev`, and `test` in their names, or a path
              with a `*` for that word;
            - a folder of aligned files that end in their language, `train.en` and `train.de`, it may be
              `val*`, `valid*` or `dev*`, and `test*`; or a path with a `*` for the language,
              `"europarl/train.*"`;
            - a pronouncing dictionary, `cmudict.dict`: from spelling to phonemes;
            - a tfds name such as `"wmt14_translate/de-en"`, `"kseq_dates"`.
        source_language: of aligned files and translations of tfds; None for the other one of two, the first
            by name if both are None. In a file of columns it is the name of one.
        target_language: the same.
        validation: fraction of the training sources that become the validation part where there is none.
        test: the same for the test part; 0 for none of its own: the validation part then serves as both.
        columns: of source and target, by number, negative from the end, or by name; None for columns with
            usual names (`source` and `target`, `input` and `output`...), else the first two. More may follow.
        test_set: of aligned files with several test sets, which one: a pattern for the name without the
            language, `"test_2017*"`; None for the first by name.
        stress: whether the phonemes of a dictionary keep the digits for their stress.
        encoding: of the files.
        seed: draws other sources for the parts that are lacking.
        data_dir: where tfds keeps its sets; None for its default.

    Raises:
        UserError: when the source is missing or cannot be read, files do not align, more than one pair in
            twenty lacks a side, it is not clear what source and target are, or too little is there to split.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "ten.tsv"
        >>> _ = path.write_text("".join(f"day {n}\tTag {n}\nday {n}\tjour {n}\n" for n in range(10)))
        >>> corpus = read_parallel(path)
        >>> len(corpus.train), corpus.validation
        (18, [Pair(source='day 6', target='Tag 6', line=13, references=('Tag 6', 'jour 6'))])
    """
    check_fractions(validation, test)
    wanted = check_wanted((source_language, target_language), columns)
    found = _read(source, wanted, test_set, stress, encoding, data_dir)
    remarks, groups = list(found.remarks), {}
    for part, lines in found.parts.items():
        kept, remark = drop_empty(lines, part, found.places[part])
        groups[part] = group_by_source(kept)
        remarks += remark
    if groups.keys() < {"train", "validation", "test"}:
        random.Random(seed).shuffle(groups["train"])
    wording = Wording(
        "different sources",
        f"{{}} of the sources, drawn at random (seed {seed})",
        f"{{}} of the training sources, drawn at random (seed {seed})",
    )
    groups, note = complete(groups, validation, test, os.fspath(source), wording)
    remarks += _oddities(groups)
    held_out = one_a_source(groups["validation"])
    return ParallelCorpus(
        name=found.name,
        note="; ".join([note, *remarks]),
        train=every_pair(groups["train"]),
        validation=held_out,
        test=held_out if groups["test"] is groups["validation"] else one_a_source(groups["test"]),
    )


class _Found(NamedTuple):
    name: str
    parts: dict[str, list[Line]]
    places: dict[str, Place]
    remarks: list[str]


def _read(
    source: str | os.PathLike[str],
    wanted: Wanted,
    test_set: str | None,
    stress: bool,
    encoding: str,
    data_dir: str | None,
) -> _Found:
    path = Path(source).expanduser()
    aligned = find_aligned(path, wanted.languages, test_set) if os.fspath(source) else None
    if test_set is not None and not (aligned and path.is_dir()):
        raise UserError(f"{source}: `test_set` is for folders of aligned files, and this is none")
    if aligned:
        _check_none(source, "aligned files", stress, wanted)
        parts = {part: read_aligned(files, encoding) for part, files in aligned.files.items()}
        return _Found(aligned.name, parts, aligned.files, aligned.remarks)
    name, files = find_source(source, anywhere=True)
    if not files:
        _check_none(source, "a tfds set", stress)
        parts, remark = tfds_parallel.read_tfds(name, data_dir, wanted)
        places = {part: (f"{name}, {part}",) * 2 for part in parts}
        return _Found(name, parts, places, [remark] if remark else [])
    parts, remark = {}, ""
    for part, file in sorted(files.items(), key=lambda item: item[0] != "train"):
        table = read_pair_table(file, wanted, stress, encoding)
        if part == "train":
            wanted, remark = table.wanted, table.remark
        parts[part] = table.lines
    places = {part: (file, file) for part, file in files.items()}
    return _Found(name, parts, places, [remark] if remark else [])


def _check_none(
    source: str | os.PathLike[str], what: str, stress: bool, wanted: Wanted | None = None
) -> None:
    """Raises if there is an option that this source has no use for."""
    if wanted and wanted.columns:
        raise UserError(f"{source}: `columns` is for files of columns, and these are {what}")
    if not stress:
        raise UserError(f"{source}: `stress` is for pronouncing dictionaries (.dict), and this is {what}")


def _oddities(groups: dict[str, list[Group]]) -> list[str]:
    """Remarks on sources with several targets and on sources that training has too."""
    own_test = groups["test"] is not groups["validation"]
    parts = {part: groups[part] for part in ("train", "validation", "test")[: 2 + own_test]}
    several = sum(len({line.target for line in group}) > 1 for found in parts.values() for group in found)
    remarks = [f"{_sources(several)} with several targets"] if several else []
    training = {group[0].source for group in groups["train"]}
    for part, found in parts.items():
        shared = sum(group[0].source in training for group in found)
        if part != "train" and shared:
            remarks.append(f"{_sources(shared)} of {part} also in train")
    return remarks


def _sources(number: int) -> str:
    return f"{number} source{'s' * (number != 1)}"
