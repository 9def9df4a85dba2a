"""Text to `tf.data`: readers, vocabularies, streams, and the embedded default sets.

`read_splits` reads a `Corpus` from files or a tfds set, `Vocabulary` turns text into ids and back,
`contiguous_streams` lays ids out as batches. `read_tagged` reads a `TaggedCorpus`, sentences whose
tokens have tags; `read_conll` a single file of them. Nothing here knows a layer or a model.
"""

from kseq.data.conll import Sentence, read_conll
from kseq.data.streams import contiguous_streams, num_chunks
from kseq.data.tagged import TaggedCorpus, read_tagged
from kseq.data.text import Corpus, read_splits
from kseq.data.vocabulary import Vocabulary

__all__ = [
    "Corpus",
    "Sentence",
    "TaggedCorpus",
    "Vocabulary",
    "contiguous_streams",
    "num_chunks",
    "read_conll",
    "read_splits",
    "read_tagged",
]
