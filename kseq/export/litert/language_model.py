"""A language model as a LiteRT model that reads and writes as a stream."""

from typing import Any

import numpy as np
import tensorflow as tf
from keras import tree

from kseq.data import Vocabulary
from kseq.export.language_model import PROBES, text_log_prob
from kseq.export.litert.alphabet import alphabet
from kseq.export.litert.task import CHUNK, LiteTask, state_probes, state_specs, with_states
from kseq.export.probes import Arrays
from kseq.export.saved_model import Endpoint
from kseq.models import LanguageModel


class LiteLanguageModel(LiteTask):
    """The signatures of a language model.

        whole    tokens -> log_probs (1, time, vocabulary), of what follows each
        reset    -> states of nothing read yet
        step     further tokens, states -> log_probs, states

    Args:
        model: the trained model.
        vocabulary: its vocabulary.
    """

    task = "language_model"

    def __init__(self, model: LanguageModel, vocabulary: Vocabulary):
        self.model = model
        self.vocabulary = vocabulary
        self.start = model.initial_states(1)

    def endpoints(self) -> list[Endpoint]:
        tokens = tf.TensorSpec([1, None], tf.int32, "tokens")
        return [
            Endpoint("whole", lambda tokens: {"log_probs": tf.nn.log_softmax(self.model(tokens))}, [tokens]),
            Endpoint("reset", lambda: with_states(self.model.initial_states(1)), []),
            Endpoint("step", self._step, [tokens, *state_specs(self.start)]),
        ]

    def probes(self) -> Arrays:
        ids = [self.vocabulary.encode(text) for text in PROBES]
        tokens = [{"tokens": np.array([[self.vocabulary.bos_id, *x]], np.int32)} for x in ids]
        steps = [{**x, **state_probes(self.start, seed)} for seed, x in enumerate(tokens)]
        return {"whole": tokens, "reset": [{}], "step": steps}

    def sidecar(self) -> dict[str, Any]:
        classes = ("space",) if self.vocabulary.level == "word" else ()
        return {
            "vocabulary": self.vocabulary.get_config(),
            "unwritable": self.vocabulary.unwritable_ids,
            "chunk": CHUNK,
            "alphabet": alphabet(classes),
        }

    def check(self, runner: Any) -> dict[str, float]:
        texts = [text for text in PROBES if len(self.vocabulary.encode(text))]
        ours = np.array([text_log_prob(self.model, self.vocabulary, text) for text in texts])
        theirs = np.array([runner(text)["log_prob"] for text in texts])
        return {"log_prob": float(np.max(np.abs(ours - theirs) / np.maximum(1.0, np.abs(ours))))}

    def reader(self, runner: Any) -> Any:
        return runner

    def log_probs(self, ids: np.ndarray) -> np.ndarray:
        """The model's log-probability of each id of a text, given those before it, as the runner's."""
        inputs, states, found = np.array([self.vocabulary.bos_id, *ids[:-1]], np.int32), self.start, []
        forward = tf.function(self.model.forward, reduce_retracing=True)
        for start in range(0, len(ids), CHUNK):
            logits, states = forward(inputs[None, start : start + CHUNK], states)
            log_probs = tf.nn.log_softmax(logits)[0]
            found.append(tf.gather(log_probs, ids[start : start + CHUNK], batch_dims=1).numpy())
        return np.concatenate(found)

    def _step(self, tokens: tf.Tensor, *states: tf.Tensor) -> dict[str, tf.Tensor]:
        before = tree.pack_sequence_as(self.start, list(states))
        logits, after = self.model.forward(tokens, before)
        return {"log_probs": tf.nn.log_softmax(logits), **with_states(after)}
