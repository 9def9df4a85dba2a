"""From a step function to sequences."""

from kseq.decoding.beam import beam_search
from kseq.decoding.constraints import BannedIds, ForcedPrefix, MinLength, NoRepeatedNgrams, RepetitionPenalty
from kseq.decoding.generate import generate, random_numbers, stream
from kseq.decoding.penalties import GNMT, Coverage, Power, average, log_probability
from kseq.decoding.pool import Hypotheses
from kseq.decoding.sampling import check_options, choose, filter_log_probs

__all__ = [
    "BannedIds",
    "Coverage",
    "ForcedPrefix",
    "GNMT",
    "Hypotheses",
    "MinLength",
    "NoRepeatedNgrams",
    "Power",
    "RepetitionPenalty",
    "average",
    "beam_search",
    "check_options",
    "choose",
    "filter_log_probs",
    "generate",
    "log_probability",
    "random_numbers",
    "stream",
]
