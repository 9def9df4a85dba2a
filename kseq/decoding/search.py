"""One step of beam search, in all its forms."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from keras import ops, tree

from kseq.decoding import groups, stochastic
from kseq.decoding.constraints import Constraint, constrained
from kseq.decoding.penalties import Coverage, LengthPenalty
from kseq.decoding.pool import Hypotheses, best_of, nothing, only, together
from kseq.decoding.step import IMPOSSIBLE, LOWEST, Step, Tensor, known, like, written
from kseq.decoding.top import Candidates, at, going_on
from kseq.errors import UserError


class Beams(NamedTuple):
    """The beginnings that may go on; an entry is a group of beams, rows are entries * beams.

    Args:
        last_ids: int32 `(rows,)`, not fed yet.
        states: nested structure of `(rows, ...)` tensors, before `last_ids`.
        ids: int32 `(entries, beams, length)`, 0 where nothing is written.
        sums: `(entries, beams)`, log-probabilities.
        ranks: `(entries, beams)`, what decides which go on.
    """

    last_ids: Tensor
    states: Any
    ids: Tensor
    sums: Tensor
    ranks: Tensor


Now = tuple[Tensor, Beams, Hypotheses]  # tokens written, beginnings, finished sequences


@dataclasses.dataclass(frozen=True)
class Search:
    """The loop of `beam_search`, whose arguments these are; `noise` is `uniform` as a function."""

    step: Step
    beam_size: Any
    length: Any
    eos_id: int | None
    num_results: Any
    length_penalty: LengthPenalty
    coverage: Coverage | None
    constraints: Sequence[Constraint]
    num_groups: int
    diversity: Any
    noise: Callable[[Tensor], Tensor] | None
    early_stop: bool

    def start(self, start_ids: Tensor, states: Any) -> Now:
        """Before the first step."""
        entries, beams = ops.shape(start_ids)[0] * self.num_groups, self.beam_size // self.num_groups
        # all beams are alike at first, so that only one of a group can go on
        first = ops.cast(ops.where(ops.arange(beams) > 0, LOWEST, 0.0), "float32")
        sums = ops.broadcast_to(first, (entries, beams))
        beginnings = Beams(
            ops.repeat(ops.cast(start_ids, "int32"), self.beam_size, axis=0),
            tree.map_structure(lambda x: ops.repeat(x, self.beam_size, axis=0), states),
            ops.zeros((entries, beams, self.length), "int32"),
            sums,
            sums,
        )
        room = self.num_results if self.num_groups == 1 else min(self.num_results, beams)
        return ops.zeros((), "int32"), beginnings, nothing(entries, room, self.length)

    def more(self, t: Tensor, beams: Beams, pool: Hypotheses) -> Tensor:
        """Whether a next step is allowed and can change the result."""
        unread = t < self.length
        if self.eos_id is None or not self.early_stop:
            return unread
        # were all tokens to come certain: the score then depends on the length alone, and is greatest at
        # the least or at the greatest one
        bounds = [self._score(beams.sums, beams.ranks, length) for length in (t + 1, self.length)]
        bound = ops.where(beams.sums > IMPOSSIBLE, ops.maximum(*bounds), LOWEST)
        return ops.logical_and(unread, ops.any(bound > pool.scores[:, -1:]))

    def advance(self, t: Tensor, beams: Beams, pool: Hypotheses) -> Now:
        """One token further."""
        log_probs, states = self.step(beams.last_ids, beams.states)
        vocab_size = log_probs.shape[-1]
        self._check_space(vocab_size)
        (entries, count), length = ops.shape(beams.sums), ops.shape(beams.ids)[2]
        ids = ops.reshape(beams.ids, (entries * count, length))
        log_probs = constrained(log_probs, ids, t, self.constraints)
        if self.noise is not None and self.constraints:
            log_probs = ops.log_softmax(log_probs)
        log_probs = ops.reshape(log_probs, (entries, count, vocab_size))

        def extended(found: Candidates) -> tuple[Tensor, Tensor]:
            each = ops.reshape(log_probs, (entries, count * vocab_size))
            sums = at(beams.sums, found.parents) + at(each, found.parents * vocab_size + found.ids)
            return written(at(beams.ids, found.parents), t, found.ids), sums

        found, new_pool = self._select(log_probs, beams, t), pool
        if self.eos_id is not None:
            ends = Candidates(*(x[:, :count] for x in found))
            cover = self._covered(states, beams.sums)
            cover = None if cover is None else at(cover, ends.parents)
            ended = self._finished(*extended(ends), ends.ranks, t + 1, cover)
            ended = only(ended, ops.equal(ends.ids, self.eos_id))
            new_pool = best_of([pool, ended], ops.shape(pool.scores)[1])
            found = going_on(found, self.eos_id, count)
        rows = ops.expand_dims(ops.arange(entries) * count, 1) + found.parents
        states = tree.map_structure(lambda x: ops.take(x, ops.reshape(rows, (-1,)), axis=0), states)
        states = tree.pack_sequence_as(beams.states, tree.flatten(states))
        now = t + 1, Beams(found.ids, states, *extended(found), found.ranks), new_pool
        return like(now, (t, beams, pool))

    def result(self, t: Tensor, beams: Beams, pool: Hypotheses) -> Hypotheses:
        """The best sequences, those of full length among them."""
        cover = self._covered(beams.states, beams.sums)
        full = self._finished(beams.ids, beams.sums, beams.ranks, self.length, cover)
        pool = best_of([pool, only(full, t >= self.length)], ops.shape(pool.scores)[1])
        return pool if self.num_groups == 1 else together(pool, self.num_groups, self.num_results)

    def _select(self, log_probs: Tensor, beams: Beams, t: Tensor) -> Candidates:
        count = ops.shape(beams.sums)[1]
        k = count if self.eos_id is None else 2 * count  # a beam ends in one way only
        if self.noise is not None:
            return stochastic.select(log_probs, beams.sums, beams.ranks, k, self.noise(t))
        return groups.select(log_probs, beams.ranks, k, self.eos_id, self.num_groups, self.diversity)

    def _score(self, sums: Tensor, ranks: Tensor, lengths: Any) -> Tensor:
        if self.noise is not None:
            return ranks
        return self.length_penalty(sums, ops.zeros_like(sums) + ops.cast(lengths, "float32"))

    def _covered(self, states: Any, sums: Tensor) -> Tensor | None:
        return None if self.coverage is None else ops.reshape(self.coverage(states), ops.shape(sums))

    def _finished(self, ids: Tensor, sums: Tensor, ranks: Tensor, size: Any, cover: Any) -> Hypotheses:
        score = self._score(sums, ranks, size)
        sizes = ops.zeros_like(sums, "int32") + ops.cast(size, "int32")
        return Hypotheses(ids, sizes, score if cover is None else score + cover, sums)

    def _check_space(self, vocab_size: int) -> None:
        if not (known(self.beam_size) and known(self.length) and self.beam_size > vocab_size):
            return
        if self.beam_size > (space := vocab_size**self.length):
            raise UserError(
                f"`beam_size` must be at most {space}, the number of sequences of {self.length} out of "
                f"{vocab_size} ids, got {self.beam_size}"
            )
