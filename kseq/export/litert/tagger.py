"""A tagger as a LiteRT model, Viterbi and probabilities inside."""

from typing import Any

import numpy as np
import tensorflow as tf

from kseq import tags as schemes
from kseq.data.segmentation import segment
from kseq.export.litert.task import LiteTask, feature_probes, feature_sidecar, feature_specs
from kseq.export.probes import Arrays
from kseq.export.saved_model import Endpoint
from kseq.export.tagger import PROBES, TextTagger, entities_of


class LiteTagger(LiteTask):
    """One signature: `tag`, from what is seen of tokens to `tags` (ids) and their `confidence`.

    Args:
        reader: the tagger.
    """

    task = "tagger"

    def __init__(self, reader: TextTagger):
        self.text_tagger = reader
        self.model = reader.model
        self.specs = feature_specs(reader.features)

    def endpoints(self) -> list[Endpoint]:
        return [Endpoint("tag", self._tag, self.specs)]

    def probes(self) -> Arrays:
        tokens = segment(tf.constant(PROBES), self.text_tagger.level).tokens
        return {"tag": feature_probes(self.text_tagger.features, tokens)}

    def sidecar(self) -> dict[str, Any]:
        labels = self.text_tagger.labels
        pairs = [(labels[i], labels[j]) for i, j in np.argwhere(schemes.continuations(labels))]
        about = feature_sidecar(self.text_tagger.features, self.text_tagger.level)
        return {"labels": labels, "continues": pairs, **about}

    def check(self, runner: Any) -> dict[str, float]:
        ours = {name: value.numpy() for name, value in self.text_tagger.tag(tf.constant(PROBES)).items()}
        found = {"tokens": 0.0, "entities": 0.0, "confidence": 0.0}
        for row, text in enumerate(PROBES):
            theirs, entities = runner(text), entities_of(ours, row)
            tokens = [token.decode() for token in ours["tokens"][row, : ours["num_tokens"][row]]]
            found["tokens"] += tokens != theirs["tokens"]
            for one, other in zip(entities, theirs["entities"], strict=False):
                gap = abs(one.pop("confidence") - other.pop("confidence"))
                found["confidence"] = max(found["confidence"], gap)
            found["entities"] += entities != theirs["entities"]
        return found

    def reader(self, runner: Any) -> Any:
        return _Tags(runner, self.text_tagger)

    def _tag(self, *features: tf.Tensor) -> dict[str, tf.Tensor]:
        names = [spec.name for spec in self.specs]
        tags, confidence = self.model.tag(dict(zip(names, features, strict=True)))
        return {"tags": tags, "confidence": confidence}


class _Tags:
    """A runner as `TextTagger.tag_tokens`."""

    def __init__(self, runner: Any, reader: TextTagger):
        self.runner = runner
        self.model, self.labels = reader.model, reader.labels

    def tag_tokens(self, tokens: tf.Tensor) -> dict[str, tf.Tensor]:
        rows = [[token.decode() for token in row if token] for row in tokens.numpy()]
        tags = [self.runner.tag_tokens(row)[0] for row in rows]
        return {"tags": tf.ragged.constant(tags, dtype=tf.string).to_tensor(shape=tokens.shape)}
