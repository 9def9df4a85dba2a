"""The best finished sequences so far."""

from typing import Any, NamedTuple

from keras import ops

from kseq.decoding.step import IMPOSSIBLE, LOWEST, Tensor
from kseq.decoding.top import at


class Hypotheses(NamedTuple):
    """Finished sequences, best first.

    Args:
        ids: int32 `(batch, n, length)`, 0 behind the end; the end itself is there.
        lengths: int32 `(batch, n)`, the end counted; 0 where there are not so many possible sequences.
        scores: `(batch, n)`, what they are ordered by.
        log_probs: `(batch, n)`, as the constraints left them.
    """

    ids: Tensor
    lengths: Tensor
    scores: Tensor
    log_probs: Tensor


def nothing(entries: Any, count: Any, length: Any) -> Hypotheses:
    """Places for `count` sequences, none of them taken."""
    return Hypotheses(
        ops.zeros((entries, count, length), "int32"),
        ops.zeros((entries, count), "int32"),
        ops.full((entries, count), LOWEST, "float32"),
        ops.full((entries, count), LOWEST, "float32"),
    )


def only(found: Hypotheses, where: Tensor) -> Hypotheses:
    """What is both wanted and possible; the rest loses to everything."""
    where = ops.logical_and(where, found.log_probs > IMPOSSIBLE)
    return Hypotheses(
        ids=ops.where(ops.expand_dims(where, -1), found.ids, 0),
        lengths=ops.where(where, found.lengths, 0),
        scores=ops.where(where, found.scores, LOWEST),
        log_probs=ops.where(where, found.log_probs, LOWEST),
    )


def best_of(pools: list[Hypotheses], count: Any) -> Hypotheses:
    """The best `count` of all; of equal ones those that come first."""
    every = Hypotheses(*(ops.concatenate(x, axis=1) for x in zip(*pools, strict=True)))
    order = ops.cast(ops.top_k(every.scores, count)[1], "int32")
    return Hypotheses(*(at(x, order) for x in every))


def together(pool: Hypotheses, num_groups: int, count: Any) -> Hypotheses:
    """The best of the groups that lie side by side in a batch."""
    entries, size, length = ops.shape(pool.ids)
    batch = entries // num_groups
    joined = [ops.reshape(x, (batch, num_groups * size)) for x in pool[1:]]
    return best_of([Hypotheses(ops.reshape(pool.ids, (batch, num_groups * size, length)), *joined)], count)
