"""A sequence-to-sequence model as a SavedModel that takes raw text and searches with a beam."""

from typing import Any

import tensorflow as tf

from kseq.data.units import Units
from kseq.decoding import BannedIds, Hypotheses, Power, beam_search
from kseq.errors import UserError, positive
from kseq.export.reader import Reader
from kseq.export.saved_model import Endpoint, difference
from kseq.models import Seq2Seq

Outputs = dict[str, tf.Tensor]
PROBES = ("the 3rd of March 1998", "a", "", "x" * 40)
SIGNATURES = {
    "translate": "text, beam_size, length_penalty -> texts, scores, log_probs (batch, beam_size), best first",
    "attend": "text, target -> attention (batch, target tokens and the end, source tokens)",
}


class Translator(Reader):
    """From raw text to the best texts that a model writes about it, in one graph.

    What a hypothesis scores is `log p / length^length_penalty`, its end counted. The unknown token is
    never written.

    Args:
        model: the trained model, of token ids on both sides.
        source: units of the texts that are read.
        target: units of those that are written.
        beam_size: beams where nothing else is said.
        length_penalty: the exponent, likewise.
        max_ratio: tokens that are written at most for each token read,
        max_extra: and that many more.
        max_source: tokens that are read of a text; the rest is cut off.
    """

    def __init__(
        self,
        model: Seq2Seq,
        source: Units,
        target: Units,
        *,
        beam_size: int = 5,
        length_penalty: float = 0.6,
        max_ratio: float = 2.0,
        max_extra: int = 20,
        max_source: int = 1000,
    ):
        self.model = model
        self.source = source
        self.target = target
        self.beam_size = beam_size
        self.length_penalty = length_penalty
        self.max_ratio = max_ratio
        self.max_extra = max_extra
        self.max_source = max_source
        self.inputs = [
            tf.TensorSpec([None], tf.string, "text"),
            tf.TensorSpec([], tf.int32, "beam_size"),
            tf.TensorSpec([], tf.float32, "length_penalty"),
        ]
        self.translate = tf.function(self._translate, input_signature=self.inputs)
        self.attend = tf.function(self._attend, input_signature=[self.inputs[0]] * 2)

    def signatures(self) -> dict[str, str]:
        return {name: text for name, text in SIGNATURES.items() if name == "translate" or self.attends}

    def endpoints(self) -> list[Endpoint]:
        texts = [tf.TensorSpec([None], tf.string, name) for name in ("text", "target")]
        known = {
            "translate": Endpoint("translate", self._translate, self.inputs),
            "attend": Endpoint("attend", self._attend, texts),
        }
        return [known[name] for name in self.signatures()]

    def tables(self) -> list[Any]:
        return [*self.source.tables, *self.target.tables]

    def check(self, loaded: Any) -> dict[str, float]:
        texts, options = tf.constant(PROBES), {"length_penalty": tf.constant(0.6)}
        found = {}
        for size in (1, 3):
            options["beam_size"] = tf.constant(size)
            theirs = loaded.signatures["translate"](text=texts, **options)
            ours = self.translate(text=texts, **options)
            found |= {
                f"translate {size} {key}": difference(theirs[key], value) for key, value in ours.items()
            }
        if self.attends:
            theirs = loaded.signatures["attend"](text=texts, target=texts)["attention"]
            found["attend"] = difference(theirs, self.attend(texts, texts)["attention"])
        return found

    @property
    def attends(self) -> bool:
        """Whether there is attention to show."""
        return self.model.decoder.attention is not None

    def options(
        self, beam_size: int | None = None, length_penalty: float | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Beam size and length penalty as `translate` takes them, the translator's own where None.

        Raises:
            UserError: the beam is not positive or larger than the target vocabulary.
        """
        beam_size = positive("beam_size", self.beam_size if beam_size is None else beam_size)
        if beam_size > self.target.size:
            raise UserError(
                f"`beam_size` must be at most {self.target.size}, the target units, got {beam_size}"
            )
        length_penalty = self.length_penalty if length_penalty is None else length_penalty
        return tf.constant(beam_size, tf.int32), tf.constant(length_penalty, tf.float32)

    def ids(self, text: tf.Tensor) -> tf.Tensor:
        """What the model reads of texts, int32 `(batch, time)`, padded with 0 to one step at least."""
        ids = self.source.encode(text)[:, : self.max_source].to_tensor()
        return tf.pad(ids, [[0, 0], [0, tf.maximum(1 - tf.shape(ids)[1], 0)]])

    def search(self, ids: tf.Tensor, beam_size: Any, length_penalty: Any) -> Hypotheses:
        """The `beam_size` best target sequences for source ids."""
        memory = self.model.encode(ids)
        longest = tf.cast(tf.shape(ids)[1], tf.float32)
        return beam_search(
            self.model.step_function(memory),
            *self.model.start(memory),
            beam_size=beam_size,
            num_results=beam_size,
            length=tf.cast(longest * self.max_ratio, tf.int32) + self.max_extra,
            eos_id=self.target.eos_id,
            length_penalty=Power(length_penalty),
            constraints=[BannedIds((self.target.pad_id, self.target.unk_id, self.target.bos_id))],
        )

    def _translate(self, text: tf.Tensor, beam_size: tf.Tensor, length_penalty: tf.Tensor) -> Outputs:
        found = self.search(self.ids(text), beam_size, length_penalty)
        texts = self.target.decode(found.ids)
        return {"texts": texts, "scores": found.scores, "log_probs": found.log_probs}

    def _attend(self, text: tf.Tensor, target: tf.Tensor) -> Outputs:
        # padded, not concatenated: TensorFlow transposes the row splits of ragged tensors to do that
        written = tf.pad(
            self.target.encode(target).to_tensor(), [[0, 0], [1, 0]], constant_values=self.target.bos_id
        )
        inputs = {"source": self.ids(text), "target_in": written}
        return {"attention": self.model.attention(inputs)}
