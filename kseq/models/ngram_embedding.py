"""What the last few tokens were, beside the token itself."""

from typing import Any

import keras
from keras import ops

from kseq.errors import UserError, positive

Tensor = Any


@keras.saving.register_keras_serializable("kseq")
class NGramEmbedding(keras.layers.Layer):
    """Sum of the embeddings of the n-grams that end at each token.

        r_n(t) = (sum_k token(t-k) V^k) mod R_n        k = 0 .. n-1,  R_n = min(V^n, rows)
        e(t)   = sum_n E_n[r_n(t)]                     n = 2 .. order

    A recurrent network learns from its first steps on what n-gram counts know, at the cost of looking up
    some rows. Where there are more n-grams than rows, some share one. Before a text stand zeros.

    Args:
        vocab_size: number `V` of token ids.
        output_dim: width of the vectors.
        order: tokens of the longest n-gram, 2 or more.
        rows: of each table at most.
        stddev: of the normal distribution that tables begin with.
        seed: of the tables' initial values.
        **kwargs: of `keras.layers.Layer`.

    Call arguments:
        tokens: integer `(batch, time)`.
        context: the `order - 1` tokens before, as float32 `(batch, order - 1)`, the latest last.

    Returns:
        `(batch, time, output_dim)`.

    Raises:
        UserError: `order` is below 2, or `vocab_size * rows` too large for 32-bit integers.

    Reference:
        Bojanowski et al., "Enriching Word Vectors with Subword Information", 2017 (rows found by hashing);
        Pagnoni et al., "Byte Latent Transformer", 2024 (n-grams that end at each position).
    """

    def __init__(
        self,
        vocab_size: int,
        output_dim: int,
        order: int,
        *,
        rows: int = 20_000,
        stddev: float = 0.3,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if order < 2:
            raise UserError(f"`order` must be 2 or more, got {order}")
        self.vocab_size = positive("vocab_size", vocab_size)
        self.output_dim = positive("output_dim", output_dim)
        self.order = order
        self.rows = positive("rows", rows)
        if vocab_size * rows >= 2**31:
            most = (2**31 - 1) // vocab_size
            raise UserError(f"`rows` must be at most {most:,} with {vocab_size:,} tokens, got {rows:,}")
        self.stddev = stddev
        self.seed = seed

    def build(self, tokens_shape: Any = None, context_shape: Any = None) -> None:
        self.tables = [
            self.add_weight(
                shape=(min(self.vocab_size**n, self.rows), self.output_dim),
                initializer=keras.initializers.RandomNormal(
                    stddev=self.stddev, seed=None if self.seed is None else self.seed + n
                ),
                name=f"embeddings_{n}",
            )
            for n in range(2, self.order + 1)
        ]

    def start(self, batch_size: Any) -> Tensor:
        """The context of a text's first token."""
        return ops.zeros((batch_size, self.order - 1), "float32")

    def call(self, tokens: Tensor, context: Tensor) -> Tensor:
        steps = ops.shape(tokens)[1]
        both = _both(context, tokens)
        back = [both[:, self.order - 1 - k : self.order - 1 - k + steps] for k in range(self.order)]
        total = 0
        for n, table in enumerate(self.tables, 2):
            count = table.shape[0]
            row = sum(ops.mod(back[k] * (self.vocab_size**k % count), count) for k in range(n))
            total = total + ops.take(table, ops.mod(row, count), axis=0)
        return ops.cast(total, self.compute_dtype)

    def after(self, context: Tensor, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        """The context of the token behind the last one.

        Args:
            context: before `tokens`.
            tokens: as of a call.
            mask: boolean `(batch, time)`, True for a real token; padding on the right.
        """
        both = ops.cast(_both(context, tokens), "float32")
        if mask is None:
            return both[:, ops.shape(tokens)[1] :]
        count = ops.sum(ops.cast(mask, "int32"), axis=1, keepdims=True)
        return ops.take_along_axis(both, count + ops.arange(self.order - 1), axis=1)

    def get_config(self) -> dict:
        names = ("vocab_size", "output_dim", "order", "rows", "stddev", "seed")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def _both(context: Tensor, tokens: Tensor) -> Tensor:
    return ops.concatenate([ops.cast(context, "int32"), ops.cast(tokens, "int32")], axis=1)
