"""A sequence through a state and out again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from kseq.decoding import generate
from kseq.errors import UserError
from kseq.models.encoder import SequenceEncoder
from kseq.models.seq2seq import Seq2Seq

Tensor = Any


@keras.saving.register_keras_serializable("kseq")
class SequenceAutoencoder(Seq2Seq):
    """Read a sequence into a state that is rich enough to give the sequence back.

        s = encoder(x)                                  the last states, all that the decoder gets
        p(x(t) = k | x(1) .. x(t-1), s)                 as `kseq.models.Seq2Seq` without attention

    Trained by giving texts back, without labels, the encoder has learned to read: `initialise` of
    `kseq.models.transfer` puts its weights into a classifier or a tagger. Ids are those of the encoder, with
    two more behind them for the beginning and the end of a sequence.

    Args:
        encoder: what reads the tokens, and nothing but tokens.
        cell: as of `Seq2Seq`, and so all others.
        units: width of each layer of the decoder.
        num_layers: number of its layers.
        **kwargs: of `Seq2Seq`, without what follows from the encoder (`vocab_size`, `attention`, `bos_id`,
            `eos_id`).

    Call arguments:
        inputs: as of `Seq2Seq`; `examples` makes them.

    Raises:
        UserError: the encoder does not read tokens.

    Example:
        >>> model = SequenceAutoencoder(SequenceEncoder({"tokens": 50}, units=8), units=16)
        >>> inputs, targets, weights = model.examples([[5, 7, 9], [4, 0, 0]])
        >>> inputs["target_in"].numpy().tolist(), targets.numpy().tolist()
        ([[50, 5, 7, 9], [50, 4, 0, 0]], [[5, 7, 9, 51], [4, 51, 0, 0]])

    Reference:
        Dai and Le, "Semi-supervised Sequence Learning", 2015.
    """

    def __init__(
        self,
        encoder: SequenceEncoder,
        cell: str = "lstm",
        units: int = 256,
        num_layers: int = 1,
        **kwargs: Any,
    ):
        sizes = getattr(encoder, "config", {}).get("sizes")
        if not isinstance(encoder, SequenceEncoder) or sizes is None:
            raise UserError("`encoder` must be a SequenceEncoder of tokens")
        known = sizes["tokens"]
        kwargs |= {"attention": "none", "bos_id": known, "eos_id": known + 1}
        super().__init__(encoder, known + 2, cell, units, num_layers, **kwargs)

    def examples(self, tokens: Tensor) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """What `fit` takes, of token ids `(batch, time)` padded with 0: `(inputs, targets, weights)`."""
        return examples(tokens, self.config["bos_id"])

    def encode_tokens(self, tokens: Tensor) -> Tensor:
        """The state that a sequence is read into, `(batch, width)`."""
        if not self.encoder.built:
            self.encoder.build()
        _, states = self.encoder.read({"tokens": tokens})
        return ops.concatenate(states[-1], axis=-1)

    def reconstruct(self, tokens: Tensor) -> Tensor:
        """What the state of each sequence gives back, step by step the most probable token.

        Args:
            tokens: ids `(batch, time)`, padded with 0.

        Returns:
            int32 `(batch, time + 1)`, the end and what would follow it written as 0.
        """
        if not self.built:
            self.build()
        tokens = ops.cast(tokens, "int32")
        memory, eos = self.encode(tokens), self.config["eos_id"]
        steps = {"length": ops.shape(tokens)[1] + 1, "eos_id": eos}
        written = generate(self.step_function(memory), *self.start(memory), **steps)
        return ops.where(ops.equal(written, eos), ops.zeros_like(written), written)

    def reconstruction(self, tokens: Tensor) -> dict[str, float]:
        """How much of sequences their states give back.

        Args:
            tokens: ids `(batch, time)`, padded with 0.

        Returns:
            `tokens`, the share of tokens that are right in their places, and `sequences`, the share of
            sequences that come back as they were, their length too.
        """
        return reconstruction_scores(ops.convert_to_numpy(self.reconstruct(tokens)), tokens)

    def get_config(self) -> dict:
        config = super().get_config()
        for name in ("vocab_size", "attention", "bos_id", "eos_id"):
            del config[name]
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Any = None) -> SequenceAutoencoder:
        encoder = keras.saving.deserialize_keras_object(config["encoder"], custom_objects)
        return cls(**{**config, "encoder": encoder})


def examples(tokens: Tensor, bos_id: int) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """Sequences as source, as what is fed and as what is wanted; `bos_id + 1` ends them."""
    tokens = ops.cast(tokens, "int32")
    begin = ops.full_like(tokens[:, :1], bos_id)
    wide = ops.concatenate([tokens, ops.zeros_like(begin)], axis=1)
    lengths = ops.sum(ops.cast(tokens != 0, "int32"), axis=1, keepdims=True)
    targets = ops.where(ops.arange(ops.shape(wide)[1]) == lengths, bos_id + 1, wide)
    inputs = {"source": tokens, "target_in": ops.concatenate([begin, tokens], axis=1)}
    return inputs, targets, ops.cast(targets != 0, "float32")


def reconstruction_scores(written: Any, tokens: Any) -> dict[str, float]:
    """As `SequenceAutoencoder.reconstruction`, of what `reconstruct` gave."""
    wanted = np.pad(np.asarray(tokens, "int32"), [[0, 0], [0, 1]])
    right, real = np.asarray(written) == wanted, wanted != 0
    return {
        "tokens": float(right[real].mean()) if real.any() else 1.0,
        "sequences": float(right.all(1).mean()),
    }
