"""From tokens or measurements to one vector a step: what a tagger and a classifier have in common."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from kseq import cells
from kseq.errors import UserError, fraction, one_of, positive
from kseq.layers import RNN, Bidirectional
from kseq.models.characters import CharacterEncoder

Tensor = Any
#: width of the embedding of each feature, where nothing else is said
WIDTHS = {"tokens": 100, "casing": 10, "bigrams": 50}


@keras.saving.register_keras_serializable("kseq")
class SequenceEncoder(keras.layers.Layer):
    """Read a sequence with a deep recurrent network, in one direction or in both.

        x(t) = [word(t); characters(t); casing(t); ...]           concatenated embeddings, or numbers
        h(t) = [forward(x(1) .. x(t)); backward(x(t) .. x(n))]    stacked, of any cell

    Dropout is locked: one mask for a whole sequence.

    Args:
        sizes: number of ids of each input feature, `tokens` among them; `characters` are encoded by a
            network of their own, any other is an embedding. Id 0 is padding, 1 unknown. None: the
            inputs are numbers.
        cell: name of the cell, one of `kseq.cells.NAMES`.
        units: width of one direction.
        num_layers: number of layers.
        bidirectional: whether each layer reads in both directions.
        widths: of the embeddings by feature, where other than `kseq.models.encoder.WIDTHS`.
        embedding_scale: bound of the absolute values that embeddings begin with. Wide, tokens differ from
            the first step on; narrow, a word that is rare in training says little, which is better where
            few words decide.
        character_encoder: `"cnn"` or `"lstm"`, see `CharacterEncoder`.
        character_units: width of what is said of a token's characters.
        dropout: on the inputs, between and behind the layers.
        recurrent_dropout: on `h(t-1)` inside the cells.
        word_dropout: fraction of the tokens that training takes for unknown, so that it knows what an
            unknown word is.
        seed: of the weights and of dropout.
        **kwargs: of `keras.layers.Layer`.

    Call arguments:
        inputs: feature name to ids, integer `(batch, time)`, `characters` `(batch, time, characters)`, a
            token being real where the id in `tokens` is not 0; or numbers `(batch, time, features)`.
        mask: boolean `(batch, time)`, for numbers; True for a real step.
        training: whether dropout is on.

    Returns:
        `(batch, time, width)`, zero or held at masked steps.

    Raises:
        UserError: an argument is none of the above.

    Example:
        >>> encoder = SequenceEncoder({"tokens": 50}, units=8)
        >>> tuple(encoder({"tokens": keras.ops.ones((2, 7), "int32")}).shape)
        (2, 7, 16)
    """

    def __init__(
        self,
        sizes: Mapping[str, int] | None = None,
        *,
        cell: str = "lstm",
        units: int = 200,
        num_layers: int = 1,
        bidirectional: bool = True,
        widths: Mapping[str, int] | None = None,
        embedding_scale: float = 1.0,
        character_encoder: str = "cnn",
        character_units: int = 50,
        dropout: float = 0.5,
        recurrent_dropout: float = 0.0,
        word_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if sizes is not None and "tokens" not in sizes:
            raise UserError(f"`sizes` must have `tokens`, got {sorted(sizes)}")
        self.config = {
            "sizes": None if sizes is None else dict(sizes),
            "cell": one_of("cell", cell, cells.NAMES),
            "units": positive("units", units),
            "num_layers": positive("num_layers", num_layers),
            "bidirectional": bidirectional,
            "widths": dict(widths or {}),
            "embedding_scale": positive("embedding_scale", embedding_scale),
            "character_encoder": character_encoder,
            "character_units": character_units,
            "dropout": fraction("dropout", dropout),
            "recurrent_dropout": fraction("recurrent_dropout", recurrent_dropout),
            "word_dropout": fraction("word_dropout", word_dropout),
            "seed": seed,
        }
        self.supports_masking = True
        self.width = (2 if bidirectional else 1) * units
        self._seed = (lambda n: None) if seed is None else (lambda n: seed + n)
        widths = {**WIDTHS, **self.config["widths"]}
        self.embeddings = {
            name: keras.layers.Embedding(
                size,
                positive("widths", widths.get(name, WIDTHS["casing"])),
                keras.initializers.RandomUniform(-embedding_scale, embedding_scale, self._seed(10 + n)),
                name=name,
            )
            for n, (name, size) in enumerate((sizes or {}).items())
            if name != "characters"
        }
        self.characters = None
        if "characters" in (sizes or {}):
            self.characters = CharacterEncoder(
                sizes["characters"],
                character_units,
                character_encoder,
                seed=self._seed(20),
                name="characters",
            )
        self.word_dropout_seed = keras.random.SeedGenerator(self._seed(1))
        self.dropouts = [
            keras.layers.SpatialDropout1D(dropout, seed=self._seed(30 + n)) for n in range(num_layers + 1)
        ]
        self.recurrent = [self._layer(n) for n in range(num_layers)]

    def _layer(self, n: int) -> keras.layers.Layer:
        if not self.config["bidirectional"]:
            return self._direction(n, 1)
        return Bidirectional(
            self._direction(n, 1), backward_layer=self._direction(n, 2), name=f"recurrent_{n}"
        )

    def _direction(self, n: int, k: int) -> RNN:
        cell = cells.get(
            self.config["cell"],
            self.config["units"],
            recurrent_dropout=self.config["recurrent_dropout"],
            kernel_initializer=keras.initializers.GlorotUniform(self._seed(100 * k + 4 * n)),
            recurrent_initializer=keras.initializers.Orthogonal(seed=self._seed(100 * k + 4 * n + 1)),
            seed=self._seed(100 * k + 4 * n + 2),
        )
        name = f"{('', 'for', 'back')[k]}ward" if self.config["bidirectional"] else f"recurrent_{n}"
        return RNN(cell, return_sequences=True, return_state=True, go_backwards=k == 2, name=name)

    def build(self, inputs_shape: Any = None) -> None:
        if self.config["sizes"] is None:
            width = inputs_shape[-1]
        else:
            width = 0
            for embedding in self.embeddings.values():
                embedding.build((None, None))
                width += embedding.output_dim
            if self.characters is not None:
                self.characters.build((None, None, None))
                width += self.config["character_units"]
        for layer in self.recurrent:
            layer.build((None, None, width))
            width = self.width

    def call(self, inputs: Any, mask: Tensor | None = None, training: bool = False) -> Tensor:
        return self.read(inputs, mask=mask, training=training)[0]

    def read(
        self, inputs: Any, states: list | None = None, mask: Tensor | None = None, training: bool = False
    ) -> tuple[Tensor, list]:
        """Read a sequence, or go on with one that comes in windows.

        Args:
            inputs: as of a call.
            states: as this function returns them, from the window before; the backward direction starts
                afresh in each window. None: zeros.
            mask: as of a call.
            training: as of a call.

        Returns:
            `(outputs, states)`: for each layer a list with the states of the forward direction and then
            those of the backward one.
        """
        x, mask = self._embed(inputs, training), self.mask(inputs, mask)
        x = self.dropouts[0](x, training=training)
        after = []
        for n, (layer, dropout) in enumerate(zip(self.recurrent, self.dropouts[1:], strict=True)):
            before = None if states is None else self._onward(layer, states[n], ops.shape(x)[0])
            x, *reached = layer(x, initial_state=before, mask=mask, training=training)
            x = dropout(x, training=training)
            after.append(reached)
        return x, after

    def initial_states(self, batch_size: Any) -> list:
        """Zero states for `batch_size` rows, as `read` returns states."""
        directions = ("forward_layer", "backward_layer") if self.config["bidirectional"] else ()
        return [
            [
                state
                for one in ([getattr(layer, name) for name in directions] or [layer])
                for state in one.get_initial_state(batch_size)
            ]
            for layer in self.recurrent
        ]

    def _onward(self, layer: keras.layers.Layer, states: list, batch_size: Any) -> list:
        """The states a layer starts a further window from."""
        if not self.config["bidirectional"]:
            return states
        return [*states[: len(states) // 2], *layer.backward_layer.get_initial_state(batch_size)]

    def mask(self, inputs: Any, mask: Tensor | None = None) -> Tensor | None:
        """Which steps of the inputs are real."""
        return mask if self.config["sizes"] is None else ops.not_equal(inputs["tokens"], 0)

    def _embed(self, inputs: Any, training: bool) -> Tensor:
        sizes = self.config["sizes"]
        if sizes is None:
            return inputs
        if set(inputs) != set(sizes):
            raise UserError(f"inputs must have {sorted(sizes)}, got {sorted(inputs)}")
        parts = [embed(self._seen(name, inputs[name], training)) for name, embed in self.embeddings.items()]
        if self.characters is not None:
            parts.append(self.characters(inputs["characters"]))
        return ops.concatenate(parts, axis=-1)

    def _seen(self, name: str, ids: Tensor, training: bool) -> Tensor:
        """The ids, of words some made unknown in training."""
        rate = self.config["word_dropout"]
        if name != "tokens" or not training or rate == 0:
            return ids
        drawn = keras.random.uniform(ops.shape(ids), seed=self.word_dropout_seed)
        hidden = ops.logical_and(drawn < rate, ids > 0)
        return ops.where(hidden, ops.ones_like(ids), ids)

    def set_vectors(self, name: str, matrix: np.ndarray, found: np.ndarray) -> None:
        """Put pretrained vectors into an embedding.

        The encoder must be built.

        Args:
            name: of the feature.
            matrix: `(ids, width)`.
            found: boolean `(ids,)`, which rows of it to take.
        """
        weights = self.embeddings[name].embeddings
        weights.assign(np.where(found[:, None], matrix, ops.convert_to_numpy(weights)))

    def compute_output_shape(self, inputs_shape: Any) -> tuple:
        shape = inputs_shape if self.config["sizes"] is None else inputs_shape["tokens"]
        return (*shape[:2], self.width)

    def get_config(self) -> dict:
        return {**super().get_config(), **self.config}
