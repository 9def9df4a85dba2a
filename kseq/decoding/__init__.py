"""From a step function to sequences."""

from kseq.decoding.generate import check_options, generate, random_numbers, stream
from kseq.decoding.sampling import choose, filter_log_probs

__all__ = ["check_options", "choose", "filter_log_probs", "generate", "random_numbers", "stream"]
