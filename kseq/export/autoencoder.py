"""An autoencoder of texts as a SavedModel that takes raw text."""

from typing import Any

import tensorflow as tf

from kseq.data.segmentation import segment, truncate
from kseq.data.token_features import TokenFeatures
from kseq.export.reader import Reader
from kseq.export.saved_model import Endpoint, difference
from kseq.models import SequenceAutoencoder

Outputs = dict[str, tf.Tensor]
PROBES = ("A film as good as it is long.", "not bad at all", "  ", "x" * 60)
SIGNATURES = {
    "encode": "text -> vector (batch, width), the state that a text is read into",
    "reconstruct": "text -> reconstruction, what that state gives back",
}


class TextAutoencoder(Reader):
    """From raw text to a vector and back, in one graph.

    Args:
        model: the trained model.
        features: what it sees of a token: its word.
        level: how text is split, one of `kseq.data.segmentation.LEVELS`.
        max_tokens: of a text; longer ones are cut. None: none is.
    """

    def __init__(
        self, model: SequenceAutoencoder, features: TokenFeatures, level: str, max_tokens: int | None
    ):
        self.model = model
        self.features = features
        self.level = level
        self.max_tokens = max_tokens
        self._text = [tf.TensorSpec([None], tf.string, "text")]
        self.encode = tf.function(self._encode, input_signature=self._text)
        self.reconstruct = tf.function(self._reconstruct, input_signature=self._text)

    def signatures(self) -> dict[str, str]:
        return SIGNATURES

    def endpoints(self) -> list[Endpoint]:
        functions = {"encode": self._encode, "reconstruct": self._reconstruct}
        return [Endpoint(name, function, self._text) for name, function in functions.items()]

    def tables(self) -> list[Any]:
        return self.features.tables

    def check(self, loaded: Any) -> dict[str, float]:
        texts = tf.constant(PROBES)
        found = {}
        for name in SIGNATURES:
            theirs, ours = loaded.signatures[name](text=texts), getattr(self, name)(texts)
            found |= {f"{name} {key}": difference(theirs[key], value) for key, value in ours.items()}
        return found

    def ids(self, text: tf.Tensor) -> tf.Tensor:
        """The ids of texts that the model reads, `(batch, time)`."""
        return self.features(truncate(segment(text, self.level).tokens, self.max_tokens, "start"))["tokens"]

    def _encode(self, text: tf.Tensor) -> Outputs:
        return {"vector": self.model.encode_tokens(self.ids(text))}

    def _reconstruct(self, text: tf.Tensor) -> Outputs:
        ids = self.model.reconstruct(self.ids(text))
        names = tf.constant([*self.features.words, "", ""])  # the beginning and the end are no words
        words = tf.ragged.boolean_mask(tf.gather(names, ids), ids != 0)
        joiner = "" if self.level == "char" else " "
        return {"reconstruction": tf.strings.reduce_join(words, axis=1, separator=joiner)}
