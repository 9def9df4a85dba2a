"""Sums over all tag sequences: the partition function and the marginals."""

import math
from typing import Any

import keras
from keras import ops

from kseq.ops.crf.scores import FORBIDDEN, Chain, Scores, chain, full_mask
from kseq.ops.gradients import with_gradient
from kseq.ops.loops import scan
from kseq.ops.lowering import target
from kseq.ops.plan import make_plan

Tensor = Any


def log_partition(scores: Scores) -> Tensor:
    """Logarithm of the sum of `exp(score(y))` over all tag sequences `y`.

    Its gradient by the emissions is the marginal probability of each tag, by the transitions the
    expected number of each pair of tags: what the forward-backward algorithm computes, and what is done
    here in place of going back through the loop.

    Args:
        scores: of a batch.

    Returns:
        `(batch,)`, zero for an empty sequence.

    Reference:
        Rabiner, "A Tutorial on Hidden Markov Models", 1989 (scaled forward and backward recursions).
    """
    mask = full_mask(scores)
    plan = make_plan(scores.emissions.shape, scores.emissions.shape[-1], False, training=False)
    forward, expect = plan.program(_forward), plan.program(_expectations)

    def run(*args: Tensor) -> tuple:
        given = Scores(*args, mask)
        messages, total = forward(given)

        def gradient(upstream: Tensor) -> tuple:
            return expect(given, messages, upstream)

        return (total,), gradient

    return with_gradient(run, [ops.cast(x, "float32") for x in scores[:4]])[0]


def marginals(scores: Scores) -> Tensor:
    """Probability of each tag at each token, given the whole sequence.

    Args:
        scores: of a batch.

    Returns:
        `(batch, time, tags)`, zero at masked tokens.
    """
    steps = chain(scores, _precision())
    probabilities = _marginals(steps, _sweep(steps)[0])
    return ops.cast(ops.swapaxes(probabilities, 0, 1), "float32")


def _forward(scores: Scores) -> tuple[Tensor, Tensor]:
    """The messages of the way forward and the log-partition."""
    steps = chain(scores, _precision())
    messages, total = _sweep(steps)
    at_end = ops.logsumexp(messages[-1] + steps.end, axis=-1)
    total = ops.where(ops.any(steps.real, axis=(0, 2)), total + at_end, ops.zeros_like(total))
    return messages, ops.cast(total, "float32")


def _expectations(scores: Scores, messages: Tensor, weights: Tensor) -> tuple:
    """Gradients of the weighted sum of log-partitions by emissions, transitions, start and end."""
    steps = chain(scores, _precision())
    weights = ops.cast(weights, messages.dtype)
    back = _sweep_back(steps)
    probabilities = _normal(messages + back - steps.emissions) * weights[:, None]
    none = ops.zeros_like(probabilities)
    found = (
        ops.swapaxes(ops.where(steps.real, probabilities, none), 0, 1),
        _pairs(steps, messages, back, weights),
        ops.sum(ops.where(steps.first, probabilities, none), axis=(0, 1)),
        ops.sum(ops.where(steps.last, probabilities, none), axis=(0, 1)),
    )
    return tuple(ops.cast(x, "float32") for x in found)


def _marginals(steps: Chain, messages: Tensor) -> Tensor:
    probabilities = _normal(messages + _sweep_back(steps) - steps.emissions)
    return ops.where(steps.real, probabilities, ops.zeros_like(probabilities))


def _normal(logits: Tensor) -> Tensor:
    return ops.softmax(logits, axis=-1)


def _sweep_back(steps: Chain) -> Tensor:
    return ops.flip(_sweep(steps.reversed())[0], axis=0)


def _sweep(steps: Chain) -> tuple[Tensor, Tensor]:
    """Forward recursion over a chain, every message normalised to sum to one.

        m(t)[j] = log sum_i exp(m(t-1)[i] + transitions[i, j]) + emissions(t)[j] - normaliser(t)

    Masked steps hold the message.

    Returns:
        The messages `(time, batch, tags)` and the sum of the normalisers `(batch,)`.
    """
    return ops.cond(_fits(steps), lambda: _by_products(steps), lambda: _by_logarithms(steps))


