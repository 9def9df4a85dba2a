"""Losses over sequences."""

from typing import Any

import keras
from keras import ops

from kseq.errors import fraction
from kseq.ops import crf

Tensor = Any


@keras.saving.register_keras_serializable("kseq")
class NextTokenLoss(keras.losses.Loss):
    """Cross-entropy of the next token, summed over time and averaged over the batch.

        L = 1/batch * sum_b sum_t w(b, t) * -log p(y(b, t) | y(b, 1) .. y(b, t-1))

    The sum over time is what back-propagation through time differentiates: every step's error counts
    in full, whatever the window's length. In nats; divide by the number of time steps for the mean per
    token, or read it from `kseq.metrics.Perplexity`.

    With label smoothing the target is right with probability `1 - s` and otherwise any token:

        -log p(y)   becomes   -(1 - s) log p(y) - s/vocabulary * sum_k log p(k)

    Args:
        label_smoothing: `s`, in [0, 1).
        name: of the loss.
        **kwargs: of `keras.losses.Loss`, without `reduction`.

    Call arguments:
        y_true: integer `(batch, time)`.
        y_pred: logits `(batch, time, vocabulary)`.
        sample_weight: `(batch, time)`, zero where there is no token.

    Example:
        >>> loss = NextTokenLoss()
        >>> float(loss([[0, 1, 1]], [[[0.0, 0.0]] * 3])) / 3  # log 2 a token
        0.693147...

    Reference:
        Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2016 (smoothing).
    """

    def __init__(self, label_smoothing: float = 0.0, name: str = "next_token_loss", **kwargs: Any):
        kwargs.pop("reduction", None)
        super().__init__(name=name, reduction="sum", **kwargs)
        self.label_smoothing = fraction("label_smoothing", label_smoothing)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        # Keras sums what `call` returns over all axes: the mean over the batch is taken here
        batch = ops.cast(ops.shape(y_pred)[0], "float32")
        loss = token_nll(y_true, y_pred)
        if self.label_smoothing:
            logits = ops.cast(y_pred, "float32")
            of_target = ops.take_along_axis(logits, ops.cast(y_true, "int32")[..., None], axis=-1)[..., 0]
            loss = loss + self.label_smoothing * (of_target - ops.mean(logits, axis=-1))
        return loss / batch

    def get_config(self) -> dict:
        return {"label_smoothing": self.label_smoothing, "name": self.name, "dtype": self.dtype}


@keras.saving.register_keras_serializable("kseq")
class CRFLoss(keras.losses.Loss):
    """Negative log-likelihood of the true tag sequences under a `kseq.layers.CRF`.

        L = mean over the batch of -log p(tags | emissions)

    In nats a sequence: the sum over its tokens counts in full, as in `NextTokenLoss`. Masked tokens do
    not count, whatever their tag; an empty sequence counts zero.

    Args:
        name: of the loss.
        reduction: as in `keras.losses.Loss`.
        **kwargs: of `keras.losses.Loss`.

    Call arguments:
        y_true: integer tags `(batch, time)`.
        y_pred: the output of `kseq.layers.CRF`.
        sample_weight: `(batch,)`.
    """

    def __init__(self, name: str = "crf_loss", reduction: str = "sum_over_batch_size", **kwargs: Any):
        super().__init__(name=name, reduction=reduction, **kwargs)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return -crf.log_likelihood(crf.unpack(y_pred), y_true)


def token_nll(targets: Tensor, logits: Tensor) -> Tensor:
    """Negative log-likelihood of each target in nats, `(batch, time)`, in float32.

    Args:
        targets: integer `(batch, time)`.
        logits: `(batch, time, vocabulary)`.
    """
    return ops.sparse_categorical_crossentropy(targets, ops.cast(logits, "float32"), from_logits=True)
