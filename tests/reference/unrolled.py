"""The masked loop over `cell.call` in plain `keras.ops`: what automatic differentiation is left to.

`keras.layers.RNN` is no such reference: before the first real step it gives zeros under
TensorFlow and the initial state under JAX.
"""

import keras
from keras import ops


def unrolled(cell, x, states, mask=None, go_backwards=False):
    """Returns `[outputs, *states]` as `RNN(cell, return_sequences=True, return_state=True)`."""
    time = x.shape[1]
    outputs, held = [], 0.0
    for t in reversed(range(time)) if go_backwards else range(time):
        output, new_states = cell(x[:, t], states)
        if mask is not None:
            real = ops.convert_to_tensor(mask[:, t, None])
            output = ops.where(real, output, held)
            new_states = keras.tree.map_structure(
                lambda new, old, real=real: ops.where(real, new, old),
                list(new_states),
                list(states),
            )
        held, states = output, new_states
        outputs.append(output)
    return [ops.stack(outputs, axis=1), *states]
