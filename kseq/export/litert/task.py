"""From raw text to results with a LiteRT model: what each task says of itself."""

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf
from keras import tree

from kseq.data.token_features import TokenFeatures
from kseq.export.litert.alphabet import alphabet
from kseq.export.probes import Arrays
from kseq.export.saved_model import Endpoint

CHUNK = 128  # steps that a streaming signature is fed at once by the runner


class LiteTask:
    """A model as signatures on ids, and what `kseq.export.lite_runner` needs to feed them from text.

    Everything is of batch one with any number of steps: the runner pads nothing.
    """

    #: the task's name in `kseq.export.lite_runner.TASKS`
    task: str
    #: the trained network
    model: Any

    def endpoints(self) -> list[Endpoint]:
        """The signatures."""
        raise NotImplementedError

    def probes(self) -> Arrays:
        """For each signature inputs to try it on."""
        raise NotImplementedError

    def sidecar(self) -> dict[str, Any]:
        """What the runner needs to know besides the signatures, as plain JSON types."""
        raise NotImplementedError

    def check(self, runner: Any) -> dict[str, float]:
        """Differences between the runner and this process on raw text, by what was compared."""
        raise NotImplementedError

    def reader(self, runner: Any) -> Any:
        """The runner in the guise of the reader that the scores of a pipeline are computed with."""
        raise NotImplementedError


def with_states(structure: Any) -> dict[str, Any]:
    """A nested structure of states as outputs of a signature, one name each."""
    return {f"state_{n}": value for n, value in enumerate(tree.flatten(structure))}


def state_specs(structure: Any) -> list[tf.TensorSpec]:
    """How a signature takes them."""
    return [tf.TensorSpec(x.shape, x.dtype, name) for name, x in with_states(structure).items()]


def state_probes(structure: Any, seed: int = 0) -> dict[str, np.ndarray]:
    """Random states of the same shapes."""
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=x.shape).astype("float32") for name, x in with_states(structure).items()}


def feature_specs(features: TokenFeatures) -> list[tf.TensorSpec]:
    """How a signature takes what is seen of tokens."""
    shapes = {"characters": [1, None, features.max_characters]}
    return [tf.TensorSpec(shapes.get(name, [1, None]), tf.int32, name) for name in features.sizes]


def feature_probes(features: TokenFeatures, tokens: tf.RaggedTensor) -> list[dict[str, np.ndarray]]:
    """What is seen of the tokens of each row, one text at a time."""
    rows = [features(tokens[n : n + 1]) for n in range(tokens.shape[0])]
    return [{name: row[name].numpy() for name in features.sizes} for row in rows]


def feature_sidecar(features: TokenFeatures, level: str) -> dict[str, Any]:
    """What the runner needs to see the same of a text."""
    classes = ["space", *(("word", "alone") if level == "word" else ())]
    classes += ["letter", "upper", "lower"] if features.casing else []
    return {
        "level": level,
        "features": dataclasses.asdict(features),
        "alphabet": alphabet(classes, lowers=features.lower),
    }
