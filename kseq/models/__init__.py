"""Ready models."""

from kseq.models.language_model import LanguageModel
from kseq.models.ngram import NGramModel

__all__ = ["LanguageModel", "NGramModel"]
