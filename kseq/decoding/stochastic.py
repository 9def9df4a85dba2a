"""Stochastic beam search: sequences sampled without replacement."""

from typing import Any

from keras import ops

from kseq.decoding.step import LOWEST, Tensor
from kseq.decoding.top import Candidates, top_candidates


def select(log_probs: Tensor, sums: Tensor, ranks: Tensor, k: Any, uniform: Tensor) -> Candidates:
    """The continuations with the k greatest perturbed log-probabilities.

        phi(y k) = phi(y) + log p(k | y)                            log-probability of a beginning
        g(k) ~ Gumbel(phi(y k)),   Z = max over k of g(k)
        G(y k) = -log(exp(-G(y)) - exp(-Z) + exp(-g(k)))            the greatest of them is G(y)

    Ordering all sequences by their `G` is sampling without replacement, and as no continuation exceeds
    its beginning, the best sequences are found by looking at the best beginnings alone.

    Args:
        log_probs: `(batch, beams, vocabulary)`, normalised.
        sums: `(batch, beams)`, phi of the beams.
        ranks: `(batch, beams)`, G of the beams.
        k: how many.
        uniform: `(batch, beams, vocabulary)` random numbers in [0, 1).

    Reference:
        Kool, van Hoof and Welling, "Stochastic Beams and Where to Find Them: The Gumbel-Top-k Trick for
        Sampling Sequences Without Replacement", 2019 (appendix B.3: the stable form of G).
    """
    noise = -ops.log(-ops.log(ops.clip(uniform, 1e-30, 1.0 - 1e-7)))
    free = ops.maximum(ops.expand_dims(sums, -1) + log_probs, LOWEST) + noise
    top = ops.max(free, axis=-1, keepdims=True)
    bound = ops.expand_dims(ranks, -1)
    v = bound - free + _log1mexp(free - top)
    perturbed = bound - ops.relu(v) - ops.log1p(ops.exp(-ops.abs(v)))
    return top_candidates(perturbed, ops.zeros_like(ranks), k)


def _log1mexp(x: Tensor) -> Tensor:
    """`log(1 - exp(x))` for x <= 0, minus a large number at 0."""
    tiny = 1e-38
    near = ops.log(ops.maximum(-ops.expm1(x), tiny))
    return ops.where(x > -0.6931472, near, ops.log1p(-ops.exp(x)))
