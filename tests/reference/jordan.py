"""NumPy twin of the Jordan cell (Jordan, 1986): the output, not the hidden layer, is fed back.

h = f(x W + o' U + b);  o = g(h V + d)
"""

import numpy as np


def identity(z):
    return z


def step(x, states, weights, *, activation=np.tanh, output_activation=identity, recurrent_mask=1.0):
    """Makes one step; `states` is [o] with o (batch, output_units)."""
    (o,) = states
    h = activation(
        x @ weights["kernel"] + (recurrent_mask * o) @ weights["recurrent_kernel"] + weights.get("bias", 0.0)
    )
    o = output_activation(h @ weights["output_kernel"] + weights.get("output_bias", 0.0))
    return o, [o]


def teacher_forced(x, targets, weights, initial_output, mask=None, **options):
    """Runs the sequence step by step with the target of the last real step fed back.

    Returns the outputs (batch, time, output_units), held over masked steps, and the last own
    output (the initial one where no step is real).
    """
    batch, time = x.shape[:2]
    mask = np.ones((batch, time), bool) if mask is None else mask
    fed = np.array(initial_output, "float64")
    own = fed.copy()
    shown = np.zeros_like(fed)
    outputs = []
    for t in range(time):
        output, _ = step(x[:, t], [fed], weights, **options)
        real = mask[:, t, None]
        own = np.where(real, output, own)
        shown = np.where(real, output, shown)
        fed = np.where(real, targets[:, t], fed)
        outputs.append(shown)
    return np.stack(outputs, axis=1), own
