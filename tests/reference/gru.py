"""NumPy twin of the gated recurrent unit (Cho et al., 2014) in its three forms.

z = s(x Wz + h' Uz + bz)      r = s(x Wr + h' Ur + br)
after (cuDNN):  k = a(x Wh + bh + r (h' Uh + b'h))
before (paper): k = a(x Wh + bh + (r h') Uh)
simplified:     k = a(x Wh + bh + h' Uh), no r at all
h = z h' + (1 - z) k

The columns of the kernels are z, r, h, or z, h in the simplified unit. Of the two rows of a
(2, 3 units) bias the second belongs to the recurrent product.
"""

import numpy as np

from tests.reference.lstm import sigmoid


def step(
    x,
    states,
    weights,
    *,
    form="after",
    activation=np.tanh,
    recurrent_activation=sigmoid,
    recurrent_mask=1.0,
):
    """Makes one step; `states` is [h]; `form` is "after", "before" or "simplified"."""
    (h,) = states
    fed = recurrent_mask * h  # dropout reaches the products only, never the carried state
    bias = np.atleast_2d(weights.get("bias", 0.0))
    from_input = _gates(x @ weights["kernel"] + bias[0], h.shape[-1])
    if form == "simplified":
        from_state = _gates(fed @ weights["recurrent_kernel"], h.shape[-1])
        z = recurrent_activation(from_input[0] + from_state[0])
        k = activation(from_input[1] + from_state[1])
        h = z * h + (1.0 - z) * k
        return h, [h]
    recurrent_bias = bias[1] if form == "after" and len(bias) == 2 else 0.0
    from_state = _gates(fed @ weights["recurrent_kernel"] + recurrent_bias, h.shape[-1])
    z = recurrent_activation(from_input[0] + from_state[0])
    r = recurrent_activation(from_input[1] + from_state[1])
    if form == "after":
        k = activation(from_input[2] + r * from_state[2])
    else:
        k = activation(from_input[2] + (r * fed) @ weights["recurrent_kernel"][:, -h.shape[-1] :])
    h = z * h + (1.0 - z) * k
    return h, [h]


def _gates(z, units):
    return [z[:, k : k + units] for k in range(0, z.shape[-1], units)]
