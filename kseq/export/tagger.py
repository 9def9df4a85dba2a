"""A tagger as a SavedModel that takes raw text."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from kseq import tags as schemes
from kseq.data.segmentation import segment
from kseq.data.token_features import TokenFeatures
from kseq.export.reader import Reader
from kseq.export.saved_model import Endpoint, difference
from kseq.models import Tagger

Outputs = dict[str, tf.Tensor]
PROBES = (
    "Ada Lovelace worked with Charles Babbage in London, from 1842 to 1843.",
    "王小明在北京大学学习。",
    "  ",
    "x" * 60,
)
SIGNATURES = {
    "tag": "text -> tokens, tags, confidence (probability of each tag), and of each entity: entity_type, "
    "entity_text, entity_start, entity_end (characters, end exclusive), entity_confidence (the least of "
    "its tags'); num_tokens and num_entities say how much of each row is real",
    "tag_tokens": "tokens (batch, time), rows padded with '' -> tags, confidence",
}


class TextTagger(Reader):
    """From raw text to entities, in one graph: what is exported is what `predict` runs.

    Args:
        model: the trained model.
        features: what it sees of a token.
        level: how text is split, one of `kseq.data.segmentation.LEVELS`.
    """

    def __init__(self, model: Tagger, features: TokenFeatures, level: str):
        self.model = model
        self.features = features
        self.level = level
        self.labels = model.labels
        continues = schemes.continuations(self.labels)
        # one more, never continued and of no entity: what stands before the first token and after the last
        self._continues = np.pad(continues, [[0, 1], [0, 1]])
        self._is_entity = np.array([label != "O" for label in self.labels] + [False])
        self.tag = tf.function(self._tag, input_signature=[tf.TensorSpec([None], tf.string, "text")])
        tokens = tf.TensorSpec([None, None], tf.string, "tokens")
        self.tag_tokens = tf.function(self._tag_tokens, input_signature=[tokens])

    def signatures(self) -> dict[str, str]:
        return SIGNATURES

    def endpoints(self) -> list[Endpoint]:
        functions = {"tag": self._tag, "tag_tokens": self._tag_tokens}
        return [Endpoint(name, functions[name], [*getattr(self, name).input_signature]) for name in functions]

    def tables(self) -> list[Any]:
        return self.features.tables

    def check(self, loaded: Any) -> dict[str, float]:
        texts = tf.constant(PROBES)
        theirs, ours = loaded.signatures["tag"](text=texts), self.tag(texts)
        split = loaded.signatures["tag_tokens"](tokens=ours["tokens"])
        return {
            **{name: difference(theirs[name], ours[name]) for name in ours},
            "tag_tokens": difference(split["tags"], ours["tags"]),
        }

    def _tag_tokens(self, tokens: tf.Tensor) -> Outputs:
        """Tags of sentences that are split already, `(batch, time)`, padded with `""` on the right."""
        words = tf.RaggedTensor.from_tensor(tokens, padding="")
        ids, confidence = self._ids(words)
        padded = tf.shape(tokens)[1] - tf.shape(ids)[1]  # every row may be shorter
        ids, confidence = (tf.pad(x, [[0, 0], [0, padded]]) for x in (ids, confidence))
        return {"tags": self._names(ids, tokens != ""), "confidence": confidence}

    def _tag(self, text: tf.Tensor) -> Outputs:
        segments = segment(text, self.level)
        ids, confidence = self._ids(segments.tokens)
        real = tf.sequence_mask(segments.tokens.row_lengths(), tf.shape(ids)[1])
        entities = self._entities(ids, real, confidence, segments, text)
        return {
            "tokens": segments.tokens.to_tensor(),
            "tags": self._names(ids, real),
            "confidence": confidence,
            "num_tokens": tf.cast(segments.tokens.row_lengths(), tf.int32),
            **entities,
        }

    def _ids(self, words: tf.RaggedTensor) -> tuple[tf.Tensor, tf.Tensor]:
        time = tf.cast(tf.reduce_max(words.row_lengths()), tf.int32)  # 0 if all texts are empty
        return tuple(x[:, :time] for x in self.model.tag(self.features(words)))

    def _names(self, ids: tf.Tensor, real: tf.Tensor) -> tf.Tensor:
        return tf.where(real, tf.gather(tf.constant(self.labels), ids), "")

    def _entities(
        self, ids: tf.Tensor, real: tf.Tensor, confidence: tf.Tensor, segments: Any, text: tf.Tensor
    ) -> Outputs:
        outside = len(self.labels)
        around = tf.pad(tf.where(real, ids, outside), [[0, 0], [1, 1]], constant_values=outside)
        pairs = tf.stack([around[:, :-1], around[:, 1:]], axis=-1)
        joined = tf.gather_nd(tf.constant(self._continues), pairs)
        inside = tf.gather(tf.constant(self._is_entity), around[:, 1:-1])
        first, last = tf.where(inside & ~joined[:, :-1]), tf.where(inside & ~joined[:, 1:])

        start = tf.gather_nd(segments.start.to_tensor(), first)
        end = tf.gather_nd(segments.end.to_tensor(), last)
        kinds = tf.constant([label.partition("-")[2] for label in self.labels])
        number = tf.cumsum(tf.cast(inside & ~joined[:, :-1], tf.int32), axis=1) - 1  # within the row
        row = tf.cast(first[:, 0], tf.int32)
        count = tf.math.bincount(row, minlength=tf.shape(ids)[0])
        # the entity that each token is of, counted over all rows
        index = (number + tf.cumsum(count, exclusive=True)[:, None])[inside]
        least = tf.math.segment_min(confidence[inside], index)
        rows = {"value_rowids": tf.cast(row, tf.int64), "nrows": tf.cast(tf.shape(ids)[0], tf.int64)}
        found = {
            "type": tf.gather(kinds, tf.gather_nd(ids, first)),
            "text": tf.strings.substr(tf.gather(text, row), start, end - start, unit="UTF8_CHAR"),
            "start": start,
            "end": end,
            "confidence": least,
        }
        ragged = {name: tf.RaggedTensor.from_value_rowids(value, **rows) for name, value in found.items()}
        return {
            **{f"entity_{name}": value.to_tensor() for name, value in ragged.items()},
            "num_entities": count,
        }


def entities_of(outputs: Mapping[str, Any], row: int) -> list[dict[str, Any]]:
    """The entities of one text, as plain values, from what the signature `tag` gives."""
    count = int(outputs["num_entities"][row])
    columns: dict[str, Sequence[Any]] = {
        name: np.asarray(outputs[f"entity_{name}"][row][:count]).tolist()
        for name in ("type", "text", "start", "end", "confidence")
    }
    decoded = {
        name: [v.decode() if isinstance(v, bytes) else v for v in values] for name, values in columns.items()
    }
    return [dict(zip(decoded, values, strict=True)) for values in zip(*decoded.values(), strict=True)]
