"""Reads the pairs of texts of a TensorFlow Datasets set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from kseq.data import tfds_sets
from kseq.data.pair_columns import Wanted, choose_languages, choose_pair
from kseq.data.pairs import Line
from kseq.errors import UserError

Texts = tuple[tf.Tensor, tf.Tensor]


def read_tfds(
    name: str, data_dir: str | None = None, wanted: Wanted | None = None
) -> tuple[dict[str, list[Line]], str]:
    """The splits of a set as pairs.

    Args:
        name: as `tfds.load` takes it: `"wmt14_translate/de-en"`, `"ted_hrlr_translate/pt_to_en"`.
        data_dir: where prepared sets lie; None for the default, `~/tensorflow_datasets` or
            `$TFDS_DATA_DIR`.
        wanted: languages of a translation, or columns, which are features that are texts; None to find
            them: a translation as its `supervised_keys` say, or else texts by usual names.

    Returns:
        Pairs by `"train"`, `"validation"`, `"test"`, only `"train"` being always there; their `line` is the
        number of the example, from 1. And a remark on what was chosen, or `""`.

    Raises:
        UserError: when the set cannot be prepared or holds no pairs of texts.
    """
    builder = tfds_sets.open_set(name, data_dir)
    choose, remark = _chooser(name, builder, wanted or Wanted())
    parts = {}
    for part, split in tfds_sets.prepare(name, builder).items():
        examples = builder.as_dataset(split=split, shuffle_files=False)
        parts[part] = [
            Line(number, source.decode("utf-8").strip(), target.decode("utf-8").strip())
            for number, (source, target) in enumerate(examples.map(choose).as_numpy_iterator(), 1)
        ]
    return parts, remark


def _chooser(name: str, builder: Any, wanted: Wanted) -> tuple[Callable[[dict[str, Any]], Texts], str]:
    """From an example to its source and target; and which they are."""
    import tensorflow_datasets as tfds

    features = builder.info.features
    items = list(features.items()) if hasattr(features, "items") else []
    inner = [(key, feature) for key, feature in items if isinstance(feature, tfds.features.Translation)]
    whole = isinstance(features, tfds.features.Translation)
    if (whole or inner) and not wanted.columns:
        key, translation = (None, features) if whole else inner[0]
        found = sorted(translation)
        pair = builder.info.supervised_keys or ()
        if sorted(pair) == found:
            found = list(pair)
        source, target = choose_languages(found, wanted.languages, f"tfds set {name!r}")
        remark = f"{source} to {target}"
        return lambda example: _two(example if key is None else example[key], source, target), remark
    texts = [key for key, feature in items if isinstance(feature, tfds.features.Text)]
    where = f"tfds set {name!r}, features of the kind Text"
    if len(texts) < 2:
        raise UserError(f"{where}: a source and a target were expected, found {texts}, and no Translation")
    columns = choose_pair(texts, len(texts), wanted, where)
    return lambda example: _two(example, texts[columns.source], texts[columns.target]), columns.remark


def _two(example: dict[str, tf.Tensor], source: str, target: str) -> Texts:
    return example[source], example[target]
