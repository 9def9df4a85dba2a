"""A corpus of labelled texts, from tables, folders or a TensorFlow Datasets set."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kseq.data import tfds_labelled
from kseq.data.columns import Column
from kseq.data.label_choice import Choice, choose_labels, sort_labels
from kseq.data.labelled_folders import find_label_paths, read_labels
from kseq.data.splits import Wording, check_fractions, complete, find_source
from kseq.data.tables import Example, open_table
from kseq.errors import UserError

Parts = dict[str, list[Example]]


@dataclass(frozen=True)
class LabelledCorpus:
    """Labelled texts in three parts.

    Args:
        name: short name of the set: the file or folder without its endings, or the tfds name.
        note: how the parts came about, what was guessed, and what is odd about the texts.
        labels: of the training part, sorted, as numbers if all are; the other parts have no others.
        train: texts to train on.
        validation: texts to stop and choose by.
        test: texts to report on.
    """

    name: str
    note: str
    labels: tuple[str, ...]
    train: list[Example] = field(repr=False)
    validation: list[Example] = field(repr=False)
    test: list[Example] = field(repr=False)


def read_labelled(
    source: str | os.PathLike[str],
    *,
    validation: float = 0.1,
    test: float = 0.0,
    text_column: Column = None,
    label_column: Column = None,
    labels: Choice | None = None,
    encoding: str = "utf-8",
    seed: int = 0,
    data_dir: str | None = None,
) -> LabelledCorpus:
    r"""Reads labelled texts with their validation and test part, and makes the parts that lack.

    A part that is lacking is drawn at random from the training texts, label by label, so that it has
    each label about as often as they have; the same ones every time. The first text of each label always
    stays in training. A label that training lacks is an error, as it cannot be learnt; `labels` can
    leave it out. Empty texts are kept, and noted.

    Args:
        source: one of these; what exists as a path is taken for one:

            - a file as `read_table` takes it;
            - a folder with such files whose names have `train`, `val` or `dev`, and `test` in them, or a
              path with a `*` for that word where a folder has several sets: `"sst/stsa.fine.*"`;
            - a folder with a file for each label (`pos.txt`, `neg.txt`), one text a line, or a folder for
              each, one text a file; both also in folders `train`, `test` (aclImdb);
            - a tfds name such as `"imdb_reviews"`, `"glue/sst2"`, `"kseq_sentiment/en"`.
        validation: fraction of the training texts that becomes the validation part where there is none.
        test: the same for the test part; 0 for none of its own: the validation part then serves as both.
        text_column: see `read_table`; a name may also be that of a tfds feature. What is found in the
            training file holds for the others.
        label_column: the same.
        labels: which labels to keep and what to call them: `"0,1=negative; 3,4=positive"`, or a mapping
            from old to new; None for all as they are.
        encoding: of the files.
        seed: draws other texts for the parts that are lacking.
        data_dir: where tfds keeps its sets; None for its default.

    Raises:
        UserError: when the source is missing or cannot be read, is too short to split, has fewer than two
            labels to train on, or another part has a label that training lacks.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "twenty.tsv"
        >>> _ = path.write_text("".join(f"what a day {day}\t{day % 2}\n" for day in range(20)))
        >>> corpus = read_labelled(path)
        >>> corpus.labels, len(corpus.train), sorted(example.label for example in corpus.validation)
        (('0', '1'), 18, ['0', '1'])
    """
    check_fractions(validation, test)
    name, parts, places, remarks = _read(source, (text_column, label_column), encoding, data_dir)
    for part, examples in parts.items():
        if not examples:
            raise UserError(f"{places[part]} has no texts")
    parts, left_out = choose_labels(parts, labels)
    if parts.keys() < {"train", "validation", "test"}:
        parts["train"] = _spread(parts["train"], seed)
    wording = Wording(
        "texts",
        f"{{}} of the texts, drawn at random label by label (seed {seed})",
        f"{{}} of the training texts, drawn at random label by label (seed {seed})",
    )
    parts, note = complete(parts, validation, test, os.fspath(source), wording)
    known = _check_labels(parts, places)
    remarks += [*left_out, *_oddities(parts, places)]
    return LabelledCorpus(name=name, note="; ".join([note, *remarks]), labels=known, **parts)


def _read(
    source: str | os.PathLike[str], columns: tuple[Column, Column], encoding: str, data_dir: str | None
) -> tuple[str, Parts, dict[str, Path | str], list[str]]:
    """Name, parts, where each comes from, and remarks."""
    folder = Path(source).expanduser()
    if os.fspath(source) and folder.is_dir() and (paths := find_label_paths(folder)):
        parts = {part: read_labels(labels, encoding) for part, labels in paths.items()}
        places = {part: f"{folder}, {part} part" for part in parts}
        return folder.resolve().name, parts, places, ["labels are the names of files or folders"]
    name, files = find_source(source, anywhere=True)
    if not files:
        parts, remarks = tfds_labelled.read_tfds(name, data_dir, *columns)
        return name, parts, {part: f"{name}, {part} part" for part in parts}, remarks
    remark = ""
    parts = {}
    for part, file in files.items():
        table = open_table(file, *columns, encoding=encoding)
        if part == "train":
            columns, remark = table.columns, table.remark
        parts[part] = table.examples
    return name, parts, files, [remark] if remark else []


def _spread(examples: Sequence[Example], seed: int) -> list[Example]:
    """Shuffled, yet with each label spread evenly, so that any stretch has all of them in proportion."""
    shuffled = list(examples)
    random.Random(seed).shuffle(shuffled)
    total: dict[str, int] = {}
    order = []
    for example in shuffled:
        order.append((total.get(example.label, 0), example))
        total[example.label] = order[-1][0] + 1
    return [example for number, example in sorted(order, key=lambda item: item[0] / total[item[1].label])]


def _check_labels(parts: Parts, places: dict[str, Path | str]) -> tuple[str, ...]:
    """The labels of the training part, which are two or more and all there are."""
    known = sort_labels(example.label for example in parts["train"])
    if len(known) < 2:
        only = f"only the label {known[0]!r}" if known else "no texts"
        raise UserError(
            f"{places['train']}: the training part has {only}, where two labels or more were expected"
        )
    for part, examples in parts.items():
        for example in examples:
            if example.label not in known:
                where = _where(places.get(part, places["train"]), example)
                raise UserError(
                    f"{where}: label {example.label!r}, which no training text has (they have "
                    f"{', '.join(known)}): add some to the training part or leave it out (`labels`)"
                )
    return known


def _oddities(parts: Parts, places: dict[str, Path | str]) -> list[str]:
    """Remarks on empty texts and on texts that training has too."""
    remarks = []
    training = {example.text for example in parts["train"]}
    for part, examples in parts.items():
        if part == "test" and examples is parts["validation"]:
            continue
        empty = [example for example in examples if not example.text]
        if empty:
            place = _where(places.get(part, places["train"]), empty[0])
            remarks.append(f"{_counted(len(empty), 'empty text')} in {part} (first at {place})")
        shared = {example.text for example in examples if example.text} & training
        if part != "train" and shared:
            remarks.append(f"{_counted(len(shared), 'text')} of {part} also in train")
    return remarks


def _where(place: Path | str, example: Example) -> str:
    return f"{place}:{example.line}" if isinstance(place, Path) else f"{place}, text {example.line}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
