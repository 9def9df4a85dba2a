"""Text to `tf.data`: readers, vocabularies, streams, and the embedded default sets.

`read_splits` reads a `Corpus` from files or a tfds set, `read_stored` one that is larger than memory,
`Vocabulary` turns text into ids and back, `contiguous_streams` lays ids out as batches. `read_tagged`
reads a `TaggedCorpus`, sentences whose tokens have tags; `read_conll` a single file of them.
`read_labelled` reads a `LabelledCorpus`, texts of which each has a label; `read_table` a single file of
them. `read_parallel` reads a `ParallelCorpus`, pairs of texts, `Units` turns them into ids and back,
`parallel_batches` lays them out as batches. Nothing here knows a layer or a model.
"""

from kseq.data.conll import Sentence, read_conll
from kseq.data.labelled import LabelledCorpus, read_labelled
from kseq.data.pair_batches import parallel_batches
from kseq.data.pairs import Pair
from kseq.data.parallel import ParallelCorpus, read_parallel
from kseq.data.stored_text import StoredCorpus, read_stored
from kseq.data.streams import contiguous_streams, num_chunks
from kseq.data.tables import Example, read_table
from kseq.data.tagged import TaggedCorpus, read_tagged
from kseq.data.text import Corpus, read_splits
from kseq.data.units import Units
from kseq.data.vocabulary import Vocabulary

__all__ = [
    "Corpus",
    "Example",
    "LabelledCorpus",
    "Pair",
    "ParallelCorpus",
    "Sentence",
    "StoredCorpus",
    "TaggedCorpus",
    "Units",
    "Vocabulary",
    "contiguous_streams",
    "num_chunks",
    "parallel_batches",
    "read_conll",
    "read_labelled",
    "read_parallel",
    "read_splits",
    "read_stored",
    "read_table",
    "read_tagged",
]
