"""Ready models."""

import kseq.losses  # registered, so that a saved model that was compiled with them loads
import kseq.metrics
import kseq.optimizers  # noqa: F401
from kseq.models.autoencoder import SequenceAutoencoder
from kseq.models.classifier import Classifier
from kseq.models.encoder import SequenceEncoder
from kseq.models.language_model import LanguageModel
from kseq.models.ngram import NGramModel
from kseq.models.ngram_embedding import NGramEmbedding
from kseq.models.seq2seq import Seq2Seq
from kseq.models.sources import ClassEncoder, RegionEncoder, VectorEncoder
from kseq.models.tagger import Tagger

__all__ = [
    "ClassEncoder",
    "Classifier",
    "LanguageModel",
    "NGramEmbedding",
    "NGramModel",
    "RegionEncoder",
    "Seq2Seq",
    "SequenceAutoencoder",
    "SequenceEncoder",
    "Tagger",
    "VectorEncoder",
]
