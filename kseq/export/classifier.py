"""A classifier of texts as a SavedModel that takes raw text."""

from typing import Any

import tensorflow as tf

from kseq.data.segmentation import segment, truncate
from kseq.data.token_features import TokenFeatures
from kseq.export.reader import Reader
from kseq.export.saved_model import Endpoint, difference
from kseq.models import Classifier

Outputs = dict[str, tf.Tensor]
PROBES = ("A film as good as it is long.", "not bad at all", "酒店环境不错，就是有点吵。", "  ", "x" * 60)
SIGNATURES = {
    "classify": "text -> label, probability (of it), probabilities (batch, labels)",
    "weigh": "text -> tokens, weights (how much each weighed, batch by time), num_tokens",
}


class TextClassifier(Reader):
    """From raw text to labels, in one graph: what is exported is what `predict` runs.

    Args:
        model: the trained model, its task `"label"` and its targets names.
        features: what it sees of a token.
        level: how text is split, one of `kseq.data.segmentation.LEVELS`.
        max_tokens: of a text; longer ones are cut. None: none is.
        keep: which end of a text that is too long is kept, one of `kseq.data.segmentation.SIDES`.
        window: tokens read at once, the state being carried on; None: all of them.
    """

    def __init__(
        self,
        model: Classifier,
        features: TokenFeatures,
        level: str,
        max_tokens: int | None = None,
        keep: str = "start",
        window: int | None = None,
    ):
        self.model = model
        self.features = features
        self.level = level
        self.max_tokens = max_tokens
        self.keep = keep
        self.window = window
        self.labels = model.targets
        self._text = [tf.TensorSpec([None], tf.string, "text")]
        self.classify = tf.function(self._classify, input_signature=self._text)
        self.weigh = tf.function(self._weigh, input_signature=self._text)

    def signatures(self) -> dict[str, str]:
        return SIGNATURES if self.model.pooling == "attention" else {"classify": SIGNATURES["classify"]}

    def endpoints(self) -> list[Endpoint]:
        functions = {"classify": self._classify, "weigh": self._weigh}
        return [Endpoint(name, functions[name], self._text) for name in self.signatures()]

    def tables(self) -> list[Any]:
        return self.features.tables

    def check(self, loaded: Any) -> dict[str, float]:
        texts = tf.constant(PROBES)
        found = {}
        for name in self.signatures():
            theirs, ours = loaded.signatures[name](text=texts), getattr(self, name)(texts)
            found |= {f"{name} {key}": difference(theirs[key], value) for key, value in ours.items()}
        return found

    def tokens(self, text: tf.Tensor) -> tf.RaggedTensor:
        """The tokens of texts that the model reads."""
        return truncate(segment(text, self.level).tokens, self.max_tokens, self.keep)

    def _classify(self, text: tf.Tensor) -> Outputs:
        inputs = self.features(self.tokens(text))
        logits = self.model(inputs) if self.window is None else self.model.by_windows(inputs, self.window)
        probabilities = self.model.probabilities(logits)
        label = tf.gather(tf.constant(self.labels), tf.argmax(probabilities, axis=-1))
        probability = tf.reduce_max(probabilities, axis=-1)
        return {"label": label, "probability": probability, "probabilities": probabilities}

    def _weigh(self, text: tf.Tensor) -> Outputs:
        tokens = self.tokens(text)
        time = tf.cast(tf.reduce_max(tokens.row_lengths()), tf.int32)  # 0 if all texts are empty
        return {
            "tokens": tokens.to_tensor(),
            "weights": self.model.attention(self.features(tokens))[:, :time],
            "num_tokens": tf.cast(tokens.row_lengths(), tf.int32),
        }
