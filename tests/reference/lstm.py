"""NumPy twin of the LSTM (Hochreiter & Schmidhuber, 1997; Gers et al., 2000, 2002).

i = s(x Wi + h' Ui [+ p_i c'] + bi)     f = s(x Wf + h' Uf [+ p_f c'] + bf)
g = a(x Wg + h' Ug + bg)                c = f c' + i g, clipped to [-cell_clip, cell_clip]
o = s(x Wo + h' Uo [+ p_o c] + bo)      h = o a(c)

The columns of the kernels are i, f, g, o; the rows of `peephole_kernel` are i, f, o. With coupled gates
(Greff et al., 2017) i = 1 - f, and there are no columns and no row of it.
"""

import numpy as np


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


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
    """Makes one step; `states` is [h, c]. Peepholes are there when `weights` has them."""
    h, c = states
    units = h.shape[-1]
    *p_i, p_f, p_o = weights.get("peephole_kernel", np.zeros((3, units)))
    z = x @ weights["kernel"] + (recurrent_mask * h) @ weights["recurrent_kernel"] + weights.get("bias", 0.0)
    *z_i, z_f, z_g, z_o = (z[:, k : k + units] for k in range(0, z.shape[-1], units))
    f = recurrent_activation(z_f + p_f * c)
    i = recurrent_activation(z_i[0] + p_i[0] * c) if z_i else 1.0 - f
    c = f * c + i * activation(z_g)
    if cell_clip is not None:
        c = np.clip(c, -cell_clip, cell_clip)
    o = recurrent_activation(z_o + p_o * c)
    h = o * activation(c)
    return h, [h, c]
