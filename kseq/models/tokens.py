"""Token ids at the two ends of a network: vectors on the way in, logits on the way out."""

from typing import Any

import keras
from keras import ops

from kseq.errors import fraction, positive

Tensor = Any


class Tokens(keras.layers.Layer):
    """An embedding and an output layer, with one matrix or with two.

        e = E[token]
        z = x V + b             V = E' with tied weights

    Args:
        size: number of token ids.
        embedding_dim: width of the embedding.
        tie_weights: use the embedding, transposed, as output layer.
        word_dropout: fraction of the tokens that training takes for unknown, id 1.
        embedding: an embedding to share, or None.
        seed: of the weights and of word dropout.
        **kwargs: of `keras.layers.Layer`.

    Call arguments:
        ids: integer, of any shape.
        training: whether word dropout is on.

    Returns:
        `(..., embedding_dim)`; `logits` is the way out.

    Reference:
        Press and Wolf, "Using the Output Embedding to Improve Language Models", 2017.
    """

    def __init__(
        self,
        size: int,
        embedding_dim: int,
        *,
        tie_weights: bool,
        word_dropout: float = 0.0,
        embedding: keras.layers.Embedding | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.size = positive("vocab_size", size)
        positive("embedding_dim", embedding_dim)
        self.word_dropout = fraction("word_dropout", word_dropout)
        seeds = (lambda n: None) if seed is None else (lambda n: seed + n)
        # wide as in `LanguageModel`, and narrow where it is the output layer too
        scale = keras.initializers.RandomNormal(stddev=0.1 if tie_weights else 1.0, seed=seeds(0))
        if embedding is None:
            embedding = keras.layers.Embedding(size, embedding_dim, name="embedding")
        if not embedding.built:
            embedding.embeddings_initializer = scale
        self.embedding = embedding
        self.head = None
        if not tie_weights:
            glorot = keras.initializers.GlorotUniform(seeds(1))
            self.head = keras.layers.Dense(size, kernel_initializer=glorot, name="head")
        self.seed_generator = keras.random.SeedGenerator(seeds(2))

    def build(self, width: int) -> None:
        """Make the weights for an output layer on `width` features."""
        if not self.embedding.built:  # one that is shared may be
            self.embedding.build((None, None))
        if self.head is not None:
            self.head.build((None, None, width))
        else:
            self.bias = self.add_weight(shape=(self.size,), initializer="zeros", name="bias")

    def call(self, ids: Tensor, training: bool = False) -> Tensor:
        if training and self.word_dropout:
            hidden = keras.random.uniform(ops.shape(ids), seed=self.seed_generator) < self.word_dropout
            ids = ops.where(ops.logical_and(hidden, ids > 0), ops.ones_like(ids), ids)
        return self.embedding(ids)

    @property
    def table(self) -> Tensor:
        """The matrix `E`, `(size, embedding_dim)`."""
        return ops.cast(self.embedding.embeddings, self.compute_dtype)

    def logits(self, x: Tensor) -> Tensor:
        """Logits `(..., size)` from `(..., features)`."""
        if self.head is not None:
            return self.head(x)
        return ops.matmul(x, ops.transpose(self.table)) + ops.cast(self.bias, self.compute_dtype)
