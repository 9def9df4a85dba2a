"""What all cells share."""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
from keras import ops

from kseq.errors import fraction, positive
from kseq.ops.bptt import sequence
from kseq.ops.recurrence import Recurrence, times
from kseq.ops.unfold import unfold

Tensor = Any


class Dropped(NamedTuple):
    """What dropout draws for the recurrent part of one sequence: factors, or None where nothing drops.

    Args:
        features: on the recurrent features, `(batch, state)`.
        weights: on the recurrent kernel, of its shape.
    """

    features: Tensor | None = None
    weights: Tensor | None = None


class Cell(keras.layers.Layer):
    """One step of time, said once and usable two ways.

    A cell splits its step in a part that depends on the input alone and a recurrent part:

        project: a(t) = (x(t) * m_x) W + b                 all time steps in one matrix product
        step:    (y(t), s(t)) = step(a(t), s(t-1))

    `call` is the two in a row, so every cell works inside `keras.layers.RNN`, `Bidirectional` and
    `StackedRNNCells`; the layers of `kseq` hoist `project` out of the loop.

    Dropout is variational (Gal & Ghahramani, 2016): one mask `m_x` over the input features and one
    over the recurrent features for a whole sequence. Weight dropout (DropConnect: Wan et al., 2013; Merity
    et al., "Regularizing and Optimizing LSTM Language Models", 2018) drops entries of `recurrent_kernel`,
    the same for a whole batch. `keras.layers.RNN` cannot know of these masks and draws new ones at every
    step; `kseq.layers.RNN` draws them once.

    Args:
        units: width of the recurrent part, positive.
        use_bias: whether to add biases.
        kernel_initializer: of `kernel`, `(features, gates * units)`.
        recurrent_initializer: of `recurrent_kernel`, `(state, gates * units)`.
        bias_initializer: of `bias`.
        kernel_regularizer: penalty on `kernel`.
        recurrent_regularizer: penalty on `recurrent_kernel`.
        bias_regularizer: penalty on `bias`.
        kernel_constraint: projection of `kernel` after each update.
        recurrent_constraint: projection of `recurrent_kernel` after each update.
        bias_constraint: projection of `bias` after each update.
        dropout: fraction of the input features dropped, in [0, 1).
        recurrent_dropout: fraction of the recurrent features dropped, in [0, 1).
        weight_dropout: fraction of the entries of `recurrent_kernel` dropped, in [0, 1).
        seed: of the dropout masks.

    Call arguments:
        inputs: `(batch, features)`.
        states: list of `(batch, state)` tensors.
        training: whether dropout is on.

    Returns:
        `(output, states)`.

    Raises:
        UserError: on a size that is not positive or a rate outside [0, 1).
    """

    #: how many blocks of `units` columns `kernel` and `recurrent_kernel` have
    gates = 1

    def __init__(
        self,
        units: int,
        *,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        weight_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.units = positive("units", units)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.recurrent_initializer = keras.initializers.get(recurrent_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = keras.regularizers.get(recurrent_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.recurrent_constraint = keras.constraints.get(recurrent_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)
        self.dropout = fraction("dropout", dropout)
        self.recurrent_dropout = fraction("recurrent_dropout", recurrent_dropout)
        self.weight_dropout = fraction("weight_dropout", weight_dropout)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    @property
    def state_size(self) -> int | list:
        """Width of each state."""
        return self.units

    @property
    def output_size(self) -> int:
        """Width of the output."""
        return self.units

    @property
    def recurrent_size(self) -> int:
        """Width of the state that meets `recurrent_kernel`."""
        return self.units

    def build(self, inputs_shape: Sequence[int | None], states_shape: Any = None) -> None:
        columns = self.gates * self.units
        self.kernel = self.add_weight(
            shape=(inputs_shape[-1], columns),
            name="kernel",
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.recurrent_kernel = self.add_weight(
            shape=(self.recurrent_size, columns),
            name="recurrent_kernel",
            initializer=self.recurrent_initializer,
            regularizer=self.recurrent_regularizer,
            constraint=self.recurrent_constraint,
        )
        self.bias = self.add_bias("bias", self.bias_shape()) if self.use_bias else None

    def bias_shape(self) -> tuple[int, ...]:
        """Shape of `bias`."""
        return (self.gates * self.units,)

    def add_bias(self, name: str, shape: tuple[int, ...], initializer: Any = None) -> Any:
        """A bias with the regularizer and constraint of this cell."""
        return self.add_weight(
            shape=shape,
            name=name,
            initializer=initializer or self.bias_initializer,
            regularizer=self.bias_regularizer,
            constraint=self.bias_constraint,
        )

    def get_initial_state(self, batch_size: Any = None) -> list:
        """Zeros for every state."""
        sizes = self.state_size if isinstance(self.state_size, list) else [self.state_size]
        return [ops.zeros((batch_size, size), dtype=self.compute_dtype) for size in sizes]

    def project(self, inputs: Tensor) -> Tensor:
        """The part of the step that depends on the input alone.

        Args:
            inputs: `(..., features)`, any number of axes in front.

        Returns:
            `(..., gates * units)`.
        """
        projected = ops.matmul(inputs, self.kernel)
        bias = self.input_bias()
        return projected if bias is None else projected + bias

    def drop_inputs(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Inputs `(batch, features)` or `(batch, time, features)` with input dropout applied."""
        if not (training and self.dropout):
            return inputs
        ones = (1,) * (len(inputs.shape) - 2)  # one mask for all time steps
        shape = (ops.shape(inputs)[0], *ones, inputs.shape[-1])
        return inputs * self._dropout_mask(shape, self.dropout)

    def input_bias(self) -> Tensor | None:
        """The bias that `project` adds."""
        return self.bias

    def step(self, projected: Tensor, states: list, dropped: Dropped | None = None) -> tuple[Tensor, list]:
        """The recurrent part of the step.

        Args:
            projected: `(batch, gates * units)`, one time step of `project`.
            states: list of `(batch, state)` tensors.
            dropped: from `draw`.

        Returns:
            `(output, states)`.
        """
        weights, features = self.recurrent_weights(dropped), dropped and dropped.features
        states, _ = self.recurrence.step(projected, tuple(states), weights, features)
        return states[0], list(states)

    @property
    def recurrence(self) -> Recurrence | None:
        """`step` and the way back through it as pure functions, or None where `step` alone is known."""
        return None

    def recurrent_weights(self, dropped: Dropped | None = None) -> tuple:
        """The weights of `recurrence`, those that are dropped zero."""
        kernel = ops.cast(self.recurrent_kernel, self.compute_dtype)
        return (times(kernel, dropped and dropped.weights),)

    def recurrent_product(self, state: Tensor, dropped: Dropped | None) -> Tensor:
        """A state times the recurrent kernel, both less what is dropped."""
        return ops.matmul(times(state, dropped and dropped.features), self.recurrent_weights(dropped)[0])

    def draw(self, batch_size: Any, training: bool | None = None) -> Dropped | None:
        """Draw the dropout of the recurrent part for one sequence; None where there is none."""
        if not (training and (self.recurrent_dropout or self.weight_dropout)):
            return None
        features = weights = None
        if self.recurrent_dropout:
            features = self._dropout_mask((batch_size, self.recurrent_size), self.recurrent_dropout)
        if self.weight_dropout:
            weights = self._dropout_mask(self.recurrent_kernel.shape, self.weight_dropout)
        return Dropped(features, weights)

    def _dropout_mask(self, shape: tuple, rate: float) -> Tensor:
        ones = ops.ones(shape, dtype=self.compute_dtype)
        return keras.random.dropout(ones, rate, seed=self.seed_generator)

    def call(self, inputs: Tensor, states: Any, training: bool | None = None) -> tuple:
        states = list(states) if isinstance(states, (list, tuple)) else [states]
        dropped = self.draw(ops.shape(inputs)[0], training)
        return self.step(self.project(self.drop_inputs(inputs, training)), states, dropped)

    def unfold(
        self,
        sequences: Tensor,
        states: list,
        *,
        training: bool | None = None,
        recompute: bool = False,
        **options: Any,
    ) -> tuple:
        """Run over whole sequences, `project` hoisted.

        Args:
            sequences: `(batch, time, features)`.
            states: the states before the first step.
            training: whether dropout is on, and the loop keeps what the way back needs.
            recompute: keep only the states between segments of the sequence, where the gradient is derived
                by hand.
            **options: as in `kseq.ops.unfold`.
        """
        batch = ops.shape(sequences)[0]
        dropped = self.draw(batch, training)
        run = None
        if not options.get("unroll") and self.why_not_derived() is None:
            run = functools.partial(
                self._sequence,
                dropped=dropped,
                keep=bool(training),
                recompute=recompute and bool(training),
                collect=options.get("return_sequences", True),
            )
        return unfold(
            lambda projected, states: self.step(projected, states, dropped),
            self.drop_inputs(ops.cast(sequences, self.compute_dtype), training),
            states,
            ops.zeros((batch, self.output_size), dtype=self.compute_dtype),
            project=self.project,
            sequence=run,
            **options,
        )

    def why_not_derived(self) -> str | None:
        """None if the gradient derived by hand applies; otherwise the reason why not."""
        name = type(self).__name__
        if self.recurrence is None:
            return f"no gradient is derived for {name}"
        for method in ("step", "project"):
            if getattr(type(self), method) is not getattr(Cell, method):
                return f"{name} defines a `{method}` of its own"
        if not self.recurrence.differentiable:
            return "the derivative of an activation is not known"
        return None

    def _sequence(
        self, inputs: Tensor, states: list, mask: Tensor | None, dropped: Dropped | None, **options: Any
    ) -> tuple:
        bias = self.input_bias()
        weights = {
            "kernel": ops.cast(self.kernel, self.compute_dtype),
            "bias": None if bias is None else ops.cast(bias, self.compute_dtype),
            "recurrent": self.recurrent_weights(dropped),
        }
        options |= {"mask": mask, "dropped": dropped and dropped.features}
        outputs, states = sequence(self.recurrence, inputs, tuple(states), weights, **options)
        return outputs, list(states)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "units": self.units,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "recurrent_initializer": keras.initializers.serialize(self.recurrent_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "recurrent_regularizer": keras.regularizers.serialize(self.recurrent_regularizer),
            "bias_regularizer": keras.regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": keras.constraints.serialize(self.kernel_constraint),
            "recurrent_constraint": keras.constraints.serialize(self.recurrent_constraint),
            "bias_constraint": keras.constraints.serialize(self.bias_constraint),
            "dropout": self.dropout,
            "recurrent_dropout": self.recurrent_dropout,
            "weight_dropout": self.weight_dropout,
            "seed": self.seed,
        }


def overrides_call(cell: Any) -> bool:
    """Whether a cell derived from `Cell` says its step in a `call` of its own."""
    return isinstance(cell, Cell) and type(cell).call is not Cell.call


def output_width(cell: Any) -> int:
    """Width of a cell's output: of its first state where it does not say."""
    return getattr(cell, "output_size", None) or keras.tree.flatten(cell.state_size)[0]


def unfold_cell(
    cell: Any, sequences: Tensor, states: list, *, training: bool | None = None, **options: Any
) -> tuple:
    """Run any cell over whole sequences: ours with `project` hoisted, others call by call.

    Args:
        cell: a `Cell`, or anything that keeps to Keras's cell contract.
        sequences: `(batch, time, features)`.
        states: the cell's states.
        training: whether dropout is on.
        **options: as in `kseq.ops.unfold`.

    Returns:
        `(last_output, outputs, states)`.
    """
    if hasattr(cell, "unfold") and not overrides_call(cell):
        return cell.unfold(sequences, states, training=training, **options)
    options.pop("recompute", None)  # of derived gradients only
    call_options = {"training": training} if getattr(cell, "_call_has_training_arg", False) else {}
    has_masks = hasattr(cell, "get_dropout_mask")
    if has_masks:  # the cells of keras.layers cache masks, which must not be born inside the loop
        cell.get_dropout_mask(sequences[:, 0])
        cell.get_recurrent_dropout_mask(keras.tree.flatten(states)[0])
    single = not isinstance(cell.state_size, (list, tuple))

    def step(inputs: Tensor, states: list) -> tuple[Tensor, list]:
        output, states = cell(inputs, states, **call_options)
        return output, [states] if single and not isinstance(states, (list, tuple)) else list(states)

    zeros = ops.zeros((ops.shape(sequences)[0], output_width(cell)), dtype=cell.compute_dtype)
    result = unfold(step, sequences, states, zeros, **options)
    if has_masks:
        cell.reset_dropout_mask()
        cell.reset_recurrent_dropout_mask()
    return result
