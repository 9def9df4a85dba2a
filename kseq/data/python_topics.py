"""The embedded default text: Python's own reference, as a TensorFlow Datasets builder.

Importing this module imports `tensorflow_datasets`, which is slow, and registers the builder:
`tfds.load("kseq_python_topics")` works afterwards. `kseq.data.read_splits` does it when asked to.
"""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator, Mapping

import tensorflow_datasets as tfds

from kseq.errors import UserError

# Held out, by name, so that every Python version splits alike; each list holds one long topic, some
# short ones, statements, expressions and types. A topic not named here is for training.
VALIDATION_TOPICS = frozenset({"import", "calls", "slicings", "global", "assert", "lambda"})
TEST_TOPICS = frozenset({"execmodel", "raise", "subscriptions", "typesmethods", "booleans", "return"})
# Shorter paragraphs (headings, "Changed in version 3.8: ...") may repeat.
MIN_REPEAT = 80

_DESCRIPTION = """\
The help topics of Python's `pydoc_data.topics` (what `help("if")` shows): excerpts from the Python
language and library reference, English prose with code and grammar, about 0.4 million characters.
Every CPython carries it, so nothing is downloaded. The text differs a little between Python
versions; the configuration names the version, and figures are comparable within one version only.
Topics quote one another at length: a paragraph that stands in several of them is kept once, in
the longest, and a topic that is left with less than half of its text is dropped, so no split
repeats another. Splits are by whole topics: about 90% train, 5% validation and 5% test. Small,
technical and of one
style: good for trying things out, not a benchmark.
"""


class KseqPythonTopics(tfds.core.GeneratorBasedBuilder):
    """Python's help topics as text: one example a topic, in alphabetical order.

    Splits `train`, `validation` and `test`, by whole topics; the only feature is `text`. See
    `distinct_topics` for what is left out.
    """

    name = "kseq_python_topics"
    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [
        tfds.core.BuilderConfig(
            name=f"python{sys.version_info.major}.{sys.version_info.minor}",
            description="The topics of the Python version in the name.",
        )
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=_DESCRIPTION,
            features=tfds.features.FeaturesDict({"text": tfds.features.Text()}),
            homepage="https://docs.python.org/3/reference/",
            license="Python Software Foundation License Version 2",
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        del dl_manager  # nothing to download
        return {split: self._generate_examples(texts) for split, texts in split_topics().items()}

    def _generate_examples(self, texts: Mapping[str, str]) -> Iterator[tuple[int, dict[str, str]]]:
        for key, (_, text) in enumerate(sorted(texts.items())):
            yield key, {"text": text}


def prepare(builder: KseqPythonTopics) -> None:
    """Builds the set where tfds keeps its sets, without progress bars and messages."""
    quiet = io.StringIO()
    with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
        builder.download_and_prepare(download_config=tfds.download.DownloadConfig(try_download_gcs=False))


def split_topics(topics: Mapping[str, str] | None = None) -> dict[str, dict[str, str]]:
    """The distinct topics by split: `{"train": {name: text}, "validation": ..., "test": ...}`.

    Args:
        topics: text by name; None for those of the running Python.
    """
    splits: dict[str, dict[str, str]] = {"train": {}, "validation": {}, "test": {}}
    for name, text in distinct_topics(python_topics() if topics is None else topics).items():
        if name in VALIDATION_TOPICS:
            splits["validation"][name] = text
        elif name in TEST_TOPICS:
            splits["test"][name] = text
        else:
            splits["train"][name] = text
    return splits


def distinct_topics(topics: Mapping[str, str]) -> dict[str, str]:
    """Topics without what they quote from one another.

    A paragraph of `MIN_REPEAT` characters or more stays in the longest topic that has it; a topic
    that is left with less than half of its text goes.

    Args:
        topics: text by name.

    Returns:
        The remaining text by name, paragraphs unchanged and one newline at the end.
    """
    seen: set[str] = set()
    distinct = {}
    for name in sorted(topics, key=lambda name: (-len(topics[name]), name)):
        kept = []
        for paragraph in topics[name].strip().split("\n\n"):
            words = " ".join(paragraph.split())  # indentation differs between quotations
            if len(words) < MIN_REPEAT or words not in seen:
                kept.append(paragraph)
                seen.add(words)
        text = "\n\n".join(kept) + "\n"
        if 2 * len(text) >= len(topics[name]):
            distinct[name] = text
    return distinct


def python_topics() -> dict[str, str]:
    """The help topics of the running Python, text by name.

    Raises:
        UserError: when this Python was installed without them.
    """
    try:
        from pydoc_data.topics import topics
    except ImportError:
        raise UserError(
            "this Python has no `pydoc_data.topics`, the default text; give a text file or a tfds name"
        ) from None
    return dict(topics)
