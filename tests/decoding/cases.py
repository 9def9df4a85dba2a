"""Options of beam search beside the same options of the reference."""

import numpy as np

from kseq import decoding
from kseq.decoding import GNMT, Coverage, Power, beam_search
from tests.decoding.toy import EOS, starts
from tests.reference import decoding as reference

PREFIX = np.array([[3, 0, 0], [2, 4, 0], [0, 3, 0], [EOS, 0, 0]], "int32")  # a row for each start
STARTS = (2, 3, 4, 0)
PENALTIES = {
    "none": (decoding.log_probability, reference.log_probability),
    "average": (decoding.average, reference.power(1.0)),
    "power": (Power(0.4), reference.power(0.4)),
    "negative power": (Power(-0.5), reference.power(-0.5)),
    "gnmt": (GNMT(1.2), reference.gnmt(1.2)),
}
CONSTRAINTS = {
    "banned": ([decoding.BannedIds([0, 3])], lambda row: [reference.banned(0, 3)]),
    "min length": ([decoding.MinLength(2, EOS)], lambda row: [reference.min_length(2, EOS)]),
    "prefix": ([decoding.ForcedPrefix(PREFIX)], lambda row: [reference.forced_prefix(PREFIX[row])]),
    "repetition": ([decoding.RepetitionPenalty(1.7)], lambda row: [reference.repetition_penalty(1.7)]),
    "encouraged": ([decoding.RepetitionPenalty(0.5)], lambda row: [reference.repetition_penalty(0.5)]),
    "unigrams": ([decoding.NoRepeatedNgrams(1)], lambda row: [reference.no_repeated_ngrams(1)]),
    "bigrams": ([decoding.NoRepeatedNgrams(2)], lambda row: [reference.no_repeated_ngrams(2)]),
    "all": (
        [
            decoding.RepetitionPenalty(1.3),
            decoding.MinLength(1, EOS),
            decoding.BannedIds([0]),
            decoding.NoRepeatedNgrams(3),
        ],
        lambda row: [
            reference.repetition_penalty(1.3),
            reference.min_length(1, EOS),
            reference.banned(0),
            reference.no_repeated_ngrams(3),
        ],
    ),
}
COVERAGE = Coverage(lambda states: states["attended"], 0.7)


class Case:
    """Options of the search, and the same for the reference."""

    def __init__(self, penalty="none", constraints=None, coverage=False, eos_id=EOS):
        ours, theirs = PENALTIES[penalty]
        self.eos_id = eos_id
        self.options = {"length_penalty": ours, "eos_id": eos_id, "coverage": COVERAGE if coverage else None}
        self.options["constraints"] = CONSTRAINTS[constraints][0] if constraints else ()
        self.reference = CONSTRAINTS[constraints][1] if constraints else lambda row: []
        self.penalty, self.coverage = theirs, coverage

    def expected(self, search, toy, count, length, **options):
        """What the reference finds from each start."""
        found = []
        for row, start in enumerate(STARTS):
            attention = toy.attention(start) if self.coverage else None
            score = reference.scorer(self.penalty, attention, 0.7)
            model = reference.constrained(toy.model(start), *self.reference(row))
            found.append(search(model, length, self.eos_id, score, count, **options))
        return found


CASES = {
    **{name: Case(name) for name in PENALTIES},
    **{name: Case("power", name) for name in CONSTRAINTS},
    "coverage": Case("none", coverage=True),
    "coverage, gnmt": Case("gnmt", coverage=True),
    "coverage, all": Case("average", "all", coverage=True),
    "no end": Case("average", "bigrams", coverage=True, eos_id=None),
}


def search(toy, start_ids=STARTS, **options):
    return beam_search(toy.step, starts(*start_ids), toy.states(len(start_ids)), **options)
