"""NumPy twin of real-time recurrent learning (Williams & Zipser, 1989): the gradient carried forwards.

For h(t) = tanh(x(t) W + h(t-1) U + b), and R(t) = d h(t) / d weights with one row a unit,

    R(t) = A(t) (B(t) + U' R(t-1))          dL/d weights = sum_t d(h(t)) R(t)

where A(t) = diag(1 - h(t)^2), and B(t) is what z(t) owes to the weights of this step alone:
d z_k / d W_jk = x_j, d z_k / d U_jk = h_j(t-1), d z_k / d b_k = 1.
"""

import numpy as np


def start(h, features):
    """What is carried before the first step: h and R = 0, (batch, units, weights)."""
    units = h.shape[-1]
    return h, np.zeros((len(h), units, units * (features + units + 1)))


def step(x, carried, weights):
    """One step; x is (batch, features)."""
    h, carried = carried
    units = h.shape[-1]
    new = np.tanh(x @ weights["kernel"] + h @ weights["recurrent_kernel"] + weights["bias"])
    seen = np.concatenate([x, h, np.ones((len(h), 1))], axis=-1)  # the weights' order: W, U, b
    direct = seen[:, None, :, None] * np.eye(units)[:, None]  # (batch, unit, row, column)
    carried = weights["recurrent_kernel"].T @ carried + direct.reshape(carried.shape)
    return new, (1.0 - new**2)[..., None] * carried


def gradients(x, h, weights, doutputs):
    """The gradients by name of a loss whose gradient by the outputs (batch, time, units) is known.

    They grow with every step: nothing of a step is kept once it is made.
    """
    carried, total = start(h, x.shape[-1]), 0.0
    for t in range(x.shape[1]):
        carried = step(x[:, t], carried, weights)
        total = total + (doutputs[:, t, None] @ carried[1]).sum(axis=(0, 1))
    sizes = [weights[name].size for name in ("kernel", "recurrent_kernel")]
    kernel, recurrent_kernel, bias = np.split(total, np.cumsum(sizes))
    return {
        "kernel": kernel.reshape(weights["kernel"].shape),
        "recurrent_kernel": recurrent_kernel.reshape(weights["recurrent_kernel"].shape),
        "bias": bias,
    }
