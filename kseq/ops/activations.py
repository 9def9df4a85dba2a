"""Derivatives of activations, from what the activation gave."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

Tensor = Any

_DERIVATIVES: dict[Callable, Callable] = {
    keras.activations.linear: ops.ones_like,
    keras.activations.relu: lambda y: ops.cast(y > 0, y.dtype),
    keras.activations.sigmoid: lambda y: y * (1 - y),
    keras.activations.hard_sigmoid: lambda y: ops.cast((y > 0) & (y < 1), y.dtype) / 6,
    keras.activations.tanh: lambda y: 1 - y * y,
}


def derivative(activation: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor] | None:
    """The derivative of an activation as a function of its output, None where it is not known.

    Args:
        activation: of `keras.activations`.

    Example:
        >>> derivative(keras.activations.sigmoid)(0.25)
        0.1875
    """
    return next((slope for known, slope in _DERIVATIVES.items() if known is activation), None)
