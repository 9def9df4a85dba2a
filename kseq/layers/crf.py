"""A linear-chain conditional random field as the head of a tagger."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kseq import tags as schemes
from kseq.errors import UserError, positive
from kseq.ops import crf

Tensor = Any


@keras.saving.register_keras_serializable("kseq")
class CRF(keras.layers.Layer):
    """Score whole tag sequences: one score for each tag at each token, one for each pair of neighbours.

        score(y) = start[y(1)] + sum_t x[t, y(t)] + sum_t transitions[y(t-1), y(t)] + end[y(n)]
        p(y | x) = exp(score(y)) / sum_y' exp(score(y'))

    The output is every score in one tensor. A model that ends in it is trained by plain `compile` and
    `fit` with `kseq.losses.CRFLoss`; `CRFDecoder` makes the best tags of it, `kseq.ops.crf.unpack` the
    scores. Always computed in float32.

    Args:
        num_tags: number of tags.
        labels: names of the tags, such as `("O", "B-PER", "I-PER")`; with `scheme`, transitions that
            the scheme does not know are forbidden, in training and in decoding.
        scheme: one of `kseq.tags.SCHEMES`, or None to allow every transition.
        use_transitions: False scores no pairs and no ends: each token for itself, a softmax over its tags,
            which the scheme still restricts.
        initializer: of start, end and transitions.
        regularizer: of the transitions.
        **kwargs: of `keras.layers.Layer`.

    Call arguments:
        emissions: `(batch, time, num_tags)`.
        mask: boolean `(batch, time)`, True for a real token; any pattern.

    Returns:
        `(batch, 2 + num_tags + time, num_tags + 1)`, see `kseq.ops.crf.pack`.

    Raises:
        UserError: `labels` are not `num_tags`, or `scheme` has no labels.

    Example:
        >>> from kseq.losses import CRFLoss
        >>> tokens = keras.Input((None,), dtype="int32")
        >>> x = keras.layers.Embedding(100, 8, mask_zero=True)(tokens)
        >>> scores = CRF(3)(keras.layers.Dense(3)(x))
        >>> model = keras.Model(tokens, scores)
        >>> model.compile("adam", CRFLoss())
        >>> tagger = keras.Model(tokens, CRFDecoder()(scores))  # shares the weights
        >>> tuple(tagger(keras.ops.ones((2, 7), "int32")).shape)
        (2, 7)

    Reference:
        Lafferty, McCallum and Pereira, "Conditional Random Fields", 2001; Huang, Xu and Yu,
        "Bidirectional LSTM-CRF Models for Sequence Tagging", 2015.
    """

    def __init__(
        self,
        num_tags: int,
        labels: Sequence[str] | None = None,
        scheme: str | None = None,
        use_transitions: bool = True,
        initializer: Any = "random_uniform",
        regularizer: Any = None,
        **kwargs: Any,
    ):
        super().__init__(autocast=False, **kwargs)
        self.num_tags = positive("num_tags", num_tags)
        self.labels = None if labels is None else tuple(labels)
        self.scheme = scheme
        self.use_transitions = use_transitions
        self.initializer = keras.initializers.get(initializer)
        self.regularizer = keras.regularizers.get(regularizer)
        self.supports_masking = True
        if self.labels is not None and len(self.labels) != num_tags:
            raise UserError(f"`labels` must be {num_tags}, one a tag, got {len(self.labels)}")
        if scheme is not None and labels is None:
            raise UserError("`scheme` needs `labels`: which tag is which")
        self._allowed = None if scheme is None else schemes.allowed(self.labels, scheme)

    def build(self, emissions_shape: Any) -> None:
        if emissions_shape[-1] != self.num_tags:
            raise UserError(
                f"`emissions` must be (batch, time, {self.num_tags}), got {tuple(emissions_shape)}"
            )
        if self.use_transitions:
            tags = (self.num_tags,)
            self.transitions = self._weight("transitions", tags * 2, self.regularizer)
            self.start = self._weight("start", tags)
            self.end = self._weight("end", tags)

    def _weight(self, name: str, shape: tuple, regularizer: Any = None) -> keras.Variable:
        initializer = self.initializer.clone()  # two weights must not begin alike
        return self.add_weight(shape=shape, initializer=initializer, regularizer=regularizer, name=name)

    def call(self, emissions: Tensor, mask: Tensor | None = None) -> Tensor:
        return crf.pack(self.scores(emissions, mask))

    def scores(self, emissions: Tensor, mask: Tensor | None = None) -> crf.Scores:
        """What the functions of `kseq.ops.crf` take."""
        if self.use_transitions:
            weights = (self.transitions, self.start, self.end)
            transitions, start, end = (ops.cast(x, "float32") for x in weights)
        else:
            start = end = ops.zeros((self.num_tags,))
            transitions = ops.zeros((self.num_tags, self.num_tags))
        if self._allowed is not None:
            start = _forbid(start, self._allowed.start)
            transitions = _forbid(transitions, self._allowed.transitions)
            end = _forbid(end, self._allowed.end)
        return crf.Scores(ops.cast(emissions, "float32"), transitions, start, end, mask)

    def compute_mask(self, emissions: Tensor, mask: Tensor | None = None) -> None:
        return None  # it is in the output

    def compute_output_shape(self, emissions_shape: Any) -> tuple:
        batch, time, _ = emissions_shape
        rows = None if time is None else 2 + self.num_tags + time
        return batch, rows, self.num_tags + 1

    def compute_output_spec(self, emissions: Any, mask: Any = None) -> keras.KerasTensor:
        return keras.KerasTensor(self.compute_output_shape(emissions.shape), "float32")

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "num_tags": self.num_tags,
            "labels": self.labels,
            "scheme": self.scheme,
            "use_transitions": self.use_transitions,
            "initializer": keras.initializers.serialize(self.initializer),
            "regularizer": keras.regularizers.serialize(self.regularizer),
        }


@keras.saving.register_keras_serializable("kseq")
class CRFDecoder(keras.layers.Layer):
    """The best tag sequences under the scores of a `CRF` layer.

    Args:
        k: how many, best first; None for the best one alone.
        **kwargs: of `keras.layers.Layer`.

    Call arguments:
        scores: the output of `CRF`.

    Returns:
        int32 `(batch, time)`, with `k` `(batch, k, time)`; 0 at masked tokens.
    """

    def __init__(self, k: int | None = None, **kwargs: Any):
        super().__init__(autocast=False, **kwargs)
        self.k = positive("k", k)

    def call(self, scores: Tensor) -> Tensor:
        scores = crf.unpack(scores)
        return crf.viterbi(scores)[0] if self.k is None else crf.k_best(scores, self.k)[0]

    def compute_output_shape(self, scores_shape: Any) -> tuple:
        batch, rows, width = scores_shape
        time = None if rows is None else rows - width - 1
        return (batch, time) if self.k is None else (batch, self.k, time)

    def compute_output_spec(self, scores: Any) -> keras.KerasTensor:
        return keras.KerasTensor(self.compute_output_shape(scores.shape), "int32")

    def get_config(self) -> dict:
        return {**super().get_config(), "k": self.k}


def _forbid(scores: Tensor, allowed: np.ndarray) -> Tensor:
    return ops.where(ops.convert_to_tensor(allowed), scores, crf.FORBIDDEN)
