"""The Jacobian of one step with respect to the state before it."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops, tree


def recurrent_jacobian(cell: Any, inputs: Any, states: list, row: int = 0) -> np.ndarray:
    """`J[i, j] = ds_i(t) / ds_j(t-1)` for one row of a batch, all states of the cell side by side.

    Every component is differentiated at once: the row is repeated, and copy `i` asks for component `i`.

    Args:
        cell: any cell.
        inputs: of the step, `(batch, features)`.
        states: before the step, `(batch, width)` each.
        row: which row of the batch.

    Returns:
        `(size, size)`, the size being that of all states together.
    """
    import tensorflow as tf

    size = sum(state.shape[-1] for state in states)
    x = ops.repeat(inputs[row : row + 1], size, axis=0)
    copies = [ops.repeat(state[row : row + 1], size, axis=0) for state in states]
    with tf.GradientTape() as tape:
        tape.watch(copies)
        given = tree.pack_sequence_as(_structure(cell), copies)
        _, after = cell(x, given)
        after = ops.concatenate(tree.flatten(after), axis=-1)
    found = tape.gradient(
        after,
        copies,
        output_gradients=ops.eye(size, dtype=after.dtype),
        unconnected_gradients=tf.UnconnectedGradients.ZERO,
    )
    return np.asarray(ops.convert_to_numpy(ops.concatenate(found, axis=-1)), "float64")


def spectral_radius(cell: Any, inputs: Any, states: list, row: int = 0) -> float:
    """The largest absolute eigenvalue of `recurrent_jacobian`; arguments as there."""
    return float(np.abs(np.linalg.eigvals(recurrent_jacobian(cell, inputs, states, row))).max())


def _structure(cell: Any) -> Any:
    """The structure of states that a cell's call takes."""
    if isinstance(cell, keras.layers.Layer) and isinstance(cell.state_size, (list, tuple)):
        return list(cell.state_size)
    return [cell.state_size]
