"""NumPy twin of the simple recurrent cell: h = f(x W + h' U + b) (Elman, 1990)."""

import numpy as np


def step(x, states, weights, *, activation=np.tanh, recurrent_mask=1.0):
    """Makes one step; `x` is (batch, features), `states` is [h] with h (batch, units)."""
    (h,) = states
    h = activation(
        x @ weights["kernel"] + (recurrent_mask * h) @ weights["recurrent_kernel"] + weights.get("bias", 0.0)
    )
    return h, [h]
