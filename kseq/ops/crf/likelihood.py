"""The score and the probability of given tags."""

from typing import Any

from keras import ops

from kseq.ops.crf.forward_backward import log_partition
from kseq.ops.crf.scores import Scores, full_mask

Tensor = Any


def log_likelihood(scores: Scores, tags: Tensor) -> Tensor:
    """`log p(tags)`, in nats.

    Args:
        scores: of a batch.
        tags: integer `(batch, time)`; what is at masked tokens does not matter.

    Returns:
        `(batch,)`, zero for an empty sequence.
    """
    return score(scores, tags) - log_partition(scores)


def score(scores: Scores, tags: Tensor) -> Tensor:
    """The score of given tags, before it is normalised.

    Args:
        scores: of a batch.
        tags: integer `(batch, time)`; what is at masked tokens does not matter.

    Returns:
        `(batch,)`, zero for an empty sequence.
    """
    emissions, transitions, start, end = (ops.cast(x, "float32") for x in scores[:4])
    mask = full_mask(scores)
    tags = ops.where(mask, ops.cast(tags, "int32"), 0)
    own = ops.take_along_axis(emissions, tags[..., None], axis=-1)[..., 0]
    own = ops.sum(ops.where(mask, own, ops.zeros_like(own)), axis=1)

    tags, count = _gapless(tags, mask)
    last = ops.take_along_axis(tags, ops.maximum(count - 1, 0)[:, None], axis=1)[:, 0]
    ends = ops.take(start, tags[:, 0]) + ops.take(end, last)
    pair = tags[:, :-1] * transitions.shape[0] + tags[:, 1:]
    moves = ops.take(ops.reshape(transitions, (-1,)), pair)
    inner = ops.arange(ops.shape(moves)[1]) + 1 < count[:, None]
    moves = ops.sum(ops.where(inner, moves, ops.zeros_like(moves)), axis=1)
    return own + moves + ops.where(count > 0, ends, ops.zeros_like(ends))


def _gapless(tags: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The tags of the real tokens moved to the front of their rows, and how many there are."""
    time = ops.shape(tags)[1]
    place = ops.arange(time)
    order = ops.argsort(ops.where(mask, place, place + time), axis=1)
    return ops.take_along_axis(tags, order, axis=1), ops.sum(ops.cast(mask, "int32"), axis=1)