def _by_products(steps: Chain) -> tuple[Tensor, Tensor]:
    # in probabilities, so that a step is one matrix product
    peak = ops.max(steps.emissions, axis=-1, keepdims=True)
    emitted = ops.exp(steps.emissions - peak)
    highest, highest_start = ops.max(steps.transitions), ops.max(steps.start)
    moved, started = ops.exp(steps.transitions - highest), ops.exp(steps.start - highest_start)
    tiny = _tiny(emitted)

    def body(p: Tensor, now: list[Tensor]) -> tuple[Tensor, tuple]:
        emitted, first, real = now
        new = ops.where(first, started, ops.matmul(p, moved)) * emitted
        norm = ops.maximum(ops.sum(new, axis=-1, keepdims=True), tiny)
        p = ops.where(real, new / norm, p)
        return p, (p, norm)

    p = ops.zeros_like(emitted[0])
    _, (probabilities, norms) = scan(body, p, [emitted, steps.first, steps.real], [p, p[:, :1]])
    norms = ops.log(norms) + peak + ops.where(steps.first, highest_start, highest)
    total = ops.sum(ops.where(steps.real, norms, ops.zeros_like(norms)), axis=(0, 2))
    return ops.log(ops.maximum(probabilities, tiny)), total


def _by_logarithms(steps: Chain) -> tuple[Tensor, Tensor]:
    def body(m: Tensor, now: list[Tensor]) -> tuple[Tensor, tuple]:
        emissions, first, real = now
        moved = ops.logsumexp(m[:, :, None] + steps.transitions, axis=1)
        new = ops.where(first, steps.start, moved) + emissions
        norm = ops.logsumexp(new, axis=-1, keepdims=True)
        m = ops.where(real, new - norm, m)
        return m, (m, norm)

    m = ops.zeros_like(steps.emissions[0])
    _, (messages, norms) = scan(body, m, [steps.emissions, steps.first, steps.real], [m, m[:, :1]])
    total = ops.sum(ops.where(steps.real, norms, ops.zeros_like(norms)), axis=(0, 2))
    return messages, total


def _pairs(steps: Chain, messages: Tensor, back: Tensor, weights: Tensor) -> Tensor:
    """Expected number of each pair of neighbouring tags, `(tags, tags)`, rows weighted."""
    before, after = messages[:-1], back[1:]  # a masked step holds the message of the token before it
    inner = ops.logical_and(steps.real, ops.logical_not(steps.first))[1:]
    weights = ops.where(inner, weights[:, None], ops.zeros_like(before[..., :1]))

    def by_products() -> Tensor:
        moved = ops.exp(steps.transitions - ops.max(steps.transitions))
        before_, after_ = ops.exp(before), ops.exp(after)
        norm = ops.sum(ops.matmul(before_, moved) * after_, axis=-1, keepdims=True)
        weighted = before_ * (weights / ops.maximum(norm, _tiny(norm)))
        tags = ops.shape(moved)[0]
        flat = (ops.reshape(x, (-1, tags)) for x in (weighted, after_))
        weighted, after_ = flat
        return moved * ops.matmul(ops.transpose(weighted), after_)

    def by_logarithms() -> Tensor:
        joint = before[..., :, None] + steps.transitions + after[..., None, :]
        joint = ops.exp(joint - ops.logsumexp(joint, axis=(-2, -1), keepdims=True))
        return ops.sum(joint * weights[..., None], axis=(0, 1))

    return ops.cond(_fits(steps), by_products, by_logarithms)


def _fits(steps: Chain) -> Tensor:
    """Whether probabilities do not underflow.

    In one step a tag falls behind the likeliest one by no more than the range of the scores; wherever
    transitions are forbidden it takes up to three steps from any tag to any other in the schemes of
    entity tagging.
    """
    allowed = steps.transitions > 0.5 * FORBIDDEN
    lowest = ops.min(ops.where(allowed, steps.transitions, ops.max(steps.transitions)))
    spread = ops.max(steps.transitions) - lowest
    spread += ops.max(ops.max(steps.emissions, axis=-1) - ops.min(steps.emissions, axis=-1))
    return spread < _exponents(steps.emissions) / 4


def _exponents(x: Tensor) -> float:
    return 700.0 if keras.backend.standardize_dtype(x.dtype) == "float64" else 87.0


def _tiny(x: Tensor) -> float:
    return math.exp(-_exponents(x))


def _precision() -> str:
    # JAX has no float64 unless asked for it
    return "float64" if keras.backend.backend() != "jax" and target().double else "float32"
