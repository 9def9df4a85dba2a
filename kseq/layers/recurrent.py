"""Recurrent layers: a cell run over time."""

import functools
import inspect
import operator
from collections.abc import Iterable
from typing import Any

import keras
from keras import ops, tree

from kseq.cells import (
    EchoStateCell,
    GRUCell,
    LayerNormLSTMCell,
    LSTMCell,
    NASCell,
    PeepholeLSTMCell,
    SimpleRNNCell,
)
from kseq.cells.base import Cell, Tensor, unfold_cell
from kseq.cells.explain import explain
from kseq.errors import one_of
from kseq.layers import cudnn


@keras.saving.register_keras_serializable("kseq")
class RNN(keras.layers.RNN):
    """Run any cell over a sequence: a cell of `kseq.cells`, of `keras.layers`, or your own.

    The part of the step that depends on the input alone is computed for all time steps in one matrix
    product (cells that have `project` and `step`); the loop holds only the recurrent part.

    Args:
        cell: the cell.
        return_sequences: return the output of every step, not only the last.
        return_state: return the final states behind the output.
        go_backwards: read from the end; outputs come in the order of reading.
        stateful: start each batch from the states at the end of the one before (fixed batch size).
        unroll: write the steps out in place of a loop; needs a static time dimension.
        zero_output_for_mask: outputs of masked steps are zero, not the last real output.
        recompute: in training keep only the states between segments of about `sqrt(time)` steps and run
            each segment forward once more on the way back: less memory, more time. Only where the
            gradient is derived by hand; `explain` tells.
        **kwargs: of `keras.layers.Layer`.

    Call arguments:
        sequences: `(batch, time, features)`.
        initial_state: the states before the first step, zeros if None.
        mask: boolean `(batch, time)`, True for a real step; any pattern. A masked step holds state and
            output.
        training: whether dropout is on.

    Returns:
        The output, `(batch, time, units)` or `(batch, units)`; with `return_state`,
        `(output, *states)`.

    Example:
        >>> layer = RNN(LSTMCell(4), return_sequences=True, return_state=True)
        >>> output, h, c = layer(keras.ops.ones((2, 5, 3)))
        >>> tuple(output.shape)
        (2, 5, 4)
    """

    def __init__(self, cell: Any, *, recompute: bool = False, **kwargs: Any):
        super().__init__(cell, **kwargs)
        self.supports_masking = True
        self.recompute = recompute

    def inner_loop(
        self, sequences: Tensor, initial_state: Any, mask: Tensor | None, training: bool = False
    ) -> tuple:
        if self.stateful:  # on PyTorch these are the variables, which change before the way back
            initial_state = tree.map_structure(ops.copy, initial_state)
        last, outputs, states = unfold_cell(
            self.cell,
            sequences,
            list(initial_state),
            training=training,
            mask=mask,
            go_backwards=self.go_backwards,
            zero_output_for_mask=self.zero_output_for_mask,
            return_sequences=self.return_sequences,
            unroll=self.unroll,
            recompute=self.recompute,
        )
        return last, last if outputs is None else outputs, states

    def explain(self, batch: int | None = None, time: int | None = None, *, training: bool = True) -> str:
        """Say which loop runs in a traced model, and why.

        In a model compiled with `jit_compile=True`, which is what Keras chooses by itself, all loops are part
        of one XLA program in place of their own; on a CPU `jit_compile=False` is faster.

        Args:
            batch: rows of the sequences, None if not known when the model is traced.
            time: steps, likewise.
            training: whether a gradient is wanted.

        Example:
            >>> LSTM(4, unroll=True).explain()
            'LSTMCell: steps written out one by one, because unroll is True'
        """
        how = {"training": training, "unroll": self.unroll, "recompute": self.recompute}
        return "\n".join(explain(self.cell, batch, time, **how))

    def get_config(self) -> dict:
        return {**super().get_config(), "recompute": self.recompute}

    def reset_state(self) -> None:
        """Set the carried states of a stateful layer to zero."""
        for variable in tree.flatten(self.states or []):
            variable.assign(ops.zeros_like(variable.value))


