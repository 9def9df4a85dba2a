"""Recurrent layers: a cell run over time."""

import functools
import inspect
import operator
from collections.abc import Iterable
from typing import Any

import keras
from keras import ops, tree

from kseq.cells import GRUCell, JordanRNNCell, LSTMCell, PeepholeLSTMCell, SimpleRNNCell
from kseq.cells.base import Cell, Tensor, unfold_cell
from kseq.cells.explain import explain
from kseq.errors import UserError, one_of
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
class JordanRNN(CellLayer):
    """Jordan recurrence: the output feeds back; equations in `kseq.cells.JordanRNNCell`.

    Given `targets`, each step is fed the true output of the step before in place of its own (teacher
    forcing), so that all steps are computed in parallel:

        h(t) = f(x(t) W + target(t-1) U + b),   target(0) = initial state

    Without them the layer runs open loop, on its own outputs: what it must do when it serves. The two
    see different inputs, which is the train/serve gap of teacher forcing.

    Takes the arguments of `kseq.cells.JordanRNNCell` and of `kseq.layers.RNN`.

    Call arguments:
        targets: `(batch, time, output_units)`, the true outputs in the order of `sequences`, or None.
            With a mask, a step is fed the target of the last real step before it.

    Example:
        >>> layer = JordanRNN(8, 3, return_sequences=True)
        >>> x, y = keras.ops.ones((2, 5, 4)), keras.ops.ones((2, 5, 3))
        >>> layer(x, targets=y).shape == layer(x).shape == (2, 5, 3)
        True

    Reference:
        Williams and Zipser, "A Learning Algorithm for Continually Running Fully Recurrent Neural
        Networks", 1989 (teacher forcing).
    """

    cell_class = JordanRNNCell

    def call(
        self,
        sequences: Tensor,
        initial_state: Any = None,
        mask: Tensor | None = None,
        training: bool = False,
        targets: Tensor | None = None,
    ) -> Any:
        if targets is None:
            return super().call(sequences, initial_state, mask, training)
        if targets.shape[-1] != self.output_units:
            raise UserError(
                f"`targets` must be (batch, time, {self.output_units}), got {tuple(targets.shape)}"
            )
        if self.go_backwards:
            sequences, targets = ops.flip(sequences, axis=1), ops.flip(targets, axis=1)
            mask = None if mask is None else ops.flip(mask, axis=1)
        if initial_state is None:
            batch = ops.shape(sequences)[0]
            initial_state = self.states if self.stateful else self.cell.get_initial_state(batch)
        start = ops.cast(tree.flatten(initial_state)[0], self.compute_dtype)
        outputs, last = self._teacher_forced(sequences, start, mask, training, targets)
        if self.stateful:
            self.states[0].assign(last)
        if self.zero_output_for_mask and mask is not None:
            outputs = ops.where(ops.expand_dims(mask, -1), outputs, ops.zeros_like(outputs))
        result = outputs if self.return_sequences else outputs[:, -1]
        return (result, last) if self.return_state else result

    def _teacher_forced(
        self, x: Tensor, start: Tensor, mask: Tensor | None, training: bool, targets: Tensor
    ) -> tuple[Tensor, Tensor]:
        """All outputs `(batch, time, output_units)` and the state behind the last step."""
        cell, batch, time = self.cell, ops.shape(x)[0], ops.shape(x)[1]
        start = ops.expand_dims(start, 1)
        previous = ops.concatenate([start, ops.cast(targets, self.compute_dtype)], axis=1)
        if mask is None:
            previous = previous[:, :-1]
        else:
            # the last real step up to each step, counted from 1; 0 where there is none yet
            real = ops.where(mask, ops.arange(1, time + 1), 0)
            real = ops.associative_scan(ops.maximum, real, axis=1)  # (batch, time)
            before = ops.pad(real[:, :-1], [[0, 0], [1, 0]])
            previous = ops.take_along_axis(previous, ops.expand_dims(before, -1), axis=1)
        dropped = cell.draw(batch, training)
        if dropped is not None and dropped.features is not None:
            dropped = dropped._replace(features=ops.expand_dims(dropped.features, 1))
        projected = cell.project(cell.drop_inputs(ops.cast(x, self.compute_dtype), training))
        outputs, _ = cell.step(projected, [previous], dropped)
        if mask is None:
            return outputs, outputs[:, -1]
        # masked steps hold: the state from the start on, the output from the first real step on
        states = ops.concatenate([start, outputs], axis=1)
        states = ops.take_along_axis(states, ops.expand_dims(real, -1), axis=1)
        outputs = ops.where(ops.expand_dims(real > 0, -1), states, ops.zeros_like(states))
        return outputs, states[:, -1]
