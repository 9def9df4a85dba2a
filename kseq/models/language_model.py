"""A recurrent language model."""

from typing import Any

import keras
from keras import ops, tree

from kseq import cells
from kseq.errors import UserError, fraction, one_of, positive
from kseq.layers import Stacked
from kseq.models.carry import Carry
from kseq.models.ngram_embedding import NGramEmbedding

Tensor = Any


@keras.saving.register_keras_serializable("kseq")
class LanguageModel(keras.Model):
    """Predict the next token of a text from all tokens before it.

        e(t) = E[token(t)]                              and more with `input_ngrams`
        h(t), s(t) = rnn(e(t), s(t-1))                  stacked cells of any kind
        p(token(t+1) = k) = softmax(h(t) V + b)[k]      V = E' with tied weights

    Called on `{"tokens", "reset"}`, the batches of `kseq.data.contiguous_streams`, the model carries its
    states from each batch to the next, one set in training and one in evaluation, so that a window of
    truncated back-propagation sees the whole text before it. Called on tokens alone it starts from zero
    states and carries nothing. Dropout is variational everywhere.

    Args:
        vocab_size: number of token ids; id 0 is padding.
        cell: name of the cell, one of `kseq.cells.NAMES`.
        units: width of each recurrent layer.
        num_layers: number of recurrent layers.
        embedding_dim: width of the embedding; `units` if None.
        tie_weights: use the embedding, transposed, as output layer; where the widths differ, a linear
            layer stands between.
        dropout: on the embedding, between the layers and on the output.
        recurrent_dropout: on `h(t-1)` inside the cells.
        weight_dropout: on the recurrent weights of the cells.
        residual: add each layer's input to its output, from the second layer on.
        input_ngrams: add to each token's embedding those of the n-grams of up to so many tokens that end
            there, see `NGramEmbedding`; 1: none.
        input_ngram_rows: of each of their tables at most.
        seed: of the weights and of dropout.
        **kwargs: of `keras.Model`.

    Call arguments:
        inputs: integer tokens `(batch, time)`, or `{"tokens": ..., "reset": boolean (batch,)}`.
        training: whether dropout is on.

    Returns:
        Logits `(batch, time, vocab_size)`.

    Example:
        >>> model = LanguageModel(vocab_size=50, cell="peephole_lstm", units=8, num_layers=2)
        >>> tuple(model(keras.ops.ones((3, 7), "int32")).shape)
        (3, 7, 50)

    Reference:
        Mikolov et al., "Recurrent Neural Network Based Language Model", 2010; Press and Wolf, "Using the
        Output Embedding to Improve Language Models", 2017 (tying); Gal and Ghahramani, "A Theoretically
        Grounded Application of Dropout in Recurrent Neural Networks", 2016; Merity, Keskar and Socher,
        "Regularizing and Optimizing LSTM Language Models", 2018 (weight dropout).
    """

    def __init__(
        self,
        vocab_size: int,
        cell: str = "lstm",
        units: int = 256,
        num_layers: int = 1,
        *,
        embedding_dim: int | None = None,
        tie_weights: bool = False,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        weight_dropout: float = 0.0,
        residual: bool = False,
        input_ngrams: int = 1,
        input_ngram_rows: int = 20_000,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        embedding_dim = units if embedding_dim is None else positive("embedding_dim", embedding_dim)
        fraction("dropout", dropout)
        self.config = {
            "vocab_size": positive("vocab_size", vocab_size),
            "cell": one_of("cell", cell, cells.NAMES),
            "units": positive("units", units),
            "num_layers": positive("num_layers", num_layers),
            "embedding_dim": embedding_dim,
            "tie_weights": tie_weights,
            "dropout": dropout,
            "recurrent_dropout": recurrent_dropout,
            "weight_dropout": weight_dropout,
            "residual": residual,
            "input_ngrams": positive("input_ngrams", input_ngrams),
            "input_ngram_rows": input_ngram_rows,
            "seed": seed,
        }
        # `fit` would compile the whole step into one XLA program, which leaves all cores but one idle
        self.supports_jit = False
        seeds = (lambda n: None) if seed is None else (lambda n: seed + n)
        # Wide, so that tokens differ from the first step on, which cuts the early training time by half;
        # narrow where the same numbers are the output layer.
        scale = keras.initializers.RandomNormal(stddev=0.1 if tie_weights else 1.0, seed=seeds(0))
        self.embedding = keras.layers.Embedding(vocab_size, embedding_dim, scale, name="embedding")
        self.ngrams = None
        if input_ngrams > 1:
            options = {"rows": input_ngram_rows, "stddev": 0.1 if tie_weights else 0.3, "seed": seeds(50)}
            self.ngrams = NGramEmbedding(vocab_size, embedding_dim, input_ngrams, **options, name="ngrams")
        self.input_dropout = keras.layers.SpatialDropout1D(dropout, seed=seeds(1))
        self.rnn = Stacked(
            [
                cells.get(
                    cell,
                    units,
                    recurrent_dropout=recurrent_dropout,
                    weight_dropout=weight_dropout,
                    kernel_initializer=keras.initializers.GlorotUniform(seeds(10 + n)),
                    recurrent_initializer=keras.initializers.Orthogonal(seed=seeds(100 + n)),
                    seed=seeds(1000 + n),
                )
                for n in range(num_layers)
            ],
            residual=residual,
            dropout=dropout,
            seed=seeds(2),
            return_sequences=True,
            return_state=True,
            name="rnn",
        )
        self.output_dropout = keras.layers.SpatialDropout1D(dropout, seed=seeds(3))
        width = embedding_dim if tie_weights else vocab_size
        glorot = keras.initializers.GlorotUniform(seeds(4))
        self.head = None
        if not (tie_weights and embedding_dim == units):
            self.head = keras.layers.Dense(width, kernel_initializer=glorot, name="head")
        self.tie_weights = tie_weights
        widths = tree.map_structure(lambda x: x.shape[-1], self.initial_states(1))
        self.training_carry = Carry(widths, name="training_carry")
        self.evaluation_carry = Carry(widths, name="evaluation_carry")

    def build(self, inputs_shape: Any = None) -> None:
        self.embedding.build((None, None))
        if self.ngrams is not None:
            self.ngrams.build()
        self.rnn.build((None, None, self.config["embedding_dim"]))
        if self.head is not None:
            self.head.build((None, None, self.config["units"]))
        if self.tie_weights:
            self.output_bias = self.add_weight(
                shape=(self.config["vocab_size"],), initializer="zeros", name="output_bias"
            )

    def initial_states(self, batch_size: Any) -> list:
        """Zero states for `batch_size` rows: a list per layer; with `input_ngrams` also the tokens before."""
        states = list(self.rnn.get_initial_state(batch_size))
        return states if self.ngrams is None else [*states, self.ngrams.start(batch_size)]

    def _embed(self, tokens: Tensor, states: list, mask: Tensor | None = None) -> tuple[Tensor, list, list]:
        """Vectors of tokens, the states of the recurrent layers, and the other states after the tokens."""
        x = self.embedding(tokens)
        if self.ngrams is None:
            return x, states, []
        *states, context = states
        return x + self.ngrams(tokens, context), states, [self.ngrams.after(context, tokens, mask)]

    def forward(
        self,
        tokens: Tensor,
        states: list,
        mask: Tensor | None = None,
        training: bool | None = None,
    ) -> tuple[Tensor, list]:
        """Logits and states after `tokens`, from given states; carries nothing.

        Args:
            tokens: integer `(batch, time)`.
            states: as `initial_states` gives and this function returns.
            mask: boolean `(batch, time)`, True for a real token, or None if all are.
            training: whether dropout is on.

        Returns:
            `(logits, states)`, logits `(batch, time, vocab_size)`.
        """
        x, states, context = self._embed(tokens, states, mask)
        x = self.input_dropout(x, training=training)
        x, *states = self.rnn(x, initial_state=states, mask=mask, training=training)
        return self._logits(self.output_dropout(x, training=training)), [*states, *context]

    def _logits(self, x: Tensor) -> Tensor:
        x = x if self.head is None else self.head(x)
        if self.tie_weights:
            x = ops.matmul(x, ops.transpose(self.embedding.embeddings)) + self.output_bias
        return x

    def call(self, inputs: Any, training: bool | None = None) -> Tensor:
        if not isinstance(inputs, dict):
            return self.forward(inputs, self.initial_states(ops.shape(inputs)[0]), None, training)[0]
        if set(inputs) != {"tokens", "reset"}:
            raise UserError(f"inputs must have the keys tokens and reset, got {sorted(inputs)}")
        tokens = inputs["tokens"]
        carry = self.training_carry if training else self.evaluation_carry
        states = carry.start(self.initial_states(ops.shape(tokens)[0]), inputs["reset"])
        logits, states = self.forward(tokens, states, None, training)
        carry.set(states)
        return logits

    def read(self, tokens: Tensor, mask: Tensor | None = None) -> tuple[Tensor, list]:
        """Read a prompt: what `kseq.decoding` starts from.

        Args:
            tokens: integer `(batch, time)`, the first one the start of a text.
            mask: boolean `(batch, time)`, True for a real token; padding on the right.

        Returns:
            `(last_ids, states)`: each row's last real token, and the states before it.
        """
        mask = ops.ones_like(tokens, "bool") if mask is None else ops.cast(mask, "bool")
        last = ops.sum(ops.cast(mask, "int32"), axis=1, keepdims=True) - 1
        before = ops.arange(ops.shape(tokens)[1]) < last
        x, states, context = self._embed(tokens, self.initial_states(ops.shape(tokens)[0]), before)
        _, *states = self.rnn(x, initial_state=states, mask=before)
        return ops.cast(ops.take_along_axis(tokens, last, axis=1)[:, 0], "int32"), [*states, *context]

    def step(self, last_ids: Tensor, states: list) -> tuple[Tensor, list]:
        """One token further: the step function of `kseq.decoding`.

        Args:
            last_ids: integer `(rows,)`.
            states: the states before these tokens.

        Returns:
            `(log_probs, states)`, log_probs `(rows, vocab_size)` float32.
        """
        x, states, context = self._embed(last_ids[:, None], states)
        x, states = self.rnn.cell(x[:, 0], states)
        return ops.log_softmax(ops.cast(self._logits(x), "float32")), [*states, *context]

    def get_config(self) -> dict:
        return {**super().get_config(), **self.config}
