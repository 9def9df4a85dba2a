"""What a decoder is fed in training: true tokens, or what it said itself the step before."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from kseq.decoding import choose
from kseq.models.tokens import Tokens

Tensor = Any
LEVELS = ("output", "embedding", "mean_embedding")
Feed = Callable[[list[Tensor], Tensor], Tensor]


def draw(embedded: Tensor, share: Any, seed: keras.random.SeedGenerator) -> list[Tensor]:
    """For each step what `feeder` chooses by, time in front.

    Args:
        embedded: the true tokens, `(batch, steps, features)`.
        share: probability that a step is fed the true token; the first step always is.
        seed: of the choice, and of what `"output"` draws.

    Returns:
        The true tokens `(steps, batch, features)`, 1 or 0 for fed or not `(steps, batch, 1)`, random numbers
        `(steps, batch)`.
    """
    x = ops.swapaxes(embedded, 0, 1)
    steps, batch, _ = ops.shape(x)
    chance = keras.random.uniform((steps, batch), seed=seed)
    first = ops.equal(ops.arange(steps), 0)[:, None]
    is_fed = ops.logical_or(chance < share, first)
    uniform = keras.random.uniform((steps, batch), seed=seed)
    return [x, ops.cast(is_fed, x.dtype)[..., None], uniform]


def feeder(level: str, tokens: Tokens, logits: Callable[[Tensor], Tensor]) -> Feed:
    """A function that gives the embedded tokens of a step from what was drawn for it and the last output.

        x(t) = E[y(t-1)] if the true token is fed, otherwise

        "output"            E[k]                    k ~ p(t-1)
        "embedding"         E[argmax_k p(t-1, k)]
        "mean_embedding"    sum_k p(t-1, k) E[k]    has a gradient by p

    Args:
        level: which of the three.
        tokens: holds `E`.
        logits: gives the logits of an output, `(batch, vocabulary)`.
    """

    def said(output: Tensor, uniform: Tensor) -> Tensor:
        scores = logits(output)
        if level == "mean_embedding":
            return ops.matmul(ops.softmax(scores), tokens.table)
        return tokens(ops.argmax(scores, axis=-1) if level == "embedding" else choose(scores, uniform))

    def feed(now: list[Tensor], output: Tensor) -> Tensor:
        true, is_fed, uniform = now
        return ops.where(is_fed > 0, true, said(output, uniform))

    return feed
