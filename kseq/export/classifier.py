"""A classifier of texts as a SavedModel that takes raw text."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from kseq.data.segmentation import segment, truncate
from kseq.data.token_features import TokenFeatures
from kseq.export.saved_model import Endpoint, difference, save
from kseq.models import Classifier

Outputs = dict[str, tf.Tensor]
PROBES = ("A film as good as it is long.", "not bad at all", "酒店环境不错，就是有点吵。", "  ", "x" * 60)
SIGNATURES = {
    "classify": "text -> label, probability (of it), probabilities (batch, labels)",
    "weigh": "text -> tokens, weights (how much each weighed, batch by time), num_tokens",
}


class TextClassifier:
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
        text = [tf.TensorSpec([None], tf.string, "text")]
        self.classify = tf.function(self._classify, input_signature=text)
        self.weigh = tf.function(self._weigh, input_signature=text)

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


def save_classifier(
    classifier: TextClassifier,
    root: str | Path,
    name: str,
    *,
    config: Mapping[str, Any],
    metrics: Mapping[str, Any],
) -> Path:
    """Write `ROOT/NAME/VERSION/`, which TensorFlow Serving serves as it is, and prove it.

    With attention pooling there is a second signature, for the weights of the tokens.

    Args:
        classifier: the model and what it needs to read text.
        root: directory of all exports, usually `saved_models`.
        name: name of the export.
        config: what the model was trained with, for the manifest.
        metrics: what was measured, for the manifest.

    Returns:
        The directory of the new version.

    Raises:
        ExportError: the loaded export and the model disagree.
    """
    names = signatures(classifier.model)
    functions = {"classify": classifier._classify, "weigh": classifier._weigh}
    text = [tf.TensorSpec([None], tf.string, "text")]
    return save(
        [Endpoint(name, functions[name], text) for name in names],
        lambda loaded: _check(loaded, classifier, list(names)),
        root,
        name,
        track=[classifier.model, *classifier.features.tables],
        config=config,
        metrics=metrics,
        signatures=names,
    )


def signatures(model: Classifier) -> dict[str, str]:
    """The signatures of an export of this model, in words."""
    return SIGNATURES if model.pooling == "attention" else {"classify": SIGNATURES["classify"]}


def _check(loaded: Any, classifier: TextClassifier, names: list[str]) -> dict[str, float]:
    """Differences between the loaded export and the model, each with what it may be at most."""
    texts = tf.constant(PROBES)
    found = {}
    for name in names:
        theirs, ours = loaded.signatures[name](text=texts), getattr(classifier, name)(texts)
        found |= {f"{name} {key}": difference(theirs[key], value) for key, value in ours.items()}
    return found
