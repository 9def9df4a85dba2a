"""A sequence-to-sequence model as a LiteRT model, the beam search inside."""

from typing import Any

import numpy as np
import tensorflow as tf

from kseq.data.units import Units
from kseq.export.litert.alphabet import alphabet
from kseq.export.litert.task import LiteTask
from kseq.export.probes import Arrays
from kseq.export.saved_model import Endpoint
from kseq.export.translator import PROBES, Translator

#: what the tokenisers of units need to know of characters
CLASSES = {"char": (), "space": ("space",), "word": ("space", "joining"), "bpe": ("space", "joining")}


class LiteTranslator(LiteTask):
    """One signature: `translate`, from `source` ids to the `ids` of the best targets and their `scores`.

    Size of the beam and length penalty are those of the translator and fixed in the graph, as is how the
    longest target depends on the source.

    Args:
        reader: the translator.
    """

    task = "translator"

    def __init__(self, reader: Translator):
        self.translator = reader
        self.model = reader.model

    def endpoints(self) -> list[Endpoint]:
        return [Endpoint("translate", self._translate, [tf.TensorSpec([1, None], tf.int32, "source")])]

    def probes(self) -> Arrays:
        return {"translate": [{"source": self.translator.ids(tf.constant([x])).numpy()} for x in PROBES]}

    def sidecar(self) -> dict[str, Any]:
        reader = self.translator
        sides = {"source": reader.source.get_config(), "target": reader.target.get_config()}
        limits = {"max_source": reader.max_source, "beam_size": reader.beam_size}
        return {**sides, **limits, "alphabet": unit_alphabet(reader.source)}

    def check(self, runner: Any) -> dict[str, float]:
        found = {"texts": 0.0, "scores": 0.0}
        for text in PROBES:
            ours = self.translator.translate(tf.constant([text]), *self.translator.options())
            texts, scores = runner.translate(text)
            found["texts"] += [x.decode() for x in ours["texts"].numpy()[0]] != texts
            found["scores"] = max(found["scores"], float(np.abs(ours["scores"].numpy()[0] - scores).max()))
        return found

    def reader(self, runner: Any) -> Any:
        return _Translations(runner)

    def _translate(self, source: tf.Tensor) -> dict[str, tf.Tensor]:
        reader = self.translator
        found = reader.search(source, reader.beam_size, reader.length_penalty)
        return {"ids": found.ids, "scores": found.scores}


def unit_alphabet(units: Units) -> dict[str, Any]:
    """What the runner needs to know of characters to encode with units."""
    return alphabet(CLASSES[units.level])


class _Translations:
    """A runner as `Translator.translate`."""

    def __init__(self, runner: Any):
        self.runner = runner
        self.beam_size = runner.beam_size

    def options(self, *_: Any) -> tuple:
        return ()

    def translate(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        texts, scores = zip(*(self.runner.translate(one.decode()) for one in text.numpy()), strict=True)
        return {"texts": tf.constant(texts), "scores": tf.constant(scores)}
