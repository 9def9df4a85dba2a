"""What the characters of a token say about it."""

from typing import Any

import keras
from keras import ops

from kseq.errors import one_of, positive
from kseq.layers import LSTM, Bidirectional

Tensor = Any


@keras.saving.register_keras_serializable("kseq")
class CharacterEncoder(keras.layers.Layer):
    """One vector for each token, from its characters.

        "cnn"    max over places of a convolution three characters wide
        "lstm"   the last states of an LSTM in each direction

    Args:
        size: number of character ids, 0 is padding.
        units: width of the vector; even for `"lstm"`.
        kind: `"cnn"` or `"lstm"`.
        embedding_dim: width of a character's embedding.
        seed: of the weights.
        **kwargs: of `keras.layers.Layer`.

    Call arguments:
        characters: integer `(batch, time, characters)`, padded on the right with 0.

    Returns:
        `(batch, time, units)`.

    Reference:
        dos Santos and Zadrozny, "Learning Character-level Representations for Part-of-Speech Tagging",
        2014 (convolution); Lample et al., "Neural Architectures for Named Entity Recognition", 2016
        (LSTM).
    """

    def __init__(
        self,
        size: int,
        units: int = 50,
        kind: str = "cnn",
        embedding_dim: int = 30,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.config = {
            "size": positive("size", size),
            "units": positive("units", units),
            "kind": one_of("kind", kind, ("cnn", "lstm")),
            "embedding_dim": positive("embedding_dim", embedding_dim),
            "seed": seed,
        }
        seeds = (lambda n: None) if seed is None else (lambda n: seed + n)
        uniform = keras.initializers.RandomUniform(-0.5, 0.5, seed=seeds(0))
        glorot = keras.initializers.GlorotUniform(seeds(1))
        self.embedding = keras.layers.Embedding(size, embedding_dim, uniform)
        if kind == "cnn":
            self.encoder = keras.layers.Conv1D(units, 3, padding="same", kernel_initializer=glorot)
        else:
            self.encoder = Bidirectional(LSTM(positive("units", units // 2), kernel_initializer=glorot))

    def build(self, characters_shape: Any) -> None:
        self.embedding.build((None, None))
        self.encoder.build((None, None, self.config["embedding_dim"]))

    def call(self, characters: Tensor) -> Tensor:
        batch, time, length = ops.shape(characters)
        flat = ops.reshape(characters, (-1, length))
        real = ops.not_equal(flat, 0)
        x = self.embedding(flat)
        if self.config["kind"] == "cnn":
            x = self.encoder(ops.where(real[..., None], x, ops.zeros_like(x)))
            lowest = ops.cast(-1e4, x.dtype)
            x = ops.max(ops.where(real[..., None], x, lowest), axis=1)
            x = ops.where(ops.any(real, axis=1, keepdims=True), x, ops.zeros_like(x))
        else:
            x = self.encoder(x, mask=real)
        return ops.reshape(x, (batch, time, self.config["units"]))

    def compute_output_shape(self, characters_shape: Any) -> tuple:
        return (*characters_shape[:2], self.config["units"])

    def get_config(self) -> dict:
        return {**super().get_config(), **self.config}