class CellLayer(RNN):
    """A recurrent layer that takes its cell's arguments as its own.

    The arguments are said once, in the cell: here they become call signature, attributes and
    configuration keys of the layer.

    Args:
        *args: of the cell, whose keyword arguments are taken too.
        use_cudnn: "auto" runs cuDNN on a GPU where it computes the same (TensorFlow only); `explain` tells.
            False never does.
        **kwargs: as in `RNN`.
    """

    cell_class: type[Cell]

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        cell = _parameters(cls.cell_class)
        own = [p for p in _parameters(CellLayer).values() if p.name != "cell"]
        own = [p.replace(kind=p.KEYWORD_ONLY) for p in own if p.name not in cell]
        positional = [p for p in cell.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
        keyword = [p for p in cell.values() if p.kind is p.KEYWORD_ONLY]
        rest = inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD)
        cls.__signature__ = inspect.Signature([*positional, *keyword, *own, rest])
        forward_to_cell(cls, cell)

    def __init__(self, *args: Any, use_cudnn: str | bool = "auto", **kwargs: Any):
        names = _parameters(self.cell_class)
        options = {name: kwargs.pop(name) for name in list(kwargs) if name in names}
        if "dtype" in kwargs:
            options["dtype"] = kwargs["dtype"]
        super().__init__(self.cell_class(*args, **options), **kwargs)
        self.use_cudnn = one_of("use_cudnn", use_cudnn, ("auto", False))
        stock = cudnn.stock_layer(self)
        self.supports_jit = stock is None  # XLA cannot compile a step that may run cuDNN
        self._stock = lambda: stock  # behind a function, so that Keras does not take it for a part of this

    def inner_loop(
        self, sequences: Tensor, initial_state: Any, mask: Tensor | None, training: bool = False
    ) -> tuple:
        states = list(initial_state)
        ours = functools.partial(super().inner_loop, sequences, states, mask, training)
        if self._stock() is None or cudnn.why_not(self, masked=mask is not None, training=training):
            return ours()
        theirs = functools.partial(cudnn.run, self, self._stock(), sequences, states, mask, training)
        return theirs() if mask is None else ops.cond(cudnn.fits(mask), theirs, ours)

    def explain(self, batch: int | None = None, time: int | None = None, *, training: bool = True) -> str:
        if cudnn.why_not(self, masked=False, training=training) is None:
            return f"{type(self.cell).__name__}: cuDNN where the mask allows it"
        return super().explain(batch, time, training=training)

    def get_config(self) -> dict:
        config = super().get_config()
        del config["cell"]
        cell = self.cell.get_config()
        return {
            **config,
            "use_cudnn": self.use_cudnn,
            **{name: cell[name] for name in _parameters(self.cell_class)},
        }

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> "CellLayer":
        return cls(**config)


def forward_to_cell(cls: type, names: Iterable[str]) -> None:
    """Give a layer class read-only attributes that are its cell's."""
    for name in names:
        setattr(cls, name, property(operator.attrgetter(f"cell.{name}")))


def _parameters(cls: type) -> dict[str, inspect.Parameter]:
    """The named arguments of a class, those of its bases behind its own where it passes them on."""
    found: dict[str, inspect.Parameter] = {}
    for base in cls.__mro__:
        if base is keras.layers.Layer:
            break
        if "__init__" in base.__dict__:
            for p in list(inspect.signature(base.__init__).parameters.values())[1:]:
                if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY):
                    found.setdefault(p.name, p)
    return found


@keras.saving.register_keras_serializable("kseq")
class SimpleRNN(CellLayer):
    """Elman recurrence: the hidden state feeds back.

        h(t) = f(x(t) W + h(t-1) U + b)

    Takes the arguments of `kseq.cells.SimpleRNNCell` and of `kseq.layers.RNN`.
    """

    cell_class = SimpleRNNCell


@keras.saving.register_keras_serializable("kseq")
class LSTM(CellLayer):
    """Long short-term memory over a sequence; equations in `kseq.cells.LSTMCell`.

    Takes the arguments of `kseq.cells.LSTMCell` and of `kseq.layers.RNN`. Weights have the shapes and the
    gate order of `keras.layers.LSTM`: `ours.set_weights(theirs.get_weights())`.

    Example:
        >>> tuple(LSTM(4)(keras.ops.ones((2, 5, 3))).shape)
        (2, 4)
    """

    cell_class = LSTMCell


@keras.saving.register_keras_serializable("kseq")
class PeepholeLSTM(CellLayer):
    """Long short-term memory with peepholes; equations in `kseq.cells.PeepholeLSTMCell`.

    Takes the arguments of `kseq.cells.PeepholeLSTMCell` and of `kseq.layers.RNN`.
    """

    cell_class = PeepholeLSTMCell


@keras.saving.register_keras_serializable("kseq")
class GRU(CellLayer):
    """Gated recurrent unit over a sequence; equations in `kseq.cells.GRUCell`.

    Takes the arguments of `kseq.cells.GRUCell` and of `kseq.layers.RNN`. Weights have the shapes and the
    gate order of `keras.layers.GRU`: `ours.set_weights(theirs.get_weights())`.
    """

    cell_class = GRUCell


@keras.saving.register_keras_serializable("kseq")
class LayerNormLSTM(CellLayer):
    """Layer-normalised LSTM over a sequence; equations in `kseq.cells.LayerNormLSTMCell`.

    Takes the arguments of `kseq.cells.LayerNormLSTMCell` and of `kseq.layers.RNN`.
    """

    cell_class = LayerNormLSTMCell


@keras.saving.register_keras_serializable("kseq")
class NAS(CellLayer):
    """The cell of neural architecture search over a sequence; equations in `kseq.cells.NASCell`.

    Takes the arguments of `kseq.cells.NASCell` and of `kseq.layers.RNN`.
    """

    cell_class = NASCell


@keras.saving.register_keras_serializable("kseq")
class EchoState(CellLayer):
    """Echo state network over a sequence; equations in `kseq.cells.EchoStateCell`.

    Takes the arguments of `kseq.cells.EchoStateCell` and of `kseq.layers.RNN`.
    """

    cell_class = EchoStateCell
