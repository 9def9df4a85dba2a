"""Gradients on whichever backend runs, and by finite differences in NumPy."""

import keras
import numpy as np
from keras import ops


def gradients(function, inputs, variables=(), compiled=False):
    """Returns the gradients of the scalar `function(*inputs)` as NumPy arrays.

    Args:
        function: takes tensors, returns a scalar tensor.
        inputs: list of NumPy arrays.
        variables: list of Keras variables that `function` reads.
        compiled: whether to trace into a graph (TensorFlow) or to jit (JAX) first.

    Returns:
        The list of gradients by `inputs` and the list by `variables`; zeros where the value
        does not depend on one.
    """
    # with its type, or Keras on PyTorch makes float32 of float64
    inputs = [ops.convert_to_tensor(array, str(array.dtype)) for array in inputs]
    variables = list(variables)
    backends = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
    found = backends[keras.backend.backend()](function, inputs, variables, compiled)
    found = [
        np.zeros(like.shape) if gradient is None else np.asarray(ops.convert_to_numpy(gradient))
        for gradient, like in zip(found, inputs + variables, strict=True)
    ]
    return found[: len(inputs)], found[len(inputs) :]


def _tensorflow(function, inputs, variables, compiled):
    import tensorflow as tf

    def run(*inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            value = function(*inputs)
        sources = [*inputs, *(variable.value for variable in variables)]
        return tape.gradient(value, sources, unconnected_gradients="zero")

    return (tf.function(run) if compiled else run)(*inputs)


def _jax(function, inputs, variables, compiled):
    import jax

    def run(inputs, values):
        mapping = list(zip(variables, values, strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            return function(*inputs)

    gradient = jax.grad(run, argnums=(0, 1))
    gradient = jax.jit(gradient) if compiled else gradient
    with jax.disable_jit(not compiled):
        by_input, by_variable = gradient(inputs, [variable.value for variable in variables])
    return [*by_input, *by_variable]


def _torch(function, inputs, variables, compiled):
    import torch

    inputs = [tensor.detach().clone().requires_grad_() for tensor in inputs]
    sources = [*inputs, *(variable.value for variable in variables)]
    return torch.autograd.grad(function(*inputs), sources, allow_unused=True)


def finite_differences(function, arrays, step=1e-6):
    """Returns central differences of the scalar NumPy `function(*arrays)` by every entry."""
    arrays = [np.array(array, "float64") for array in arrays]
    result = []
    for array in arrays:
        gradient = np.zeros_like(array)
        for index in np.ndindex(*array.shape):
            kept = array[index]
            array[index] = kept + step
            above = function(*arrays)
            array[index] = kept - step
            below = function(*arrays)
            array[index] = kept
            gradient[index] = (above - below) / (2.0 * step)
        result.append(gradient)
    return result
