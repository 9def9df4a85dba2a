"""Attention: how much each position of a source matters to a query."""

from typing import Any

from keras import ops

Tensor = Any


def additive(
    queries: Tensor,
    keys: Tensor,
    vector: Tensor,
    coverage: Tensor | None = None,
    coverage_kernel: Tensor | None = None,
) -> Tensor:
    """Scores by a hidden layer over query and key.

        score(t, i) = v' tanh(q(t) + k(i) [+ w c(t, i)])

    Args:
        queries: `(batch, steps, units)`.
        keys: `(batch, source, units)`.
        vector: `v`, `(units,)`.
        coverage: `c`, `(batch, steps, source)`, the attention that each position has had so far, or None.
        coverage_kernel: `w`, `(units,)`.

    Returns:
        `(batch, steps, source)`.

    Reference:
        Bahdanau, Cho and Bengio, "Neural Machine Translation by Jointly Learning to Align and
        Translate", 2015; See, Liu and Manning, "Get To The Point", 2017 (coverage).
    """
    hidden = queries[:, :, None] + keys[:, None]  # (batch, steps, source, units)
    if coverage is not None:
        hidden = hidden + coverage[..., None] * coverage_kernel
    # as one flat product, which is a third faster than one for each entry of the batch
    flat = ops.matmul(ops.reshape(ops.tanh(hidden), (-1, hidden.shape[-1])), vector[:, None])
    return ops.reshape(flat, ops.shape(hidden)[:-1])


def dot(queries: Tensor, keys: Tensor, scale: float = 1.0) -> Tensor:
    """Scores by dot product.

        score(t, i) = scale * q(t)' k(i)

    Args:
        queries: `(batch, steps, units)`.
        keys: `(batch, source, units)`.
        scale: a factor.

    Returns:
        `(batch, steps, source)`.

    Reference:
        Luong, Pham and Manning, "Effective Approaches to Attention-based Neural Machine Translation",
        2015.
    """
    return ops.matmul(queries * scale, ops.swapaxes(keys, 1, 2))


def masked_softmax(scores: Tensor, mask: Tensor) -> Tensor:
    """The weights of the real positions, in float32.

        a(t, i) = exp(score(t, i)) / sum over real j of exp(score(t, j))

    Args:
        scores: `(batch, steps, source)`.
        mask: boolean `(batch, source)`, True for a real position.

    Returns:
        `(batch, steps, source)`; exactly 0 where masked, everywhere if no position is real.
    """
    real = ops.expand_dims(mask, 1)
    scores = ops.where(real, ops.cast(scores, "float32"), -1e30)
    masses = ops.exp(scores - ops.stop_gradient(ops.max(scores, axis=-1, keepdims=True)))
    masses = ops.where(real, masses, 0.0)
    return masses / ops.maximum(ops.sum(masses, axis=-1, keepdims=True), 1e-30)
