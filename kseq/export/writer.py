"""A model that writes texts of a class, as a SavedModel that takes the name of the class."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from kseq.data.units import Units
from kseq.decoding import BannedIds, ForcedPrefix, check_options, generate
from kseq.export.reader import Reader
from kseq.export.saved_model import Endpoint, difference
from kseq.models import Seq2Seq

SIGNATURES = {
    "write": "label, start, temperature (0: most probable), top_k (0: all), top_p, seed -> text, one a label"
}


class ClassWriter(Reader):
    """From the name of a class to texts of it, in one graph.

    Args:
        model: the trained model, its encoder a `kseq.models.ClassEncoder`.
        units: of the texts.
        labels: names of the classes, in the order of the encoder.
        max_tokens: of a text.
    """

    def __init__(self, model: Seq2Seq, units: Units, labels: Sequence[str], max_tokens: int):
        self.model = model
        self.units = units
        self.labels = tuple(labels)
        self.max_tokens = max_tokens
        with tf.init_scope():
            numbers = tf.lookup.KeyValueTensorInitializer(
                tf.constant(self.labels), tf.range(len(self.labels), dtype=tf.int32)
            )
            self.numbers = tf.lookup.StaticHashTable(numbers, -1)
        strings = [tf.TensorSpec([None], tf.string, name) for name in ("label", "start")]
        kinds = {"temperature": tf.float32, "top_k": tf.int32, "top_p": tf.float32, "seed": tf.int32}
        self.inputs = [*strings, *(tf.TensorSpec([], kind, name) for name, kind in kinds.items())]
        self.write = tf.function(self._write, input_signature=self.inputs)

    def signatures(self) -> dict[str, str]:
        return SIGNATURES

    def endpoints(self) -> list[Endpoint]:
        return [Endpoint("write", self._write, self.inputs)]

    def tables(self) -> list[Any]:
        return [self.numbers, *self.units.tables]

    def check(self, loaded: Any) -> dict[str, float]:
        inputs = {"label": tf.constant(self.labels), "start": tf.constant([""] * len(self.labels))}
        found = {}
        for temperature in (0.0, 1.0):
            options = {"temperature": tf.constant(temperature), "top_k": tf.constant(0)}
            options |= {"top_p": tf.constant(0.9), "seed": tf.constant(3)}
            theirs = loaded.signatures["write"](**inputs, **options)["text"]
            found[f"write {temperature}"] = difference(theirs, self.write(**inputs, **options)["text"])
        return found

    def names(
        self,
        label: str,
        count: int,
        *,
        start: str = "",
        temperature: float = 0.8,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int = 0,
    ) -> list[str]:
        """Texts of a class.

        Args:
            label: the class.
            count: how many.
            start: what they begin with.
            temperature: 0 takes the most probable token every time.
            top_k: sample from the k most probable tokens; 0 from all.
            top_p: sample from the most probable tokens that reach this mass.
            seed: of the sampling.

        Raises:
            UserError: on an option out of its range.
        """
        check_options(temperature, top_k, top_p)
        rows = tf.constant([label] * count), tf.constant([start] * count)
        options = [tf.constant(x) for x in (float(temperature), top_k, float(top_p), seed)]
        return [text.decode() for text in self.write(*rows, *options)["text"].numpy()]

    def _write(
        self,
        label: tf.Tensor,
        start: tf.Tensor,
        temperature: tf.Tensor,
        top_k: tf.Tensor,
        top_p: tf.Tensor,
        seed: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        memory = self.model.encode(self.numbers.lookup(label))
        prefix = self.units.encode(start).to_tensor()
        prefix = tf.pad(prefix, [[0, 0], [0, tf.maximum(1 - tf.shape(prefix)[1], 0)]])
        special = (self.units.pad_id, self.units.unk_id, self.units.bos_id)
        uniform = tf.random.stateless_uniform([self.max_tokens, tf.shape(label)[0]], [seed, 0])
        ids = generate(
            self.model.step_function(memory),
            *self.model.start(memory),
            uniform,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            eos_id=self.units.eos_id,
            constraints=[BannedIds(special), ForcedPrefix(prefix)],
        )
        return {"text": self.units.decode(ids)}
