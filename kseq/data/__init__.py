"""Text to `tf.data`: readers, vocabularies, streams, and the embedded default text.

`read_splits` reads a `Corpus` from files or a tfds set, `Vocabulary` turns text into ids and back,
`contiguous_streams` lays ids out as batches. Nothing here knows a layer or a model.
"""

from kseq.data.streams import contiguous_streams, num_chunks
from kseq.data.text import Corpus, read_splits
from kseq.data.vocabulary import Vocabulary

__all__ = ["Corpus", "Vocabulary", "contiguous_streams", "num_chunks", "read_splits"]
