"""What a linear-chain CRF says about a batch of sequences."""

from typing import Any, NamedTuple

from keras import ops

from kseq.ops.unfold import time_major_mask

Tensor = Any
#: score of a transition that must not be: no path with one is ever the best, and its probability is zero
FORBIDDEN = -1e4


class Scores(NamedTuple):
    """Scores of the tags of a batch of sequences, from which all else follows.

        score(y) = start[y(1)] + sum_t emissions[t, y(t)] + sum_t transitions[y(t-1), y(t)] + end[y(n)]
        p(y)     = exp(score(y)) / sum_y' exp(score(y'))

    Time runs over the real tokens: a masked one, wherever it stands, is as if it were not there. The
    empty sequence has one tag sequence, the empty one, of score 0.

    Args:
        emissions: `(batch, time, tags)`; what is at masked tokens does not matter.
        transitions: `(tags, tags)`, `transitions[i, j]` for tag i, then j; `FORBIDDEN` for never.
        start: `(tags,)`, for the first tag.
        end: `(tags,)`, for the last tag.
        mask: boolean `(batch, time)`, True for a real token, any pattern; None if all are.

    Reference:
        Lafferty, McCallum and Pereira, "Conditional Random Fields", 2001.
    """

    emissions: Tensor
    transitions: Tensor
    start: Tensor
    end: Tensor
    mask: Tensor | None = None


class Chain(NamedTuple):
    """Scores laid out for a loop over time; `first`, `last` and `real` are `(time, batch, 1)`."""

    emissions: Tensor  # (time, batch, tags), zero where masked
    transitions: Tensor
    start: Tensor
    end: Tensor
    first: Tensor
    last: Tensor
    real: Tensor

    def reversed(self) -> "Chain":
        """The chain read from its end."""
        emissions, first, last, real = (
            ops.flip(x, axis=0) for x in (self.emissions, self.first, self.last, self.real)
        )
        transitions = ops.transpose(self.transitions)
        return Chain(emissions, transitions, self.end, self.start, last, first, real)


def chain(scores: Scores, dtype: str = "float32") -> Chain:
    """Lay scores out for a loop over time, in the given precision."""
    mask = full_mask(scores)
    count = ops.cumsum(ops.cast(mask, "int32"), axis=1)
    first = ops.logical_and(mask, count == 1)
    last = ops.logical_and(mask, count == count[:, -1:])
    first, last, real = (time_major_mask(x) for x in (first, last, mask))
    emissions, transitions, start, end = (ops.cast(x, dtype) for x in scores[:4])
    emissions = ops.swapaxes(emissions, 0, 1)
    emissions = ops.where(real, emissions, ops.zeros_like(emissions))
    return Chain(emissions, transitions, start, end, first, last, real)


def full_mask(scores: Scores) -> Tensor:
    """The mask as booleans `(batch, time)`, also where none was given."""
    if scores.mask is None:
        return ops.ones(ops.shape(scores.emissions)[:2], "bool")
    return ops.cast(scores.mask, "bool")


def pack(scores: Scores) -> Tensor:
    """All scores as one tensor, as a Keras model can give it to a loss.

    Returns:
        `(batch, 2 + tags + time, tags + 1)`: in each row of the batch start, end, transitions and
        emissions, the last column of which is 1 for a real token.
    """
    emissions, transitions, start, end = (ops.cast(x, "float32") for x in scores[:4])
    batch, tags = ops.shape(emissions)[0], emissions.shape[-1]
    shared = ops.concatenate([start[None], end[None], transitions])
    shared = ops.broadcast_to(ops.pad(shared, [[0, 0], [0, 1]]), (batch, 2 + tags, tags + 1))
    mask = ops.cast(full_mask(scores), "float32")[..., None]
    return ops.concatenate([shared, ops.concatenate([emissions, mask], axis=-1)], axis=1)


def unpack(packed: Tensor) -> Scores:
    """The scores in a tensor that `pack` made."""
    tags = packed.shape[-1] - 1
    shared = ops.reshape(packed[0, : 2 + tags, :tags], (2 + tags, tags))  # its shape is known now
    own = packed[:, 2 + tags :]
    return Scores(own[..., :tags], shared[2:], shared[0], shared[1], own[..., tags] > 0.5)
