"""Reads the tagged sentences of a TensorFlow Datasets set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kseq.data import tfds_sets
from kseq.data.conll import Sentence
from kseq.errors import UserError

TOKENS = ("tokens", "words")
TAGS = ("tags", "ner", "ner_tags")  # conll2003 has `pos` and `chunks` beside `ner`


def read_tfds(
    name: str,
    data_dir: str | None = None,
    token_feature: str | None = None,
    tag_feature: str | None = None,
) -> dict[str, list[Sentence]]:
    """The splits of a set as sentences; empty ones (conll2003 has some) are left out.

    Args:
        name: as `tfds.load` takes it: `"conll2003"`, `"wikiann/zh"`.
        data_dir: where prepared sets lie; None for the default, `~/tensorflow_datasets` or
            `$TFDS_DATA_DIR`.
        token_feature: a sequence of texts; None for one named as in `TOKENS`, or the only one.
        tag_feature: a sequence of class labels; None for one named as in `TAGS`, or the only one.

    Returns:
        Sentences by `"train"`, `"validation"`, `"test"`; only `"train"` is always there. Their
        `line` is the number of the example, from 1.

    Raises:
        UserError: when the set cannot be prepared or holds no tagged sentences.
    """
    import tensorflow_datasets as tfds

    builder = tfds_sets.open_set(name, data_dir)
    features = builder.info.features
    sequences = {
        key: feature.feature
        for key, feature in (features.items() if hasattr(features, "items") else ())
        if isinstance(feature, tfds.features.Sequence)
    }

    def find(kind: type, wanted: str | None, usual: tuple[str, ...]) -> str:
        found = [key for key, feature in sequences.items() if isinstance(feature, kind)]
        return _one(name, f"sequence of {kind.__name__}", found, wanted, usual)

    tokens = find(tfds.features.Text, token_feature, TOKENS)
    tags = find(tfds.features.ClassLabel, tag_feature, TAGS)
    names = sequences[tags].names
    parts = {}
    for part, split in tfds_sets.prepare(name, builder).items():
        examples = builder.as_dataset(split=split, shuffle_files=False)
        pairs = examples.map(lambda example: (example[tokens], example[tags])).as_numpy_iterator()
        parts[part] = list(_sentences(f"{name}, {split}", pairs, names))
    return parts


def _sentences(where: str, pairs: Iterator[tuple[Any, Any]], names: list[str]) -> Iterator[Sentence]:
    for number, (tokens, tags) in enumerate(pairs, 1):
        if len(tokens) != len(tags) or min(tags, default=0) < 0:
            raise UserError(f"{where} example {number}: {len(tokens)} tokens, but not one tag for each")
        if len(tokens):
            texts = tuple(token.decode("utf-8") for token in tokens)
            yield Sentence(texts, tuple(names[tag] for tag in tags), number)


def _one(name: str, kind: str, found: list[str], wanted: str | None, usual: tuple[str, ...]) -> str:
    """The feature to read: the wanted one, or the first of the usual names, or the only one."""
    for key in (wanted,) if wanted else usual:
        if key in found:
            return key
    if len(found) == 1 and not wanted:
        return found[0]
    names = wanted or " or ".join(usual)
    raise UserError(f"tfds set {name!r} has no {kind} named {names}, only {found}")
