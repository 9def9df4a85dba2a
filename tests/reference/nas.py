"""NumPy twin of the cell of Zoph & Le (2017), its tree read from the leaves to the root."""

import numpy as np

from tests.reference.lstm import sigmoid


def step(x, states, weights, *, recurrent_mask=1.0):
    """Makes one step; `states` is [h, c]."""
    h, c = states
    from_input = np.split(x @ weights["kernel"], 8, axis=-1)
    from_state = (recurrent_mask * h) @ weights["recurrent_kernel"] + weights.get("bias", 0.0)
    from_state = np.split(from_state, 8, axis=-1)
    added = [a + b for a, b in zip(from_input, from_state, strict=True)]
    leaves = [
        sigmoid(added[0]),
        np.maximum(added[1], 0.0),
        sigmoid(added[2]),
        np.maximum(from_input[3] * from_state[3], 0.0),
        np.tanh(added[4]),
        sigmoid(added[5]),
        np.tanh(added[6]),
        sigmoid(added[7]),
    ]
    first = np.tanh(np.tanh(leaves[0] * leaves[1]) + c)
    second = np.tanh(leaves[2] + leaves[3])
    third = np.tanh(leaves[4] * leaves[5])
    fourth = sigmoid(leaves[6] + leaves[7])
    c = first * second
    h = np.tanh(c * np.tanh(third + fourth))
    return h, [h, c]
