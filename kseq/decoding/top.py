"""The best continuations of several beams."""

import math
from typing import Any, NamedTuple

from keras import ops

from kseq.decoding.step import LOWEST, Tensor, known

MIN_BLOCKED = 256  # smaller vocabularies are ordered as fast in one piece


class Candidates(NamedTuple):
    """Continuations of beams by one id, best first.

    Args:
        ranks: `(entries, k)`, what they are ordered by.
        parents: int32 `(entries, k)`, the beams they continue.
        ids: int32 `(entries, k)`.
    """

    ranks: Tensor
    parents: Tensor
    ids: Tensor


def at(x: Tensor, index: Tensor) -> Tensor:
    """`x[n, index[n, j]]`, `(entries, k, ...)` from `(entries, size, ...)` and `(entries, k)`."""
    entries, size = ops.shape(x)[:2]
    flat = ops.reshape(x, (-1, *ops.shape(x)[2:]))
    return ops.take(flat, index + ops.expand_dims(ops.arange(entries) * size, 1), axis=0)


def top_candidates(log_probs: Tensor, ranks: Tensor, k: Any) -> Candidates:
    """The k greatest of `ranks[n, beam] + log_probs[n, beam, id]`; of equal ones those that come first.

    A large vocabulary is searched in two stages: the k best are all in the k blocks of neighbouring ids
    with the greatest maxima, so one pass finds those blocks and only what is in them is ordered.

    Args:
        log_probs: `(entries, beams, vocabulary)`.
        ranks: `(entries, beams)`.
        k: how many; may be a scalar tensor.
    """
    vocab_size = log_probs.shape[-1]
    entries, beams = ops.shape(ranks)
    if vocab_size < MIN_BLOCKED or (known(k) and k > vocab_size):
        every = ops.reshape(log_probs + ops.expand_dims(ranks, -1), (entries, beams * vocab_size))
        values, place = ops.top_k(every, k)
        place = ops.cast(place, "int32")
        return Candidates(values, place // vocab_size, place % vocab_size)

    width = _block_width(vocab_size)
    if vocab_size % width:
        log_probs = ops.maximum(log_probs, LOWEST)  # so that no id loses to the padding
        padding = ((0, 0), (0, 0), (0, -vocab_size % width))
        log_probs = ops.pad(log_probs, padding, constant_values=2 * LOWEST)
    count = -(-vocab_size // width)
    blocks = ops.reshape(log_probs, (entries, beams * count, width))
    best = ops.reshape(ops.max(blocks, axis=-1), (entries, beams, count)) + ops.expand_dims(ranks, -1)
    chosen = ops.top_k(ops.reshape(best, (entries, beams * count)), k)[1]
    chosen = ops.sort(ops.cast(chosen, "int32"), axis=-1)  # so that equal candidates keep their order
    inside = at(blocks, chosen) + ops.expand_dims(at(ranks, chosen // count), -1)  # (entries, k, width)
    values, place = ops.top_k(ops.reshape(inside, (entries, k * width)), k)
    place = ops.cast(place, "int32")
    block = at(chosen, place // width)
    return Candidates(values, block // count, block % count * width + place % width)


def going_on(candidates: Candidates, eos_id: int | None, beams: Any) -> Candidates:
    """The first `beams` candidates that do not end the sequence."""
    if eos_id is None:
        return candidates
    k = ops.shape(candidates.ids)[1]
    order = -ops.arange(k) - ops.where(ops.equal(candidates.ids, eos_id), k, 0)
    kept = ops.cast(ops.top_k(order, beams)[1], "int32")
    return Candidates(*(at(x, kept) for x in candidates))


def _block_width(vocab_size: int) -> int:
    """The width that leaves least to order: a divisor of the vocabulary if one is near."""
    best = math.isqrt(vocab_size // 2)
    near = [n for n in range(best // 2, 2 * best + 1) if vocab_size % n == 0]
    return min(near, key=lambda n: abs(n - best), default=best)
