"""How much of the gradient of a loss arrives at each past state."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kseq.errors import UserError, not_negative, one_of
from kseq.inspection.gradients.jacobian import spectral_radius
from kseq.inspection.gradients.probes import Trace, check_ran, probed
from kseq.models import LanguageModel


@dataclasses.dataclass(frozen=True)
class LayerFlow:
    """The gradient along the states of one recurrent layer, in one direction.

    Args:
        name: of the layer.
        cell: class of its cell.
        norms: `(steps + 1,)`, of the loss's gradient with respect to the states after 0, 1, .. steps, in the
            order of reading; all rows of the batch and all states of the cell together.
        by_state: the same for each state by itself, `(states, steps + 1)`; for an LSTM `h` and `c`.
        backwards: whether the layer reads from the end.
        radius_steps: the steps at which the recurrent Jacobian was taken.
        radius: its spectral radius there, for the first row of the batch.
    """

    name: str
    cell: str
    norms: np.ndarray
    by_state: np.ndarray
    backwards: bool
    radius_steps: np.ndarray
    radius: np.ndarray

    @property
    def ratio(self) -> float:
        """The norm before the first step as a share of the last that is not zero."""
        last = self.norms[np.flatnonzero(self.norms)[-1]] if self.norms.any() else 1.0
        return float(self.norms[0] / last)


@dataclasses.dataclass(frozen=True)
class GradientFlow:
    """The gradient of one loss on one batch.

    Args:
        loss: its value.
        layers: of each recurrent layer, by name.
        weights: norm of the gradient with respect to each weight, by path.
    """

    loss: float
    layers: dict[str, LayerFlow]
    weights: dict[str, float]

    @property
    def global_norm(self) -> float:
        """Norm of the gradient of all weights, what clipping looks at."""
        return float(np.sqrt(sum(norm**2 for norm in self.weights.values())))

    def clipping_factor(self, clip_norm: float) -> float:
        """What clipping by the global norm multiplies the gradient with."""
        return min(1.0, clip_norm / max(self.global_norm, 1e-30))


def gradient_flow(
    model: keras.layers.Layer,
    batch: Sequence[Any],
    *,
    loss: Any = None,
    at: str = "last",
    jacobians: int = 8,
) -> GradientFlow:
    """Norms of the loss's gradient with respect to each past state of each recurrent layer.

        g(t) = |dL / ds(t)|,   s(t) = [h(t), c(t), ..] as step t hands it to step t+1
        J(t) = ds(t) / ds(t-1),   radius = largest absolute eigenvalue

    The states of an LSTM count as what they are for the next step: two vectors; that `h(t)` is made of
    `c(t)` happens within the step. Works on the TensorFlow backend, on any Keras model with recurrent layers:
    of `kseq`, of `keras.layers`, or `RNN` of a cell of your own. Dropout is off. A layer that a model does
    not run as a whole, such as a decoder with input feeding, is left out.

    Args:
        model: what to look into.
        batch: `(inputs, targets)` or `(inputs, targets, weights)`, as `fit` takes them. States that a
            model carries from batch to batch are neither used nor changed.
        loss: a loss or its name; None: what the model was compiled with.
        at: `"last"` for the loss of the last step alone where each step has one, so that what comes back is
            what has come through time; `"all"` for the loss of all steps.
        jacobians: at how many steps to take the spectral radius; 0: at none.

    Raises:
        UserError: there is no loss, no target, or no recurrent layer that runs.

    Example:
        >>> from kseq.layers import LSTM
        >>> model = keras.Sequential([keras.Input((20, 3)), LSTM(4, name="memory"), keras.layers.Dense(1)])
        >>> batch = np.ones((2, 20, 3), "float32"), np.ones((2, 1), "float32")
        >>> flow = gradient_flow(model, batch, loss="mse")
        >>> flow.layers["memory"].norms.shape
        (21,)

    Reference:
        Bengio, Simard and Frasconi, "Learning Long-Term Dependencies with Gradient Descent is Difficult",
        1994; Pascanu, Mikolov and Bengio, "On the Difficulty of Training Recurrent Neural Networks", 2013.
    """
    import tensorflow as tf

    one_of("at", at, ("last", "all"))
    not_negative("jacobians", jacobians)
    inputs, targets, weights = keras.utils.unpack_x_y_sample_weight(tuple(batch))
    if targets is None:
        raise UserError("`batch` must be (inputs, targets) or (inputs, targets, weights), got inputs alone")
    loss_of = _loss_of(model, loss)
    inputs = _afresh(model, inputs)
    with tf.GradientTape() as tape, probed(model, tape) as traces:
        outputs = model(inputs)
        if at == "last":
            weights = _last_step(targets, outputs, weights)
        value = loss_of(inputs, targets, outputs, weights)
    check_ran(traces, model)
    variables = model.trainable_variables
    sources = [*variables, *(trace.probes for trace in traces)]
    found = tape.gradient(value, sources, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    norms = {v.path: _norm(g) for v, g in zip(variables, found, strict=False)}
    states = found[len(variables) :]
    layers = {trace.name: _layer(trace, g, jacobians) for trace, g in zip(traces, states, strict=True)}
    return GradientFlow(float(value), layers, norms)


def _loss_of(model: Any, loss: Any) -> Any:
    if loss is not None:
        function = keras.losses.get(loss)
        function = function if isinstance(function, keras.losses.Loss) else _Wrapped(function)
        return lambda x, y, z, w: function(y, z, sample_weight=w)
    if getattr(model, "compiled", False) and getattr(model, "loss", None) is not None:
        return lambda x, y, z, w: model.compute_loss(x, y, z, w)
    raise UserError(f"`loss` must be given: {type(model).__name__} is not compiled with one")


class _Wrapped(keras.losses.Loss):
    """A loss function as a loss."""

    def __init__(self, function: Any):
        super().__init__(name="wrapped")
        self.function = function

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self.function(y_true, y_pred)


def _afresh(model: Any, inputs: Any) -> Any:
    """Inputs without what would start from carried states and change them."""
    if not isinstance(inputs, dict) or "reset" not in inputs:
        return inputs
    rest = {name: value for name, value in inputs.items() if name != "reset"}
    return rest["tokens"] if isinstance(model, LanguageModel) else rest


def _last_step(targets: Any, outputs: Any, weights: Any) -> Any:
    """Weights of which only the last that is not zero is left, if every step has a loss of its own."""
    shape = getattr(outputs, "shape", ())
    if len(shape) != 3 or ops.ndim(targets) < 2 or ops.shape(targets)[1] != shape[1]:
        return weights
    given = ops.ones(shape[:2]) if weights is None else ops.cast(weights, "float32")
    given = ops.broadcast_to(ops.reshape(given, (shape[0], -1)), shape[:2])
    places = ops.where(given > 0, ops.arange(shape[1]), -1)
    last = ops.max(places, axis=1, keepdims=True)
    return ops.where(ops.equal(places, last), given, ops.zeros_like(given))


def _layer(trace: Trace, gradients: list, jacobians: int) -> LayerFlow:
    by_state = np.array([[_norm(g) for g in one] for one in gradients]).T
    steps = len(trace.inputs)
    chosen = np.unique(np.linspace(0, steps - 1, min(jacobians, steps)).round().astype(int))
    radius = [spectral_radius(trace.cell, trace.inputs[t], trace.before[t]) for t in chosen]
    return LayerFlow(
        trace.name,
        type(trace.cell).__name__,
        np.sqrt((by_state**2).sum(0)),
        by_state,
        trace.backwards,
        chosen + 1,
        np.array(radius),
    )


def _norm(gradient: Any) -> float:
    if hasattr(gradient, "values"):  # of an embedding: rows that were looked up
        gradient = ops.segment_sum(gradient.values, gradient.indices, gradient.dense_shape[0])
    # float64: squares of what is left of a vanishing gradient are below float32's smallest number
    return float(np.linalg.norm(np.asarray(ops.convert_to_numpy(gradient), "float64")))
