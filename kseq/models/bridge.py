"""From what was read to where writing starts."""

import itertools
from typing import Any

import keras
from keras import ops, tree

from kseq.errors import one_of
from kseq.layers import SequencePooling

Tensor = Any
KINDS = ("last", "mean")


class Bridge(keras.layers.Layer):
    """The states a decoder starts from, made of what an encoder has read.

        s         = [the last states of the encoder's last layer]  or  the mean of its memory
        states(0) = tanh(s B + b)
        fed       = tanh(s F + f)                                  for every step, if wanted

    Args:
        kind: `"last"` or `"mean"`.
        state_sizes: for each layer of the decoder the widths of its states.
        feed_dim: width of what is fed at every step, None for nothing.
        seed: of the weights.
        **kwargs: of `keras.layers.Layer`.

    Call arguments:
        memory: `(batch, source, features)`, or None.
        states: of the encoder, for each layer a list.
        memory_mask: boolean `(batch, source)`, True for a real position, or None.

    Returns:
        A dictionary: `start`, for each layer a list of states `(batch, width)`, and, if wanted, `fed`,
        `(batch, feed_dim)`.

    Reference:
        Bahdanau, Cho and Bengio, "Neural Machine Translation by Jointly Learning to Align and
        Translate", 2015; Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", 2014
        (fed at every step).
    """

    def __init__(
        self,
        kind: str,
        state_sizes: list[list[int]],
        feed_dim: int | None = None,
        *,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.kind = one_of("bridge", kind, KINDS)
        self.state_sizes = state_sizes
        self.feed_dim = feed_dim
        self.mean = SequencePooling("mean", name="mean")
        widths = {"start": sum(tree.flatten(state_sizes)), "fed": feed_dim}
        self.parts = {
            name: keras.layers.Dense(
                width,
                "tanh",
                kernel_initializer=keras.initializers.GlorotUniform(None if seed is None else seed + n),
                name=name,
            )
            for n, (name, width) in enumerate(widths.items())
            if width is not None
        }

    def build(self, memory_width: int | None, state_widths: list[int]) -> None:
        width = memory_width if self.kind == "mean" else sum(state_widths)
        for part in self.parts.values():
            part.build((None, width))

    def call(self, memory: Tensor | None, states: list, memory_mask: Tensor | None = None) -> dict:
        if self.kind == "mean":
            s = self.mean(memory, mask=memory_mask)
        else:
            s = ops.concatenate(states[-1], axis=-1)
        made = {name: part(s) for name, part in self.parts.items()}
        ends = itertools.accumulate(tree.flatten(self.state_sizes))
        flat = made["start"]
        start = [[flat[:, (end := next(ends)) - size : end] for size in layer] for layer in self.state_sizes]
        return {**made, "start": start}

    def compute_mask(self, memory: Tensor, previous_mask: Tensor | None = None) -> None:
        return None
