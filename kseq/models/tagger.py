"""A recurrent tagger with a CRF head."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from kseq.errors import one_of
from kseq.layers import CRF
from kseq.models.encoder import SequenceEncoder
from kseq.ops import crf

Tensor = Any


@keras.saving.register_keras_serializable("kseq")
class Tagger(keras.Model):
    """Give every token of a sentence a tag.

        e(t) = h(t) V + b               emissions, h of a `SequenceEncoder`
        p(y | x) by a linear-chain CRF over e, or by a softmax at each token

    Train with `kseq.losses.CRFLoss`, whichever head.

    Args:
        encoder: what reads the tokens.
        labels: names of the tags.
        scheme: one of `kseq.tags.SCHEMES`; tag sequences that it does not know are impossible. None:
            all are possible.
        head: `"crf"` or `"softmax"`.
        seed: of the weights of the head.
        **kwargs: of `keras.Model`.

    Call arguments:
        inputs: what the encoder takes.
        training: whether dropout is on.

    Returns:
        The scores of `kseq.layers.CRF`: `kseq.layers.CRFDecoder` or `tag` make tags of them.

    Raises:
        UserError: an argument is none of the above.

    Example:
        >>> encoder = SequenceEncoder({"tokens": 50}, units=8)
        >>> model = Tagger(encoder, ("O", "B-PER", "I-PER"), "BIO")
        >>> tags, confidence = model.tag({"tokens": keras.ops.ones((2, 7), "int32")})
        >>> tuple(tags.shape)
        (2, 7)

    Reference:
        Lample et al., "Neural Architectures for Named Entity Recognition", 2016; Ma and Hovy,
        "End-to-end Sequence Labeling via Bi-directional LSTM-CNNs-CRF", 2016.
    """

    def __init__(
        self,
        encoder: SequenceEncoder,
        labels: Sequence[str],
        scheme: str | None = None,
        *,
        head: str = "crf",
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.encoder = encoder
        self.labels = tuple(labels)
        self.scheme = scheme
        self.head = one_of("head", head, ("crf", "softmax"))
        self.seed = seed
        self.supports_jit = False  # XLA would compile anew for every length, and leave cores idle
        glorot = keras.initializers.GlorotUniform(None if seed is None else seed + 3)
        self.emissions = keras.layers.Dense(len(labels), kernel_initializer=glorot, name="emissions")
        self.crf = CRF(len(labels), labels, scheme, use_transitions=head == "crf", name="crf")

    def build(self, inputs_shape: Any = None) -> None:
        if not self.encoder.built:  # one that was loaded is
            self.encoder.build(inputs_shape)
        self.emissions.build((None, None, self.encoder.width))
        self.crf.build((None, None, len(self.labels)))

    def call(self, inputs: Any, training: bool = False) -> Tensor:
        x = self.encoder(inputs, training=training)
        return self.crf(self.emissions(x), mask=self.encoder.mask(inputs))

    def tag(self, inputs: Any) -> tuple[Tensor, Tensor]:
        """The best tags of a batch, and how sure the model is of each.

        Returns:
            Tags int32 `(batch, time)`, 0 at masked tokens, and their marginal probabilities.
        """
        scores = crf.unpack(self(inputs))
        tags, _ = crf.viterbi(scores)
        return tags, ops.take_along_axis(crf.marginals(scores), tags[..., None], axis=-1)[..., 0]

    def get_config(self) -> dict:
        own = {name: getattr(self, name) for name in ("labels", "scheme", "head", "seed")}
        encoder = keras.saving.serialize_keras_object(self.encoder)
        return {**super().get_config(), "encoder": encoder, **own}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Any = None) -> "Tagger":
        encoder = keras.saving.deserialize_keras_object(config["encoder"], custom_objects)
        return cls(**{**config, "encoder": encoder})
