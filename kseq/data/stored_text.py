"""A corpus whose ids lie on disk: for texts that do not fit memory."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

from kseq.data.splits import check_fractions, find_source
from kseq.data.stored import Store, StoredIds
from kseq.data.vocabulary import Vocabulary
from kseq.errors import UserError


@dataclass(frozen=True)
class StoredCorpus:
    """Ids in three parts, and their vocabulary.

    Args:
        name: short name of the text.
        note: one sentence: how the parts came about.
        vocabulary: of the training part.
        train: to train on.
        validation: to stop and choose by.
        test: to report on.
    """

    name: str
    note: str
    vocabulary: Vocabulary
    train: StoredIds
    validation: StoredIds
    test: StoredIds


def read_stored(
    source: str | os.PathLike[str],
    cache: str | os.PathLike[str],
    level: str = "char",
    max_vocab: int | None = None,
    min_count: int = 1,
    validation: float = 0.05,
    test: float = 0.05,
) -> StoredCorpus:
    """Reads a text in pieces, once, and keeps its ids in a directory, where later calls find them.

    At level `"char"` parts and ids are those of `read_splits` and `Vocabulary.build`; at level
    `"word"` parts are cut by words instead of by characters.

    Args:
        source: a text file, plain or `.gz`, or a folder with `train*` and, it may be, `valid*` and `test*`.
        cache: directory of ids.
        level: as of `Vocabulary`.
        max_vocab: as of `Vocabulary.build`.
        min_count: as of `Vocabulary.build`.
        validation: fraction of the training text that becomes the validation part where there is none.
        test: the same for the test part; 0: the validation part serves as both.

    Raises:
        UserError: the source is missing, no text or too short, or the cache cannot be written.
    """
    check_fractions(validation, test)
    name, files = find_source(source)
    if not files:
        raise UserError(f"a tfds set, such as {os.fspath(source)!r}, is read into memory: leave out `cache`")
    stores = {part: Store.make(path, level, Path(cache)) for part, path in files.items()}
    whole = stores["train"].size
    shares = {"validation": validation, "test": test}
    sizes = {
        part: math.ceil(round(whole * share, 6))
        for part, share in shares.items()
        if part not in stores and share > 0
    }
    if "validation" not in {*stores, *sizes}:
        raise UserError(
            f"{source} has no validation part and `validation` is 0: give a fraction such as 0.05"
        )
    end = whole - sum(sizes.values())
    if end < 1:
        raise UserError(f"{source} is too short to split: it has {whole} tokens")
    vocabulary = Vocabulary.of_counts(stores["train"].counts(0, end), level, max_vocab, min_count)
    ids = {"train": StoredIds(stores["train"], vocabulary, 0, end)}
    for part in shares:
        if part in stores:
            ids[part] = StoredIds(stores[part], vocabulary, 0, stores[part].size)
        elif part in sizes:
            ids[part] = StoredIds(stores["train"], vocabulary, end, end + sizes[part])
            end += sizes[part]
    ids.setdefault("test", ids["validation"])
    cut = ", ".join(f"{part} is the last {shares[part]:.3g} of the training text" for part in sizes)
    note = f"ids on disk{'; ' + cut if cut else ''}"
    if "test" not in {*stores, *sizes}:
        note += "; there is no test part, so validation serves as test"
    return StoredCorpus(name, note, vocabulary, **ids)
