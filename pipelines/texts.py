"""A text for a language model: its three parts as ids, as batches, and as n-grams."""

import dataclasses
from typing import TYPE_CHECKING, Any

from pipelines.task import PARTS

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf

    from kseq.data import Vocabulary
    from kseq.data.stored import StoredIds
    from kseq.models import NGramModel

NGRAM_TOKENS = 1_000_000  # the last ones, that the baseline counts of a text larger than memory


@dataclasses.dataclass(frozen=True)
class Data:
    """The three parts of a text as ids."""

    name: str
    note: str
    vocabulary: "Vocabulary"
    train: "np.ndarray | StoredIds"
    validation: "np.ndarray | StoredIds"
    test: "np.ndarray | StoredIds"

    def count(self, part: str) -> int:
        """Tokens of a part."""
        return len(getattr(self, part))

    def batches(self, part: str, config: Any) -> "tf.data.Dataset":
        """A part as parallel streams: to train on, as many as a batch has rows."""
        from kseq.data import contiguous_streams

        ids = getattr(self, part)
        few = min(8, max(1, len(ids) // 1000))
        rows = {"train": config.batch_size, "validation": few, "test": 1}[part]
        return contiguous_streams(ids, rows, config.time_steps, self.vocabulary.bos_id)


def read(config: Any) -> Data:
    """Read the text and turn it into ids."""
    from kseq.data import Vocabulary, read_splits, read_stored

    shares = {"validation": config.validation, "test": config.test}
    known = (config.level, config.max_vocab, config.min_count)
    if config.cache is not None:
        stored = read_stored(config.data, config.cache, *known, **shares)
        return Data(**{field.name: getattr(stored, field.name) for field in dataclasses.fields(Data)})
    corpus = read_splits(config.data, **shares)
    vocabulary = Vocabulary.build(corpus.train, *known)
    parts = {part: vocabulary.encode(getattr(corpus, part)) for part in PARTS}
    return Data(name=corpus.name, note=corpus.note, vocabulary=vocabulary, **parts)


def baseline(config: Any, data: Data) -> "NGramModel":
    """The n-gram model of the training text."""
    from kseq.models import NGramModel

    order = config.ngram_order or (8 if config.level == "char" else 5)
    order = min(order, len(data.train))
    text = data.train if config.cache is None else data.train[-NGRAM_TOKENS:]
    excluded = (data.vocabulary.pad_id, data.vocabulary.bos_id)
    return NGramModel(order, modified=True).fit(text, len(data.vocabulary), excluded)
