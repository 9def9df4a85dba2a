"""The recurrent half that writes."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops, tree

from kseq import cells
from kseq.cells.base import Dropped, output_width
from kseq.errors import UserError, fraction, one_of, positive
from kseq.layers import RNN, Attention
from kseq.layers.attention import SCORES
from kseq.ops.loops import scan

Tensor = Any
Memory = dict[str, Tensor]
States = dict[str, Any]


class Decoder(keras.layers.Layer):
    """Stacked recurrent layers over embedded tokens, with attention to a memory.

        h_1(t) = rnn_1([e(t); fed; o(t-1)])              fed by the bridge; o(t-1) with input feeding
        c(t)   = attention(h_1(t), memory)
        h_l(t) = rnn_l([h_(l-1)(t); c(t)])               l = 2 .. layers
        o(t)   = tanh([h_layers(t); c(t)] W + b)

    The first layer asks and the layers above hear the answer, so that without input feeding nothing but
    the recurrences themselves goes step by step: `all_steps` runs each layer over the whole target.
    `step` is one step of the same equations, what decoding calls and `step_by_step` loops over.

    The memory is what `kseq.layers.Attention.read` and `kseq.models.bridge.Bridge` give, the former if
    there is attention. The states are

        cells        for each layer a list of `(rows, width)`
        output       o(t-1), `(rows, output_dim)`, with input feeding
        attention    the sum of the weights so far, float32 `(rows, source)`, with coverage or if tracked

    Dropout is locked: one mask for a whole target on the embeddings, between the layers and on the
    output.

    Args:
        cell: name of the cell, one of `kseq.cells.NAMES`.
        units: width of each layer.
        num_layers: number of layers.
        output_dim: width of `o`.
        attention: a score of `kseq.layers.Attention`, or `"none"`.
        coverage: as of `kseq.layers.Attention`.
        input_feeding: whether the recurrence hears the output of the step before.
        dropout: on the embeddings, between the layers and on the output.
        recurrent_dropout: on `h(t-1)` inside the cells.
        seed: of the weights and of dropout.
        **kwargs: of `keras.layers.Layer`.

    Reference:
        Luong, Pham and Manning, "Effective Approaches to Attention-based Neural Machine Translation",
        2015 (attentional output, input feeding); Wu et al., "Google's Neural Machine Translation System",
        2016 (the first layer asks).
    """

    def __init__(
        self,
        cell: str,
        units: int,
        num_layers: int,
        output_dim: int,
        *,
        attention: str,
        coverage: bool,
        input_feeding: bool,
        dropout: float,
        recurrent_dropout: float,
        seed: int | None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        one_of("cell", cell, cells.NAMES)
        positive("units", units)
        self.num_layers = positive("num_layers", num_layers)
        self.output_dim = output_dim
        self.input_feeding = input_feeding
        self.dropout = fraction("dropout", dropout)
        self.seed_generator = keras.random.SeedGenerator(seed)
        seeds = (lambda n: None) if seed is None else (lambda n: seed + n)
        self.recurrent = [
            RNN(
                cells.get(
                    cell,
                    units,
                    recurrent_dropout=recurrent_dropout,
                    kernel_initializer=keras.initializers.GlorotUniform(seeds(10 + n)),
                    recurrent_initializer=keras.initializers.Orthogonal(seed=seeds(100 + n)),
                    seed=seeds(1000 + n),
                ),
                return_sequences=True,
                name=f"recurrent_{n}",
            )
            for n in range(num_layers)
        ]
        self.width = output_width(self.recurrent[0].cell)
        self.attention = None
        if one_of("attention", attention, (*SCORES, "none")) != "none":
            glorot = keras.initializers.GlorotUniform(seeds(1))
            self.attention = Attention(attention, coverage=coverage, initializer=glorot, name="attention")
        elif coverage:
            raise UserError("`coverage` needs attention, got `attention` 'none'")
        self.combine = keras.layers.Dense(
            output_dim, "tanh", kernel_initializer=keras.initializers.GlorotUniform(seeds(3)), name="combine"
        )

    @property
    def state_sizes(self) -> list[list[int]]:
        """Width of each state of each layer."""
        return [tree.flatten(layer.cell.state_size) for layer in self.recurrent]

    def build(self, width: int, memory_width: int | None) -> None:
        """Make the weights for inputs of a width, with what is fed, and a memory of a width."""
        if self.attention is not None:
            self.attention.build((None, None, self.width), (None, None, memory_width))
        else:
            memory_width = 0
        width = width + self.output_dim if self.input_feeding else width
        for layer in self.recurrent:
            layer.build((None, None, width))
            width = self.width + memory_width
        self.combine.build((None, None, width))

    def start(self, memory: Memory, track_attention: bool = False) -> States:
        """The states before the first step, one row for each entry of the memory."""
        states = {"cells": memory["start"]}
        if self.input_feeding:
            batch = ops.shape(memory["start"][0][0])[0]
            states["output"] = ops.zeros((batch, self.output_dim), self.compute_dtype)
        if self.attention is None:
            if track_attention:
                raise UserError("`track_attention` needs attention, got `attention` 'none'")
        elif track_attention or self.attention.coverage:
            states["attention"] = ops.zeros(ops.shape(memory["mask"]), "float32")
        return states

    def masks(self, batch: Any, width: int, training: bool) -> list | None:
        """Dropout masks for one target: on inputs of a width, between the layers, on the output."""
        if not (training and self.dropout):
            return None
        widths = [width, *[self.width] * (self.num_layers - 1), self.output_dim]
        ones = [ops.ones((batch, width), self.compute_dtype) for width in widths]
        return [keras.random.dropout(one, self.dropout, seed=self.seed_generator) for one in ones]

    def all_steps(
        self, x: Tensor, memory: Memory, masks: list | None = None, training: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """The outputs of all steps, `(batch, steps, output_dim)`, and the attention's weights.

        Args:
            x: embedded tokens, `(batch, steps, features)`.
            memory: what to attend to.
            masks: from `masks`.
            training: whether there is recurrent dropout.
        """

        def run(n: int, x: Tensor) -> Tensor:
            return self.recurrent[n](x, initial_state=memory["start"][n], training=training)

        return self._through_layers(x, memory, masks, run, lambda h: self.attention.attend(h, memory))

    def step(
        self,
        x: Tensor,
        states: States,
        memory: Memory,
        masks: list | None = None,
        recurrent: Sequence[Dropped | None] | None = None,
    ) -> tuple[Tensor, States, Tensor | None]:
        """One step of one or several rows, beams, for each entry of the memory.

        Args:
            x: embedded tokens, `(rows, features)`, rows a multiple of the batch.
            states: from `start` or from this function.
            memory: what to attend to.
            masks: from `masks`.
            recurrent: for each layer what dropout drew for its cell, or None.

        Returns:
            `(output, states, weights)`, output `(rows, output_dim)`, weights `(rows, source)` or None.
        """
        new = {**states, "cells": []}

        def run(n: int, x: Tensor) -> Tensor:
            cell, before = self.recurrent[n].cell, states["cells"][n]
            if recurrent is None or recurrent[n] is None:
                h, after = cell(x, before)
            else:
                h, after = cell.step(cell.project(x), before, recurrent[n])
            new["cells"].append(list(after))
            return h

        def attend(h: Tensor) -> tuple[Tensor, Tensor]:
            return self.attention.step(h, memory, states.get("attention"))

        fed = (states["output"],) if self.input_feeding else ()
        output, weights = self._through_layers(x, memory, masks, run, attend, fed)
        if self.input_feeding:
            new["output"] = output
        if "attention" in states:
            new["attention"] = states["attention"] + weights
        return output, new, weights

    def step_by_step(
        self,
        xs: Sequence[Tensor],
        feed: Callable[[list[Tensor], Tensor], Tensor],
        memory: Memory,
        masks: list | None = None,
        training: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """As `all_steps`, one after the other, where a step is fed what the steps before it gave.

        Args:
            xs: tensors `(steps, batch, ...)`.
            feed: `feed([x[t] for x in xs], o(t-1))` gives the embedded tokens of a step.
            memory: what to attend to.
            masks: from `masks`.
            training: whether there is recurrent dropout.
        """
        states = self.start(memory)
        batch = ops.shape(memory["start"][0][0])[0]
        recurrent = [layer.cell.draw(batch, training) for layer in self.recurrent]

        def body(carry: Any, now: list[Tensor]) -> tuple[Any, tuple]:
            output, states, weights = self.step(feed(now, carry[0]), carry[1], memory, masks, recurrent)
            return (output, states), (output,) if weights is None else (output, weights)

        start = ops.zeros((batch, self.output_dim), self.compute_dtype)
        like = (start,) if self.attention is None else (start, ops.cast(memory["mask"], "float32"))
        _, steps = scan(body, (start, states), xs, like)
        outputs, *weights = (ops.swapaxes(x, 0, 1) for x in steps)
        return outputs, weights[0] if weights else None

    def _through_layers(
        self, x: Tensor, memory: Memory, masks: list | None, run: Callable, attend: Callable, fed: tuple = ()
    ) -> tuple[Tensor, Tensor | None]:
        """The equations, for one step or for all."""
        masks = [None] * (self.num_layers + 1) if masks is None else masks
        x = dropped(x, masks[0])
        x = _beside(x, memory["fed"]) if "fed" in memory else x
        h = run(0, ops.concatenate([x, *fed], axis=-1))
        *context, weights = (None,) if self.attention is None else attend(h)
        for n in range(1, self.num_layers):
            h = run(n, ops.concatenate([dropped(h, masks[n]), *context], axis=-1))
        output = self.combine(ops.concatenate([h, *context], axis=-1))
        return output, weights


def dropped(x: Tensor, mask: Tensor | None) -> Tensor:
    """A dropout mask `(batch, width)` on one step or on all."""
    return x if mask is None else x * (mask if len(x.shape) == 2 else mask[:, None])


def _beside(x: Tensor, vector: Tensor) -> Tensor:
    """Each entry's vector beside its steps, `(batch, steps, ...)`, or its beams, `(rows, ...)`."""
    batch, width = ops.shape(vector)
    rows = ops.reshape(x, (batch, -1, x.shape[-1]))
    vector = ops.broadcast_to(vector[:, None], (batch, ops.shape(rows)[1], width))
    both = ops.concatenate([rows, vector], axis=-1)
    return ops.reshape(both, (*ops.shape(x)[:-1], both.shape[-1]))
