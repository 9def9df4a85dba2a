"""Linear-chain conditional random fields: from scores to probabilities and best sequences."""

from kseq.ops.crf.forward_backward import log_partition, marginals
from kseq.ops.crf.likelihood import log_likelihood, score
from kseq.ops.crf.scores import FORBIDDEN, Scores, pack, unpack
from kseq.ops.crf.viterbi import k_best, viterbi

__all__ = [
    "FORBIDDEN",
    "Scores",
    "k_best",
    "log_likelihood",
    "log_partition",
    "marginals",
    "pack",
    "score",
    "unpack",
    "viterbi",
]
