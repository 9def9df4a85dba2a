"""From log-probabilities to one chosen token."""

from typing import Any

from keras import ops

from kseq.decoding.step import LOWEST, Tensor, known
from kseq.errors import UserError


def filter_log_probs(
    log_probs: Tensor,
    *,
    temperature: Any = 1.0,
    top_k: Any = 0,
    top_p: Any = 1.0,
    min_p: Any = 0.0,
) -> Tensor:
    """Reshape a distribution before sampling from it.

        q = softmax(log_probs / temperature), restricted to
            the `top_k` most probable ids,
            of those the smallest set whose mass, renormalised, reaches `top_p`,
            and the ids with q >= min_p max(q);
        then renormalised

    Ties with the last id kept are kept. All options may be scalar tensors; numbers that switch a filter
    off save its work, which for `top_k` as a tensor and for `top_p` is a sort of the vocabulary.

    Args:
        log_probs: `(rows, vocabulary)`.
        temperature: below 1 sharpens, above 1 flattens; positive.
        top_k: how many ids to keep; 0 keeps all.
        top_p: mass to keep, in (0, 1]; the most probable id always stays.
        min_p: smallest share of the largest probability to keep, in [0, 1].

    Returns:
        Log-probabilities `(rows, vocabulary)` that sum to one; removed ids at -1e9.

    Example:
        >>> log_probs = ops.log(ops.convert_to_tensor([[0.5, 0.3, 0.15, 0.05]]))
        >>> ops.convert_to_numpy(ops.exp(filter_log_probs(log_probs, min_p=0.5))).round(3).tolist()
        [[0.625, 0.375, 0.0, 0.0]]

    Reference:
        Fan et al., "Hierarchical Neural Story Generation", 2018 (top-k); Holtzman et al., "The Curious
        Case of Neural Text Degeneration", 2020 (top-p); Nguyen et al., "Turning Up the Heat: Min-p
        Sampling for Creative and Coherent LLM Outputs", 2024.
    """
    dtype = log_probs.dtype
    x = log_probs if _is(temperature, 1) else log_probs / ops.cast(temperature, dtype)
    x = ops.log_softmax(x)
    kept = None
    if not (_is(top_k, 0) and _is(top_p, 1)):
        kept = x >= _lowest_of_top(x, top_k, top_p)
    if not _is(min_p, 0):
        least = ops.max(x, axis=-1, keepdims=True) + ops.log(ops.cast(min_p, dtype))
        kept = x >= least if kept is None else ops.logical_and(kept, x >= least)
    return x if kept is None else ops.log_softmax(ops.where(kept, x, ops.cast(LOWEST, dtype)))


def choose(log_probs: Tensor, uniform: Tensor) -> Tensor:
    """Draw one id per row by inverting the distribution function.

    Args:
        log_probs: `(rows, vocabulary)`, normalised or not.
        uniform: `(rows,)` random numbers in [0, 1), one per draw.

    Returns:
        int32 `(rows,)`.
    """
    probs = ops.softmax(log_probs)
    # a sum in pieces, as JAX does it, may rise or fall by a rounding where nothing is added
    cumulative = ops.where(probs > 0, ops.cumsum(probs, axis=-1), 0.0)
    total = ops.max(cumulative, axis=-1, keepdims=True)
    reached = cumulative > ops.expand_dims(uniform, -1) * total
    return ops.cast(ops.argmax(ops.logical_or(reached, cumulative >= total), axis=-1), "int32")


def check_options(temperature: Any = 1.0, top_k: Any = 0, top_p: Any = 1.0, min_p: Any = 0.0) -> None:
    """Raise a `UserError` that names the first option out of its range; tensors pass."""
    if known(temperature) and not temperature >= 0:
        raise UserError(f"`temperature` must be 0 (greedy) or more, got {temperature}")
    if known(top_k) and not top_k >= 0:
        raise UserError(f"`top_k` must be 0 (all tokens) or more, got {top_k}")
    if known(top_p) and not 0 < top_p <= 1:
        raise UserError(f"`top_p` must be above 0 and at most 1, got {top_p}")
    if known(min_p) and not 0 <= min_p <= 1:
        raise UserError(f"`min_p` must be at least 0 (all tokens) and at most 1, got {min_p}")


def _is(value: Any, number: float) -> bool:
    return known(value) and value == number


def _lowest_of_top(x: Tensor, top_k: Any, top_p: Any) -> Tensor:
    """The lowest log-probability that top-k and top-p keep, `(rows, 1)`."""
    vocab_size = x.shape[-1]
    width = min(int(top_k), vocab_size) if known(top_k) and top_k else vocab_size
    ordered = ops.top_k(x, width)[0]
    rank = ops.arange(width)
    top_k = ops.cast(top_k, "int32")
    kept = ops.where(top_k > 0, top_k, vocab_size) > rank  # (width,)
    masses = ops.where(kept, ops.exp(ordered), 0.0)
    masses = masses / ops.sum(masses, axis=-1, keepdims=True)
    before = ops.cumsum(masses, axis=-1) - masses
    top_p = ops.cast(top_p, x.dtype)
    top_p = ops.where(top_p < 1, top_p, 2.0)  # a rounded sum reaches 1 before the end
    kept = ops.logical_and(kept, before < top_p)
    return ops.min(ops.where(kept, ordered, -LOWEST), axis=-1, keepdims=True)
