"""A classifier as a LiteRT model, that reads long texts chunk by chunk where the network allows it."""

from typing import Any

import numpy as np
import tensorflow as tf
from keras import tree

from kseq.export.classifier import PROBES, TextClassifier
from kseq.export.litert.task import (
    CHUNK,
    LiteTask,
    feature_probes,
    feature_sidecar,
    feature_specs,
    state_probes,
    state_specs,
    with_states,
)
from kseq.export.probes import Arrays
from kseq.export.saved_model import Endpoint


class LiteClassifier(LiteTask):
    """The signatures of a classifier.

        classify    what is seen of tokens -> probabilities
        reset       -> states of nothing read yet
        step        what is seen of further tokens, states -> probabilities so far, states

    The last two are there if the network reads forwards only, or was trained to read in windows; the runner
    uses them then.

    Args:
        reader: the classifier.
    """

    task = "classifier"

    def __init__(self, reader: TextClassifier):
        self.text_classifier = reader
        self.model = reader.model
        self.specs = feature_specs(reader.features)
        bidirectional = reader.model.encoder.config["bidirectional"]
        self.chunk = reader.window or (None if bidirectional else CHUNK)
        self.start = reader.model.start(1)

    def endpoints(self) -> list[Endpoint]:
        whole = Endpoint("classify", self._classify, self.specs)
        if self.chunk is None:
            return [whole]
        step = Endpoint("step", self._step, [*self.specs, *state_specs(self.start)])
        return [*([] if self.text_classifier.window else [whole]), Endpoint("reset", self._reset, []), step]

    def probes(self) -> Arrays:
        tokens = self.text_classifier.tokens(tf.constant(PROBES))
        inputs = feature_probes(self.text_classifier.features, tokens)
        steps = [{**x, **state_probes(self.start, seed)} for seed, x in enumerate(inputs)]
        known = {"classify": inputs, "reset": [{}], "step": steps}
        return {endpoint.name: known[endpoint.name] for endpoint in self.endpoints()}

    def sidecar(self) -> dict[str, Any]:
        reader = self.text_classifier
        about = {"labels": reader.labels, "max_tokens": reader.max_tokens, "keep": reader.keep}
        return {**about, "chunk": self.chunk, **feature_sidecar(reader.features, reader.level)}

    def check(self, runner: Any) -> dict[str, float]:
        ours = self.text_classifier.classify(tf.constant(PROBES))["probabilities"].numpy()
        theirs = np.array([runner.probabilities(text) for text in PROBES])
        return {"probabilities": float(np.abs(ours - theirs).max())}

    def reader(self, runner: Any) -> Any:
        return _Labels(runner)

    def _named(self, features: tuple) -> dict[str, tf.Tensor]:
        return {spec.name: x for spec, x in zip(self.specs, features, strict=True)}

    def _classify(self, *features: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"probabilities": self.model.probabilities(self.model(self._named(features)))}

    def _reset(self) -> dict[str, tf.Tensor]:
        return with_states(self.model.start(1))

    def _step(self, *inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        count = len(self.specs)
        before = tree.pack_sequence_as(self.start, list(inputs[count:]))
        state = self.model.read(self._named(inputs[:count]), before)
        return {"probabilities": self.model.probabilities(self.model.logits(state)), **with_states(state)}


class _Labels:
    """A runner as `TextClassifier.classify`."""

    def __init__(self, runner: Any):
        self.runner = runner
        self.labels = runner.labels

    def classify(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        rows = [self.runner.probabilities(one.decode()) for one in text.numpy()]
        return {"probabilities": tf.constant(np.array(rows))}
