"""What a sequence may and may not hold, for greedy search, sampling and beams alike.

A constraint is any function `(log_probs, ids, position) -> log_probs`: log_probs `(rows, vocabulary)` of
the next token, ids int32 `(rows, length)`, of which the first `position` are written. What it forbids it
sets to -1e9; what it returns need not sum to one. Rows are batch * beams, the beams of an entry side by
side.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from keras import ops

from kseq.decoding.step import LOWEST, PAD_ID, Tensor, known
from kseq.errors import UserError, positive

Constraint = Callable[[Tensor, Tensor, Tensor], Tensor]


def constrained(
    log_probs: Tensor, ids: Tensor, position: Tensor, constraints: Sequence[Constraint]
) -> Tensor:
    """Log-probabilities with all constraints applied, one after the other."""
    for constraint in constraints:
        log_probs = constraint(log_probs, ids, position)
    return log_probs


@dataclasses.dataclass(frozen=True)
class BannedIds:
    """Ids that are never written.

    Args:
        ids: the ids.
    """

    ids: Sequence[int]

    def __call__(self, log_probs: Tensor, ids: Tensor, position: Tensor) -> Tensor:
        vocab_size = log_probs.shape[-1]
        banned = np.zeros(vocab_size, bool)
        for k in self.ids:
            banned[_in_vocabulary("ids", k, vocab_size)] = True
        return ops.where(banned, ops.cast(LOWEST, log_probs.dtype), log_probs)


@dataclasses.dataclass(frozen=True)
class MinLength:
    """No end before so many tokens are written.

    Args:
        length: tokens before the end; may be a scalar tensor.
        eos_id: the end.
    """

    length: Any
    eos_id: int

    def __call__(self, log_probs: Tensor, ids: Tensor, position: Tensor) -> Tensor:
        vocab_size = log_probs.shape[-1]
        end = ops.equal(ops.arange(vocab_size), _in_vocabulary("eos_id", self.eos_id, vocab_size))
        early = ops.logical_and(end, position < self.length)
        return ops.where(early, ops.cast(LOWEST, log_probs.dtype), log_probs)


@dataclasses.dataclass(frozen=True)
class ForcedPrefix:
    """A beginning that is given, each token at the log-probability that the model gives it.

    Args:
        prefix: int32 `(batch, k)`; padding (0) leaves the choice free, so that rows may have beginnings of
            unequal length.
    """

    prefix: Any

    def __call__(self, log_probs: Tensor, ids: Tensor, position: Tensor) -> Tensor:
        prefix = ops.cast(self.prefix, "int32")
        batch, size = ops.shape(prefix)
        forced = ops.take(prefix, ops.minimum(position, size - 1), axis=1)  # (batch,)
        forced = ops.where(position < size, forced, PAD_ID)
        forced = ops.expand_dims(ops.repeat(forced, ops.shape(log_probs)[0] // batch, axis=0), 1)
        vocabulary = ops.arange(log_probs.shape[-1])
        kept = ops.logical_or(ops.equal(vocabulary, forced), ops.equal(forced, PAD_ID))
        return ops.where(kept, log_probs, ops.cast(LOWEST, log_probs.dtype))


@dataclasses.dataclass(frozen=True)
class RepetitionPenalty:
    """Make the ids that were written less probable.

        log p(k)  ->  penalty log p(k)          for every k written

    Args:
        penalty: 1 changes nothing, above 1 discourages repetition; may be a scalar tensor.

    Reference:
        Keskar et al., "CTRL: A Conditional Transformer Language Model for Controllable Generation", 2019.
    """

    penalty: Any

    def __post_init__(self) -> None:
        if known(self.penalty):
            positive("penalty", self.penalty)

    def __call__(self, log_probs: Tensor, ids: Tensor, position: Tensor) -> Tensor:
        there = ops.broadcast_to(ops.arange(ops.shape(ids)[1]) < position, ops.shape(ids))
        return _change(log_probs, ids, there, lambda x: x * ops.cast(self.penalty, x.dtype))


@dataclasses.dataclass(frozen=True)
class NoRepeatedNgrams:
    """No sequence of `size` tokens is written twice.

    Args:
        size: 1 writes every id at most once, 2 every pair, and so on.

    Reference:
        Paulus, Xiong and Socher, "A Deep Reinforced Model for Abstractive Summarization", 2018.
    """

    size: int

    def __post_init__(self) -> None:
        positive("size", self.size)

    def __call__(self, log_probs: Tensor, ids: Tensor, position: Tensor) -> Tensor:
        place = ops.arange(ops.shape(ids)[1])
        ends = ops.logical_and(place >= self.size - 1, place < position)
        ends = ops.broadcast_to(
            ends, ops.shape(ids)
        )  # where an n-gram ends whose beginning stands here again
        for back in range(1, self.size):
            now = ops.take(ids, ops.maximum(position - back, 0), axis=1)  # (rows,)
            ends = ops.logical_and(ends, ops.equal(ops.roll(ids, back, axis=1), ops.expand_dims(now, 1)))
        return _change(log_probs, ids, ends, lambda x: ops.full_like(x, LOWEST))


def _in_vocabulary(name: str, k: int, vocab_size: int) -> int:
    if not 0 <= k < vocab_size:
        raise UserError(f"`{name}` must be in the vocabulary, between 0 and {vocab_size - 1}, got {k}")
    return k


def _change(log_probs: Tensor, ids: Tensor, there: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    """The log-probabilities changed for the ids `(rows, length)` that stand where `there` is True."""
    rows, length = ops.shape(ids)
    # An id may stand at several places, there and not: the places that do not count write what one that
    # does writes, or, in a row without any, what was there before.
    first = ops.cast(ops.argmax(there, axis=1), "int32")
    one = ops.take(ops.reshape(ids, (-1,)), ops.arange(rows) * length + first)
    ids = ops.where(there, ids, ops.expand_dims(one, 1))
    row = ops.zeros_like(ids) + ops.expand_dims(ops.arange(rows), 1)
    index = ops.stack([ops.reshape(row, (-1,)), ops.reshape(ids, (-1,))], axis=1)
    flat = ops.reshape(row * log_probs.shape[-1] + ids, (-1,))
    old = ops.take(ops.reshape(log_probs, (-1,)), flat)
    some = ops.reshape(ops.logical_or(there, ops.any(there, axis=1, keepdims=True)), (-1,))
    return ops.scatter_update(log_probs, index, ops.where(some, change(old), old))
