"""NumPy twin of the leaky unit of an echo state network (Jaeger, 2001).

h = (1 - a) h' + a f(x W + h' U + b)
"""

import numpy as np


def step(x, states, weights, *, leak=1.0, activation=np.tanh, recurrent_mask=1.0):
    """Makes one step; `states` is [h]."""
    (h,) = states
    z = x @ weights["kernel"] + (recurrent_mask * h) @ weights["recurrent_kernel"] + weights.get("bias", 0.0)
    h = h + leak * (activation(z) - h)
    return h, [h]
