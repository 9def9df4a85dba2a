"""Diverse beam search: groups of beams that keep away from each other's words."""

from typing import Any

from keras import ops

from kseq.decoding.step import Tensor
from kseq.decoding.top import Candidates, going_on, top_candidates


def select(
    log_probs: Tensor, ranks: Tensor, k: Any, eos_id: int | None, num_groups: int = 1, diversity: Any = 0.0
) -> Candidates:
    """The k best continuations of each group's beams, one group after the other.

        rank(y k) = rank(y) + log p(k | y) - diversity * (beams of earlier groups that go on with k now)

    The penalty stays in the rank of a beam. One group is plain beam search.

    Args:
        log_probs: `(batch * num_groups, beams, vocabulary)`, beams being those of one group.
        ranks: `(batch * num_groups, beams)`.
        k: continuations for each group.
        eos_id: the end, which costs no diversity.
        num_groups: number of groups.
        diversity: strength of the penalty.

    Returns:
        Candidates `(batch * num_groups, k)`.

    Reference:
        Vijayakumar et al., "Diverse Beam Search: Decoding Diverse Solutions from Neural Sequence Models",
        2016 (Hamming diversity).
    """
    if num_groups == 1:
        return top_candidates(log_probs, ranks, k)
    entries, beams = ops.shape(ranks)
    vocab_size = log_probs.shape[-1]
    log_probs = ops.reshape(log_probs, (entries // num_groups, num_groups, beams, vocab_size))
    ranks = ops.reshape(ranks, (entries // num_groups, num_groups, beams))
    chosen, taken = [], 0.0  # taken: how many earlier beams go on with each id
    for group in range(num_groups):
        candidates = top_candidates(log_probs[:, group] - diversity * taken, ranks[:, group], k)
        chosen.append(candidates)
        ids = going_on(candidates, eos_id, beams).ids
        taken = taken + ops.sum(ops.one_hot(ids, vocab_size), axis=1, keepdims=True)
    return Candidates(*(ops.reshape(ops.stack(x, axis=1), (entries, k)) for x in zip(*chosen, strict=True)))
