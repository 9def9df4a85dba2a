"""Reads the texts of a TensorFlow Datasets set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf

from kseq.data import tfds_sets
from kseq.errors import UserError

if TYPE_CHECKING:
    import tensorflow_datasets as tfds


def read_tfds(name: str, data_dir: str | None = None) -> dict[str, str]:
    """The splits of a set as texts, the examples of a split joined by line ends in their order.

    The text is the feature `text`, or else the only string feature there is.

    Args:
        name: as `tfds.load` takes it: `"tiny_shakespeare"`, `"glue/sst2"`.
        data_dir: where prepared sets lie; None for the default, `~/tensorflow_datasets` or
            `$TFDS_DATA_DIR`.

    Returns:
        Text by `"train"`, `"validation"`, `"test"`; only `"train"` is always there.

    Raises:
        UserError: when the set cannot be prepared or holds no text.
    """
    builder = tfds_sets.open_set(name, data_dir)
    feature = _text_feature(name, builder)
    texts = {}
    for part, split in tfds_sets.prepare(name, builder).items():
        examples = builder.as_dataset(split=split, shuffle_files=False)
        strings = examples.map(lambda example: example[feature]).as_numpy_iterator()
        texts[part] = "\n".join(string.decode("utf-8") for string in strings)
    return texts


def _text_feature(name: str, builder: tfds.core.DatasetBuilder) -> str:
    features = builder.info.features
    strings = [
        key
        for key, feature in (features.items() if hasattr(features, "items") else ())
        if isinstance(spec := feature.get_tensor_spec(), tf.TensorSpec)
        and spec.dtype == tf.string
        and spec.shape.rank == 0
    ]
    if "text" in strings:
        return "text"
    if len(strings) == 1:
        return strings[0]
    raise UserError(
        f"tfds set {name!r} has no feature `text` and {len(strings)} string features "
        f"{strings}, where exactly one was expected"
    )
