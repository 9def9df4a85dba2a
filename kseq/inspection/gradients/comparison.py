"""Cells side by side on one batch, and a gradient that explodes with and without clipping."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from kseq import cells as all_cells
from kseq.errors import not_negative, positive
from kseq.inspection.gradients.flow import GradientFlow, gradient_flow
from kseq.layers import RNN

#: what is compared where nothing else is said: in their order of age
CELLS = ("simple_rnn", "lstm", "peephole_lstm", "gru")


def compare_cells(
    cells: Sequence[str] = CELLS,
    *,
    steps: int = 100,
    units: int = 64,
    batch: int = 8,
    features: int = 8,
    gain: float = 1.0,
    forget_bias: float | None = None,
    jacobians: int = 8,
    seed: int = 1,
) -> dict[str, GradientFlow]:
    """The gradient of cells of one width as they are initialised, on one batch of random numbers.

    One layer and a linear output at the last step, squared error; inputs and targets are standard normal.

    Args:
        cells: names of `kseq.cells.NAMES`.
        steps: of the sequences.
        units: width of each cell.
        batch: sequences.
        features: of each step.
        gain: what the recurrent weights are multiplied with; above 1 a gradient may explode.
        forget_bias: what the biases of an LSTM's forget gate begin with, in place of 1.
        jacobians: as of `gradient_flow`.
        seed: of weights and numbers.

    Returns:
        Name to flow, which has one layer.
    """
    for name, value in {"steps": steps, "units": units, "batch": batch, "gain": gain}.items():
        positive(name, value)
    random = np.random.default_rng(seed)
    inputs = random.normal(size=(batch, steps, features)).astype("float32")
    targets = random.normal(size=(batch, 1)).astype("float32")
    flows = {}
    for name in cells:
        model = _model(name, (steps, features), units, gain, seed)
        if forget_bias is not None and "lstm" in name:
            _set_forget_bias(model.layers[0].cell, forget_bias)
        flows[name] = gradient_flow(model, (inputs, targets), loss="mse", jacobians=jacobians)
    return flows


@dataclasses.dataclass(frozen=True)
class ClippedTraining:
    """A training of a few updates, once as it is and once with clipped gradients.

    Args:
        clip_norm: what was clipped to.
        losses: by `"plain"` and `"clipped"` the loss before each update; NaN behind a loss that is none.
        norms: likewise the norm of the gradient, before it was clipped.
    """

    clip_norm: float
    losses: dict[str, np.ndarray]
    norms: dict[str, np.ndarray]


def clipping_effect(
    cell: str = "simple_rnn",
    *,
    gain: float = 1.5,
    clip_norm: float = 1.0,
    learning_rate: float = 0.2,
    updates: int = 60,
    steps: int = 50,
    units: int = 32,
    batch: int = 32,
    seed: int = 1,
) -> ClippedTraining:
    """Trains one network twice on the same batches, by gradient descent with and without clipping.

    The network has to give the mean of the numbers that it has read. Clipping keeps the direction:

        g  becomes  g * min(1, clip_norm / |g|)

    Args:
        cell: a name of `kseq.cells.NAMES`.
        gain: what the recurrent weights are multiplied with before training.
        clip_norm: largest norm of the gradient of all weights.
        learning_rate: of plain gradient descent.
        updates: how many.
        steps: of the sequences.
        units: width of the cell.
        batch: sequences an update.
        seed: of weights and numbers.

    Reference:
        Pascanu, Mikolov and Bengio, "On the Difficulty of Training Recurrent Neural Networks", 2013.
    """
    import tensorflow as tf

    not_negative("updates", updates)
    positive("clip_norm", clip_norm)
    losses: dict[str, np.ndarray] = {}
    norms: dict[str, np.ndarray] = {}
    for kind in ("plain", "clipped"):
        model = _model(cell, (steps, 2), units, gain, seed)
        optimizer = keras.optimizers.SGD(learning_rate)
        optimizer.build(model.trainable_variables)
        random = np.random.default_rng(seed)

        @tf.function
        def update(x: Any, y: Any, model: Any = model, optimizer: Any = optimizer, kind: str = kind) -> Any:
            with tf.GradientTape() as tape:
                loss = keras.ops.mean(keras.ops.square(model(x, training=True) - y))
            found = tape.gradient(loss, model.trainable_variables)
            clipped, norm = tf.clip_by_global_norm(found, clip_norm)
            optimizer.apply(clipped if kind == "clipped" else found)
            return loss, norm

        seen = []
        for _ in range(updates):
            x = random.normal(size=(batch, steps, 2)).astype("float32")
            seen.append([float(value) for value in update(x, x[..., :1].mean(1))])
        losses[kind], norms[kind] = np.array(seen).reshape(-1, 2).T
    return ClippedTraining(clip_norm, losses, norms)


def _model(name: str, shape: tuple[int, int], units: int, gain: float, seed: int) -> keras.Model:
    cell = all_cells.get(
        name,
        units,
        kernel_initializer=keras.initializers.GlorotUniform(seed),
        recurrent_initializer=keras.initializers.Orthogonal(gain, seed=seed + 1),
    )
    head = keras.layers.Dense(1, kernel_initializer=keras.initializers.GlorotUniform(seed + 2))
    return keras.Sequential([keras.Input(shape), RNN(cell, name=name), head])


def _set_forget_bias(cell: Any, value: float) -> None:
    bias = keras.ops.convert_to_numpy(cell.bias).copy()
    bias[cell.units : 2 * cell.units] = value
    cell.bias.assign(bias)
