"""A stack of cells is a cell."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kseq.cells.base import Tensor, output_width, unfold_cell
from kseq.errors import UserError, fraction, positive


@keras.saving.register_keras_serializable("kseq")
class StackedCell(keras.layers.Layer):
    """Deep recurrence: the output of each cell is the input of the next.

        y_1(t) = cell_1(x(t)),   y_l(t) = cell_l(m_l * y_(l-1)(t)) [+ y_(l-1)(t)]       l = 2 .. layers

    Dropout between the layers is variational: one mask `m_l` for a whole sequence. As a cell it steps
    through all layers at each time; the layers of `kseq` run one layer after the other over the whole
    sequence, so that each layer's input projection is one matrix product.

    Args:
        cells: a list of cells, or one cell that is copied `num_layers` times.
        num_layers: number of copies of a single cell; with a list, its length or None.
        residual: add a layer's input to its output, from the second layer on.
        dropout: fraction of the features dropped between layers, in [0, 1).
        seed: of the dropout masks.
        **kwargs: of `keras.layers.Layer`.

    Call arguments:
        inputs: `(batch, features)`.
        states: one entry per layer, each what that cell takes.
        training: whether dropout is on.

    Returns:
        `(output, states)`.

    Raises:
        UserError: on an empty list, something in it that is no cell, a `num_layers` that contradicts
            it, or, at build, a residual connection between layers of different width.

    Reference:
        Pascanu et al., "How to Construct Deep Recurrent Neural Networks", 2014.
    """

    def __init__(
        self,
        cells: Any,
        num_layers: int | None = None,
        *,
        residual: bool = False,
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if not isinstance(cells, (list, tuple)):
            count = positive("num_layers", 1 if num_layers is None else num_layers)
            cells = [cells] + [_copy(cells, n) for n in range(1, count)]
        elif num_layers not in (None, len(cells)):
            raise UserError(f"`num_layers` is {num_layers}, but {len(cells)} cells were given")
        if not cells:
            raise UserError("`cells` must hold at least one cell, got an empty list")
        for cell in cells:
            if not (hasattr(cell, "state_size") and callable(cell)):
                raise UserError(f"`cells` must be cells, with a `state_size`; got {cell!r} among them")
        self.cells = list(cells)
        self.num_layers = len(cells)
        self.residual = residual
        self.dropout = fraction("dropout", dropout)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    @property
    def state_size(self) -> list:
        """State sizes of every layer."""
        return [c.state_size for c in self.cells]

    @property
    def output_size(self) -> int:
        """Width of the last layer's output."""
        return self._widths[-1]

    @property
    def _widths(self) -> list[int]:
        return [output_width(cell) for cell in self.cells]

    def build(self, inputs_shape: Sequence[int | None], states_shape: Any = None) -> None:
        width = inputs_shape[-1]
        for n, (cell, width_after) in enumerate(zip(self.cells, self._widths, strict=True)):
            if self.residual and n and width != width_after:
                raise UserError(
                    f"`residual` needs layers of one width, got {width} before and {width_after} "
                    f"after layer {n + 1}"
                )
            if not cell.built:
                cell.build((inputs_shape[0], width))
                cell.built = True
            width = width_after

    def get_initial_state(self, batch_size: Any = None) -> list:
        """The initial states of every layer."""
        return [c.get_initial_state(batch_size=batch_size) for c in self.cells]

    def call(self, inputs: Tensor, states: list, training: bool | None = None) -> tuple:
        def run(cell: Any, inputs: Tensor, states: Any) -> tuple:
            options = {"training": training} if cell._call_has_training_arg else {}
            return cell(inputs, states, **options)

        return self._through_layers(run, inputs, states, training)

    def unfold(
        self, sequences: Tensor, states: list, *, training: bool | None = None, **options: Any
    ) -> tuple:
        """Run over whole sequences layer by layer; `options` as in `kseq.ops.unfold`."""
        return_sequences = options.pop("return_sequences", True)
        backwards = options.pop("go_backwards", False)
        top = self.cells[-1]
        last = None

        def run(cell: Any, inputs: Tensor, states: Any) -> tuple:
            nonlocal last
            last, outputs, states = unfold_cell(
                cell,
                inputs,
                states if isinstance(states, (list, tuple)) else [states],
                training=training,
                return_sequences=return_sequences or residual_or_below(cell),
                **options,
            )
            return outputs, states

        def residual_or_below(cell: Any) -> bool:
            return cell is not top or (self.residual and self.num_layers > 1)

        if backwards:
            sequences = ops.flip(sequences, axis=1)
            if options.get("mask") is not None:
                options["mask"] = ops.flip(options["mask"], axis=1)
        outputs, states = self._through_layers(run, sequences, states, training)
        if self.residual and self.num_layers > 1:
            last = outputs[:, -1]
        return last, outputs if return_sequences else None, states

    def _through_layers(self, run: Any, x: Tensor, states: Any, training: bool | None) -> tuple:
        new_states = []
        for n, (cell, state) in enumerate(zip(self.cells, states, strict=True)):
            below = x
            if n and training and self.dropout:
                ones = (1,) * (len(x.shape) - 2)
                shape = (ops.shape(x)[0], *ones, x.shape[-1])
                mask = ops.ones(shape, dtype=x.dtype)
                x = x * keras.random.dropout(mask, self.dropout, seed=self.seed_generator)
            x, state = run(cell, x, state)
            x = x + below if n and self.residual else x
            new_states.append(state)
        return x, new_states

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "cells": [keras.saving.serialize_keras_object(c) for c in self.cells],
            "num_layers": self.num_layers,
            "residual": self.residual,
            "dropout": self.dropout,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> "StackedCell":
        return cls(**with_cells(config, custom_objects))


def with_cells(config: dict, custom_objects: dict | None = None) -> dict:
    """The configuration of a stack with its cells made from theirs."""
    cells = [
        keras.saving.deserialize_keras_object(cell, custom_objects=custom_objects) for cell in config["cells"]
    ]
    return {**config, "cells": cells}


def _copy(cell: Any, n: int) -> Any:
    """The n-th copy of a cell, with dropout masks of its own."""
    config = cell.get_config()
    config.pop("name", None)
    if config.get("seed") is not None:
        config["seed"] += n
    return type(cell).from_config(config)
