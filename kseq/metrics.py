"""Metrics that weigh tokens, not batches."""

import math
from typing import Any

import keras
from keras import ops

from kseq.losses import token_nll
from kseq.ops import crf

Tensor = Any


@keras.saving.register_keras_serializable("kseq")
class TokenLoss(keras.metrics.Mean):
    """Mean negative log-likelihood per token, in nats.

        sum_bt w(b, t) * -log p(y(b, t)) / sum_bt w(b, t)

    Sums and weights are kept apart over all batches, so that a short last batch counts by its tokens.

    Call arguments:
        y_true: integer `(batch, time)`.
        y_pred: logits `(batch, time, vocabulary)`.
        sample_weight: `(batch, time)`, zero where there is no token.
    """

    def __init__(self, name: str = "nats", **kwargs: Any):
        super().__init__(name=name, **kwargs)

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> None:
        nll = token_nll(y_true, y_pred)
        if sample_weight is not None:
            sample_weight = ops.reshape(ops.broadcast_to(sample_weight, ops.shape(nll)), (-1,))
        # flat, because `Mean` averages over every axis but the first before it weighs
        super().update_state(ops.reshape(nll, (-1,)), sample_weight)


@keras.saving.register_keras_serializable("kseq")
class Perplexity(TokenLoss):
    """Exponential of the mean negative log-likelihood per token.

        PP = exp(-1/N * sum_t log p(y(t) | y(1) .. y(t-1)))

    How many equally likely tokens the model is as unsure between; the vocabulary's size for a model
    that knows nothing.

    Example:
        >>> metric = Perplexity()
        >>> metric.update_state([[0, 1]], [[[0.0, 0.0, 0.0, 0.0]] * 2])
        >>> round(float(metric.result()), 4)
        4.0
    """

    def __init__(self, name: str = "perplexity", **kwargs: Any):
        super().__init__(name=name, **kwargs)

    def result(self) -> Tensor:
        return ops.exp(super().result())


@keras.saving.register_keras_serializable("kseq")
class BitsPerCharacter(TokenLoss):
    """Mean negative log-likelihood in bits; per character if tokens are characters.

    BPC = -1/N * sum_t log2 p(y(t) | y(1) .. y(t-1))
    """

    def __init__(self, name: str = "bpc", **kwargs: Any):
        super().__init__(name=name, **kwargs)

    def result(self) -> Tensor:
        return super().result() / math.log(2)


@keras.saving.register_keras_serializable("kseq")
class CRFAccuracy(keras.metrics.Mean):
    """Share of the real tokens whose tag in the best sequence is the true one.

    Call arguments:
        y_true: integer tags `(batch, time)`.
        y_pred: the output of `kseq.layers.CRF`.
        sample_weight: not used.
    """

    def __init__(self, name: str = "accuracy", **kwargs: Any):
        super().__init__(name=name, **kwargs)

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> None:
        scores = crf.unpack(y_pred)
        right = ops.cast(crf.viterbi(scores)[0] == ops.cast(y_true, "int32"), "float32")
        super().update_state(ops.reshape(right, (-1,)), ops.reshape(scores.mask, (-1,)))
