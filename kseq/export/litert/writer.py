"""A writer of texts of a class as a LiteRT model that writes step by step."""

from typing import Any

import numpy as np
import tensorflow as tf
from keras import tree

from kseq.export.litert.task import LiteTask, state_probes, state_specs, with_states
from kseq.export.litert.translator import unit_alphabet
from kseq.export.probes import Arrays
from kseq.export.saved_model import Endpoint
from kseq.export.writer import ClassWriter


class LiteClassWriter(LiteTask):
    """The signatures of a writer.

        start    label (its number) -> states
        step     last_ids, states -> log_probs (1, units), states

    Args:
        reader: the writer.
    """

    task = "writer"

    def __init__(self, reader: ClassWriter):
        self.writer = reader
        self.model = reader.model
        self.structure = self._started(tf.constant([0]))

    def endpoints(self) -> list[Endpoint]:
        label, last = (tf.TensorSpec([1], tf.int32, name) for name in ("label", "last_ids"))
        start = Endpoint("start", lambda label: with_states(self._started(label)), [label])
        return [start, Endpoint("step", self._step, [last, *state_specs(self.structure)])]

    def probes(self) -> Arrays:
        numbers = [np.array([n], np.int32) for n in range(min(3, len(self.writer.labels)))]
        steps = [{"last_ids": n + 2, **state_probes(self.structure, int(n[0]))} for n in numbers]
        return {"start": [{"label": n} for n in numbers], "step": steps}

    def sidecar(self) -> dict[str, Any]:
        units = self.writer.units
        about = {"labels": self.writer.labels, "max_tokens": self.writer.max_tokens}
        return {**about, "units": units.get_config(), "alphabet": unit_alphabet(units)}

    def check(self, runner: Any) -> dict[str, float]:
        labels = self.writer.labels[:3]
        written = [self.writer.names(label, 1, temperature=0.0)[0] for label in labels]
        return {"text": float(written != [runner.write(label) for label in labels])}

    def reader(self, runner: Any) -> Any:
        return runner

    def _started(self, label: tf.Tensor) -> Any:
        """What a step needs: the states, and what is fed at every step if anything is."""
        memory = self.model.encode(label)
        states = self.model.start(memory)[1]
        return states, {name: value for name, value in memory.items() if name != "start"}

    def _step(self, last_ids: tf.Tensor, *flat: tf.Tensor) -> dict[str, tf.Tensor]:
        states, memory = tree.pack_sequence_as(self.structure, list(flat))
        log_probs, states = self.model.step_function(memory)(last_ids, states)
        return {"log_probs": log_probs, **with_states((states, memory))}
