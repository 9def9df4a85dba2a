"""NumPy twin of the masked loop over time, for any step function."""

import numpy as np


def run(step, x, initial_states, mask=None, go_backwards=False, zero_output_for_mask=False):
    """Runs `step(x_t, states) -> (output, states)` over `x` (batch, time, features).

    A masked step holds the last output (zeros before the first real one) and the states. With
    `go_backwards` the sequence, padding and all, is read from its end, and the outputs come in
    the order in which they were made.

    Returns:
        The outputs (batch, time, k), the last output (batch, k), the list of last states.
    """
    x = np.asarray(x, "float64")
    mask = np.ones(x.shape[:2], bool) if mask is None else np.asarray(mask, bool)
    if go_backwards:
        x, mask = x[:, ::-1], mask[:, ::-1]
    states = [np.asarray(state, "float64") for state in initial_states]
    outputs, last = [], 0.0
    for t in range(x.shape[1]):
        real = mask[:, t, None]
        output, new_states = step(x[:, t], states)
        states = [np.where(real, new, old) for new, old in zip(new_states, states, strict=True)]
        last = np.where(real, output, last)
        outputs.append(np.where(real, output, 0.0) if zero_output_for_mask else last)
    return np.stack(outputs, axis=1), last, states
