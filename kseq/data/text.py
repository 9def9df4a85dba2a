"""A corpus: training, validation and test text, from files or from a TensorFlow Datasets set."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from kseq.data import tfds_text
from kseq.data.splits import Wording, check_fractions, complete, find_source
from kseq.data.text_files import read_text

WORDING = Wording("characters", "the last {} of the text", "the last {} of the training text")


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
    check_fractions(validation, test)
    name, files = find_source(source)
    source = os.fspath(source)
    if files:
        parts = {part: read_text(file) for part, file in files.items()}
    else:
        parts = tfds_text.read_tfds(source, data_dir)
    parts, note = complete(parts, validation, test, source, WORDING)
    return Corpus(name=name, note=note, source=source, **parts)
