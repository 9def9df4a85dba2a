"""From log-probabilities to one chosen token."""

from typing import Any

from keras import ops

Tensor = Any


def filter_log_probs(
    log_probs: Tensor,
    *,
    temperature: Any = 1.0,
    top_k: Any = 0,
    top_p: Any = 1.0,
    banned: Any = (),
) -> Tensor:
    """Reshape a distribution before sampling from it.

        q = softmax(log_probs / temperature), without banned ids,
        restricted to the `top_k` most probable ids, and of those to the smallest set whose mass in `q`
        reaches `top_p`; then renormalised

    Ties with the last id kept are kept. All options but `banned` may be scalar tensors.

    Args:
        log_probs: `(batch, vocabulary)`.
        temperature: below 1 sharpens, above 1 flattens; positive.
        top_k: how many ids to keep; 0 keeps all.
        top_p: mass to keep, in (0, 1]; the most probable id always stays.
        banned: ids that must not be chosen.

    Returns:
        Log-probabilities `(batch, vocabulary)` that sum to one; removed ids at -1e9.

    Reference:
        Fan et al., "Hierarchical Neural Story Generation", 2018 (top-k); Holtzman et al., "The Curious
        Case of Neural Text Degeneration", 2020 (top-p).
    """
    vocab_size = log_probs.shape[-1]
    x = log_probs / ops.cast(temperature, log_probs.dtype)
    banned = list(banned)
    if banned:
        x = x - 1e9 * ops.sum(ops.one_hot(banned, vocab_size, dtype=x.dtype), axis=0)
    x = ops.log_softmax(x)
    ordered = ops.flip(ops.sort(x, axis=-1), axis=-1)  # most probable first
    rank = ops.arange(vocab_size)
    top_k = ops.cast(top_k, "int32")
    kept = ops.where(top_k > 0, top_k, vocab_size) > rank  # (vocabulary,)
    masses = ops.where(kept, ops.exp(ordered), 0.0)
    masses = masses / ops.sum(masses, axis=-1, keepdims=True)
    before = ops.cumsum(masses, axis=-1) - masses
    top_p = ops.where(ops.cast(top_p, x.dtype) < 1, top_p, 2.0)  # a rounded sum reaches 1 before the end
    kept = ops.logical_and(kept, before < ops.cast(top_p, x.dtype))
    threshold = ops.min(ops.where(kept, ordered, 1e9), axis=-1, keepdims=True)
    return ops.log_softmax(ops.where(x >= threshold, x, -1e9))


def choose(log_probs: Tensor, uniform: Tensor) -> Tensor:
    """Draw one id per row by inverting the distribution function.

    Args:
        log_probs: `(batch, vocabulary)`, normalised or not.
        uniform: `(batch,)` random numbers in [0, 1), one per draw.

    Returns:
        int32 `(batch,)`.
    """
    cumulative = ops.cumsum(ops.softmax(log_probs), axis=-1)
    target = ops.expand_dims(uniform, -1) * cumulative[:, -1:]
    return ops.sum(ops.cast(cumulative <= target, "int32"), axis=-1)
