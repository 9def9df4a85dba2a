"""NumPy twin of the layer-normalised LSTM (Ba et al., 2016).

z = N(x W) nx + N(h' U) nh + b     i, f, g, o and c of z as in `tests.reference.lstm`
h = o a(N(c) nc + bc)
"""

import numpy as np

from tests.reference.lstm import sigmoid


def normalised(z):
    return (z - z.mean(-1, keepdims=True)) / np.sqrt(z.var(-1, keepdims=True) + 1e-5)


def step(
    x,
    states,
    weights,
    *,
    activation=np.tanh,
    recurrent_activation=sigmoid,
    cell_clip=None,
    recurrent_mask=1.0,
):
    """Makes one step; `states` is [h, c]."""
    h, c = states
    z = normalised(x @ weights["kernel"]) * weights["kernel_gain"] + weights.get("bias", 0.0)
    z = z + normalised((recurrent_mask * h) @ weights["recurrent_kernel"]) * weights["recurrent_gain"]
    i, f, g, o = np.split(z, 4, axis=-1)
    c = recurrent_activation(f) * c + recurrent_activation(i) * activation(g)
    if cell_clip is not None:
        c = np.clip(c, -cell_clip, cell_clip)
    shown = normalised(c) * weights["cell_gain"] + weights.get("cell_bias", 0.0)
    h = recurrent_activation(o) * activation(shown)
    return h, [h, c]
