"""Derivatives of activations against central differences and automatic differentiation."""

import keras
import numpy as np
import pytest
from keras import ops

from kseq.ops.activations import derivative
from tests.gradients import gradients
from tests.helpers import to_numpy
from tests.reference.bptt import ACTIVATIONS

KNOWN = ("linear", "relu", "sigmoid", "hard_sigmoid", "tanh")
# on both sides of every kink (0 and +-3) and beyond it, but on none of them
X = np.array([-4.0, -3.1, -2.9, -1.3, -0.2, 0.1, 0.7, 2.8, 3.2, 5.0], "float32")


def found(name):
    activation = keras.activations.get(name)
    return to_numpy(derivative(activation)(activation(ops.convert_to_tensor(X))))


@pytest.mark.parametrize("name", KNOWN)
def test_equals_central_differences(name):
    function, x, step = ACTIVATIONS[name][0], X.astype("float64"), 1e-6
    differences = (function(x + step) - function(x - step)) / (2 * step)
    np.testing.assert_allclose(found(name), differences, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", KNOWN)
def test_equals_automatic_differentiation_also_at_the_kinks(name):
    activation = keras.activations.get(name)
    x = np.array([*X, -3.0, 0.0, 3.0], "float32")
    (expected,), _ = gradients(lambda x: ops.sum(activation(x)), [x])
    slope = to_numpy(derivative(activation)(activation(ops.convert_to_tensor(x))))
    np.testing.assert_allclose(slope, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", KNOWN)
def test_keeps_the_type(name):
    y = ops.cast(ops.convert_to_tensor(X), "bfloat16")
    assert keras.backend.standardize_dtype(derivative(keras.activations.get(name))(y).dtype) == "bfloat16"


def test_unknown_activations_have_none():
    assert derivative(keras.activations.gelu) is None
    assert derivative(lambda x: x) is None
