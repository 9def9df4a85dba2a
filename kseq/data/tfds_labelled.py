"""Reads the labelled texts of a TensorFlow Datasets set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kseq.data import tfds_sets
from kseq.data.columns import LABEL_NAMES, TEXT_NAMES, find_column
from kseq.data.tables import Example
from kseq.errors import UserError

# What a set has as the label of a text whose label is a secret (the test part of glue).
UNLABELLED = -1


def read_tfds(
    name: str,
    data_dir: str | None = None,
    text_feature: int | str | None = None,
    label_feature: int | str | None = None,
) -> tuple[dict[str, list[Example]], list[str]]:
    """The splits of a set as examples; a split without labels is left out, other than training.

    Args:
        name: as `tfds.load` takes it: `"imdb_reviews"`, `"glue/sst2"`.
        data_dir: where prepared sets lie; None for the default, `~/tensorflow_datasets` or
            `$TFDS_DATA_DIR`.
        text_feature: a text, by name or number; None for one with a usual name, or the only one.
        label_feature: a class label; None likewise.

    Returns:
        Examples by `"train"`, `"validation"`, `"test"`, only `"train"` being always there; remarks on what
        was left out. Their `line` is the number of the example, from 1.

    Raises:
        UserError: when the set cannot be prepared or holds no labelled texts.
    """
    import tensorflow_datasets as tfds

    builder = tfds_sets.open_set(name, data_dir)
    text = _feature(name, builder, tfds.features.Text, "text_column", text_feature, TEXT_NAMES)
    label = _feature(name, builder, tfds.features.ClassLabel, "label_column", label_feature, LABEL_NAMES)
    names = builder.info.features[label].names

    def pair(example: dict[str, Any]) -> tuple[Any, Any]:
        return example[text], example[label]

    parts, remarks = {}, []
    for part, split in tfds_sets.prepare(name, builder).items():
        examples = builder.as_dataset(split=split, shuffle_files=False)
        pairs = list(examples.map(pair).as_numpy_iterator())
        if part != "train" and all(number == UNLABELLED for _, number in pairs):
            remarks.append(f"the {split} part of {name} has no labels and is left out")
        else:
            parts[part] = list(_examples(f"{name}, {split}", iter(pairs), names))
    return parts, remarks


def _feature(name: str, builder: Any, kind: type, argument: str, wanted: Any, usual: tuple[str, ...]) -> str:
    features = builder.info.features
    items = features.items() if hasattr(features, "items") else ()
    found = [key for key, feature in items if isinstance(feature, kind)]
    where = f"tfds set {name!r}, features of the kind {kind.__name__}"
    index = find_column(argument, wanted, found, len(found), usual, where)
    if index is None and len(found) != 1:
        raise UserError(f"{where}: one was expected, found {found}; name it (`{argument}`)")
    return found[index or 0]


def _examples(where: str, pairs: Iterator[tuple[bytes, int]], names: list[str]) -> Iterator[Example]:
    for number, (text, label) in enumerate(pairs, 1):
        if label < 0:
            raise UserError(f"{where} example {number}: no label")
        yield Example(text.decode("utf-8").strip(), names[label], number)
