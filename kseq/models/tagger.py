"""A recurrent tagger with a CRF head."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kseq import cells
from kseq.errors import UserError, fraction, one_of, positive
from kseq.layers import CRF, RNN, Bidirectional
from kseq.models.characters import CharacterEncoder
from kseq.ops import crf

Tensor = Any
#: width of the embedding of each feature, where nothing else is said
WIDTHS = {"tokens": 100, "casing": 10, "bigrams": 50}


@keras.saving.register_keras_serializable("kseq")
class Tagger(keras.Model):
    """Give every token of a sentence a tag.

        x(t) = [word(t); characters(t); casing(t); ...]           concatenated embeddings
        h(t) = [forward(x(1) .. x(t)); backward(x(t) .. x(n))]    stacked, of any cell
        e(t) = h(t) V + b                                         emissions
        p(y | x) by a linear-chain CRF over e, or by a softmax at each token

    Dropout is locked: one mask for a whole sentence. Train with `kseq.losses.CRFLoss`, whichever head.

    Args:
        sizes: number of ids of each input feature, `tokens` among them; `characters` are encoded by a
            network of their own, any other is an embedding. Id 0 is padding, 1 unknown.
        labels: names of the tags.
        scheme: one of `kseq.tags.SCHEMES`; tag sequences that it does not know are impossible. None:
            all are possible.
        cell: name of the cell, one of `kseq.cells.NAMES`.
        units: width of one direction.
        num_layers: number of bidirectional layers.
        widths: of the embeddings by feature, where other than `kseq.models.tagger.WIDTHS`.
        character_encoder: `"cnn"` or `"lstm"`, see `CharacterEncoder`.
        character_units: width of what is said of a token's characters.
        head: `"crf"` or `"softmax"`.
        dropout: on the embeddings, between and behind the layers.
        recurrent_dropout: on `h(t-1)` inside the cells.
        word_dropout: fraction of the tokens that training takes for unknown, so that it knows what an
            unknown word is.
        seed: of the weights and of dropout.
        **kwargs: of `keras.Model`.

    Call arguments:
        inputs: feature name to ids, integer `(batch, time)`, `characters` `(batch, time, characters)`.
            A token is real where the id in `tokens` is not 0.
        training: whether dropout is on.

    Returns:
        The scores of `kseq.layers.CRF`: `kseq.layers.CRFDecoder` or `tag` make tags of them.

    Raises:
        UserError: an argument is none of the above.

    Example:
        >>> model = Tagger({"tokens": 50}, ("O", "B-PER", "I-PER"), "BIO", units=8)
        >>> tags, confidence = model.tag({"tokens": keras.ops.ones((2, 7), "int32")})
        >>> tags.shape
        (2, 7)

    Reference:
        Lample et al., "Neural Architectures for Named Entity Recognition", 2016; Ma and Hovy,
        "End-to-end Sequence Labeling via Bi-directional LSTM-CNNs-CRF", 2016.
    """

    def __init__(
        self,
        sizes: Mapping[str, int],
        labels: Sequence[str],
        scheme: str | None = None,
        *,
        cell: str = "lstm",
        units: int = 200,
        num_layers: int = 1,
        widths: Mapping[str, int] | None = None,
        character_encoder: str = "cnn",
        character_units: int = 50,
        head: str = "crf",
        dropout: float = 0.5,
        recurrent_dropout: float = 0.0,
        word_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if "tokens" not in sizes:
            raise UserError(f"`sizes` must have `tokens`, got {sorted(sizes)}")
        self.config = {
            "sizes": dict(sizes),
            "labels": tuple(labels),
            "scheme": scheme,
            "cell": one_of("cell", cell, cells.NAMES),
            "units": positive("units", units),
            "num_layers": positive("num_layers", num_layers),
            "widths": dict(widths or {}),
            "character_encoder": character_encoder,
            "character_units": character_units,
            "head": one_of("head", head, ("crf", "softmax")),
            "dropout": fraction("dropout", dropout),
            "recurrent_dropout": fraction("recurrent_dropout", recurrent_dropout),
            "word_dropout": fraction("word_dropout", word_dropout),
            "seed": seed,
        }
        self.supports_jit = False  # XLA would compile anew for every length, and leave cores idle
        self._seed = (lambda n: None) if seed is None else (lambda n: seed + n)
        widths = {**WIDTHS, **self.config["widths"]}
        self.embeddings = {
            name: keras.layers.Embedding(
                size,
                positive("widths", widths.get(name, WIDTHS["casing"])),
                # the sum of the squares of a row is about one third of its width
                keras.initializers.RandomUniform(-1.0, 1.0, seed=self._seed(10 + n)),
                name=name,
            )
            for n, (name, size) in enumerate(sizes.items())
            if name != "characters"
        }
        self.characters = None
        if "characters" in sizes:
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
        self.encoders = [self._encoder(n) for n in range(num_layers)]
        self.emissions = keras.layers.Dense(
            len(labels), kernel_initializer=keras.initializers.GlorotUniform(self._seed(3)), name="emissions"
        )
        self.crf = CRF(len(labels), labels, scheme, use_transitions=head == "crf", name="crf")

    def _encoder(self, n: int) -> Bidirectional:
        def direction(k: int) -> RNN:
            cell = cells.get(
                self.config["cell"],
                self.config["units"],
                recurrent_dropout=self.config["recurrent_dropout"],
                kernel_initializer=keras.initializers.GlorotUniform(self._seed(100 * k + 4 * n)),
                recurrent_initializer=keras.initializers.Orthogonal(seed=self._seed(100 * k + 4 * n + 1)),
                seed=self._seed(100 * k + 4 * n + 2),
            )
            return RNN(cell, return_sequences=True, go_backwards=k == 2, name=f"{('', 'for', 'back')[k]}ward")

        return Bidirectional(direction(1), backward_layer=direction(2), name=f"encoder_{n}")

    def build(self, inputs_shape: Any = None) -> None:
        width = 0
        for embedding in self.embeddings.values():
            embedding.build((None, None))
            width += embedding.output_dim
        if self.characters is not None:
            self.characters.build((None, None, None))
            width += self.config["character_units"]
        for encoder in self.encoders:
            encoder.build((None, None, width))
            width = 2 * self.config["units"]
        self.emissions.build((None, None, width))
        self.crf.build((None, None, len(self.config["labels"])))

    def call(self, inputs: Mapping[str, Tensor], training: bool = False) -> Tensor:
        if set(inputs) != set(self.config["sizes"]):
            raise UserError(f"inputs must have {sorted(self.config['sizes'])}, got {sorted(inputs)}")
        mask = ops.not_equal(inputs["tokens"], 0)
        parts = [embed(self._seen(name, inputs[name], training)) for name, embed in self.embeddings.items()]
        if self.characters is not None:
            parts.append(self.characters(inputs["characters"]))
        x = self.dropouts[0](ops.concatenate(parts, axis=-1), training=training)
        for encoder, dropout in zip(self.encoders, self.dropouts[1:], strict=True):
            x = dropout(encoder(x, mask=mask, training=training), training=training)
        return self.crf(self.emissions(x), mask=mask)

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

        Args:
            name: of the feature.
            matrix: `(ids, width)`.
            found: boolean `(ids,)`, which rows of it to take.

        The model must be built.
        """
        weights = self.embeddings[name].embeddings
        weights.assign(np.where(found[:, None], matrix, ops.convert_to_numpy(weights)))

    def tag(self, inputs: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """The best tags of a batch, and how sure the model is of each.

        Returns:
            Tags int32 `(batch, time)`, 0 at masked tokens, and their marginal probabilities.
        """
        scores = crf.unpack(self(inputs))
        tags, _ = crf.viterbi(scores)
        return tags, ops.take_along_axis(crf.marginals(scores), tags[..., None], axis=-1)[..., 0]

    def get_config(self) -> dict:
        return {**super().get_config(), **self.config}
