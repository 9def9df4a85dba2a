"""Opens TensorFlow Datasets sets. Imports `tensorflow_datasets`, which is slow, on use."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

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


def open_set(name: str, data_dir: str | None = None) -> tfds.core.DatasetBuilder:
    """The builder of a set, whose features are known before anything is prepared.

    Args:
        name: as `tfds.load` takes it: `"tiny_shakespeare"`, `"glue/sst2"`.
        data_dir: where prepared sets lie; None for the default, `~/tensorflow_datasets` or
            `$TFDS_DATA_DIR`.

    Raises:
        UserError: when tfds does not know the set, its configuration or its version.
    """
    import tensorflow_datasets as tfds

    _register()
    try:
        return tfds.builder(name, data_dir=data_dir)
    except (ValueError, AssertionError) as error:
        raise UserError(f"tfds cannot open {name!r}: {_first_line(error)}") from None


def prepare(name: str, builder: tfds.core.DatasetBuilder) -> dict[str, str]:
    """Downloads and builds a set where it is not there yet, and names its splits.

    Args:
        name: the set, for errors.
        builder: from `open_set`.

    Returns:
        Name of the split by `"train"`, `"validation"`, `"test"`; only `"train"` is always there.

    Raises:
        UserError: when the set cannot be prepared or has no training split.
    """
    import tensorflow_datasets as tfds

    from kseq.data import python_topics

    try:
        if type(builder).__module__.startswith("kseq."):
            python_topics.prepare(builder)
        else:
            builder.download_and_prepare()
    except (OSError, ImportError, AssertionError, tfds.download.DownloadError) as error:
        raise UserError(
            f"tfds cannot prepare {name!r} in {builder.data_path}: {_first_line(error)}; "
            "set TFDS_DATA_DIR to a folder that holds it or can be written, or give a path"
        ) from None
    splits = {}
    for part, names in SPLITS.items():
        present = [candidate for candidate in names if candidate in builder.info.splits]
        if present:
            splits[part] = present[0]
    if "train" not in splits:
        raise UserError(f"tfds set {name!r} has no train split, only {list(builder.info.splits)}")
    return splits


def _names() -> list[str]:
    import tensorflow_datasets as tfds

    _register()
    return tfds.list_builders(with_community_datasets=False)


def _register() -> None:
    """Imports the embedded sets, which is how tfds learns of them."""
    import kseq.data.entity_sentences
    import kseq.data.python_topics
    import kseq.data.sentiment_sentences
    import kseq.data.written_dates  # noqa: F401


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
