"""Reads the texts of a TensorFlow Datasets set. Imports `tensorflow_datasets`, which is slow, on use."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

import tensorflow as tf

from kseq.errors import UserError

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

# name, name/config, each with :version
NAME = re.compile(r"(?P<name>[a-zA-Z]\w*)(/[\w.+-]+)?(:[\d.*]+)?")
SPLITS = {"train": ("train",), "validation": ("validation", "valid", "dev"), "test": ("test",)}


def is_known(source: str) -> bool:
    """Whether the set that a string names, with or without configuration and version, exists."""
    match = NAME.fullmatch(source)
    return match is not None and match["name"] in _names()


def near_names(source: str) -> list[str]:
    """Up to three names of sets that look like a string."""
    return difflib.get_close_matches(source, _names(), n=3)


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
    import tensorflow_datasets as tfds

    from kseq.data import python_topics

    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except (ValueError, AssertionError) as error:
        raise UserError(f"tfds cannot open {name!r}: {_first_line(error)}") from None
    feature = _text_feature(name, builder)
    try:
        if isinstance(builder, python_topics.KseqPythonTopics):
            python_topics.prepare(builder)
        else:
            builder.download_and_prepare()
    except (OSError, ImportError, AssertionError, tfds.download.DownloadError) as error:
        raise UserError(
            f"tfds cannot prepare {name!r} in {builder.data_path}: {_first_line(error)}; "
            "set TFDS_DATA_DIR to a folder that holds it or can be written, or give a path"
        ) from None

    texts = {}
    for split, names in SPLITS.items():
        present = [candidate for candidate in names if candidate in builder.info.splits]
        if present:
            examples = builder.as_dataset(split=present[0], shuffle_files=False)
            strings = examples.map(lambda example: example[feature]).as_numpy_iterator()
            texts[split] = "\n".join(string.decode("utf-8") for string in strings)
    if "train" not in texts:
        raise UserError(f"tfds set {name!r} has no train split, only {list(builder.info.splits)}")
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


def _names() -> list[str]:
    import tensorflow_datasets as tfds

    import kseq.data.python_topics  # noqa: F401  registers the embedded set

    return tfds.list_builders(with_community_datasets=False)


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
