"""What the tests of cells and layers share: random weights, conversions, padding."""

import keras
import numpy as np
from keras import ops


def randomise(layer, seed=0, scale=0.6):
    """Draws every trainable weight anew: constant weights would hide a swapped gate."""
    rng = np.random.default_rng(seed)
    for variable in layer.trainable_variables:
        variable.assign(rng.normal(0.0, scale, variable.shape).astype("float32"))
    return layer


def numpy_weights(layer):
    """Returns the weights by name in float64."""
    return {v.name: to_numpy(v).astype("float64") for v in layer.weights}


def to_numpy(tensor):
    """Returns a NumPy array; bfloat16 comes as float32."""
    if keras.backend.standardize_dtype(tensor.dtype) == "bfloat16":
        tensor = ops.cast(tensor, "float32")
    return np.asarray(ops.convert_to_numpy(tensor))


def flat(outputs):
    """Returns all tensors of a nested result as a list of NumPy arrays."""
    return [to_numpy(tensor) for tensor in keras.tree.flatten(outputs)]


def normal(*shape, seed=0):
    """Returns a float32 sample."""
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def length_mask(lengths, time):
    """Returns the (batch, time) mask of right-padded sequences."""
    return np.arange(time)[None] < np.asarray(lengths)[:, None]


def masks(batch, time):
    """Returns masks by name that between them meet every special case; `batch` is at least 4."""
    lengths = np.arange(batch) % (time + 1)  # the first row is empty
    lengths[1], lengths[2] = time, 1
    right = length_mask(lengths, time)
    gaps = np.random.default_rng(7).random((batch, time)) < 0.6
    gaps[0] = False
    return {
        "none": None,
        "full": np.ones((batch, time), bool),
        "right": right,
        "left": right[:, ::-1].copy(),
        "gaps": gaps,
    }


def soiled(x, mask, seed=9):
    """Returns `x` with large random values where `mask` is False."""
    garbage = 1e3 * normal(*x.shape, seed=seed)
    return np.where(mask[..., None], x, garbage).astype("float32")


def assert_all_close(actual, expected, rtol=1e-4, atol=1e-5):
    """Compares two nested results entry by entry."""
    actual, expected = flat(actual), flat(expected)
    assert len(actual) == len(expected)
    for ours, theirs in zip(actual, expected, strict=True):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol)
