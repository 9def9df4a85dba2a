"""NumPy twin of back-propagation through time (Werbos, 1990), one step after the other.

Every recurrence is a pair, written from the equations with the chain rule, gate by gate:

    forward(x, states, weights, **options) -> (states, seen)
    backward(dstates, seen, weights, **options) -> (dx, dstates before, gradients of the weights by name)

x is (batch, features); `weights` has the names and the layout of the cells. Slopes are taken of the sums that
go into an activation, never of what comes out of it. `h'` is h(t-1), `m` the dropout of its features.
"""

import numpy as np


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


#: activation and slope, both functions of the sum that goes in
ACTIVATIONS = {
    "linear": (lambda z: z, np.ones_like),
    "relu": (lambda z: np.maximum(z, 0.0), lambda z: 1.0 * (z > 0)),
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * sigmoid(-z)),
    "hard_sigmoid": (lambda z: np.clip(z / 6.0 + 0.5, 0.0, 1.0), lambda z: (np.abs(z) < 3) / 6.0),
    "tanh": (np.tanh, lambda z: 1.0 / np.cosh(z) ** 2),
}


def blocks(array, count):
    return np.split(array, count, axis=-1)


def columns(*arrays):
    return np.concatenate(arrays, axis=-1)


def by_input(x, dz, weights):
    """The way back through x W + b; the second row of a (2, n) bias belongs to the recurrent product."""
    found = {"kernel": x.T @ dz}
    if "bias" in weights:
        db = dz.sum(axis=0)
        found["bias"] = db if weights["bias"].ndim == 1 else np.stack([db, 0.0 * db])
    return dz @ weights["kernel"].T, found


def simple_rnn(x, states, weights, *, activation="tanh", dropped=1.0):
    """h = a(x W + (m h') U + b)"""
    (h,) = states
    z = x @ weights["kernel"] + (dropped * h) @ weights["recurrent_kernel"] + weights.get("bias", 0.0)
    return [ACTIVATIONS[activation][0](z)], (x, h, z)


def simple_rnn_back(dstates, seen, weights, *, activation="tanh", dropped=1.0):
    x, h, z = seen
    dz = dstates[0] * ACTIVATIONS[activation][1](z)
    dx, found = by_input(x, dz, weights)
    found["recurrent_kernel"] = (dropped * h).T @ dz
    return dx, [dropped * (dz @ weights["recurrent_kernel"].T)], found


def lstm(
    x, states, weights, *, activation="tanh", recurrent_activation="sigmoid", cell_clip=None, dropped=1.0
):
    """i = s(.. + p_i c')  f = s(.. + p_f c')  c = clip(f c' + i a(..))  o = s(.. + p_o c)  h = o a(c)"""
    h, c = states
    a, s = ACTIVATIONS[activation][0], ACTIVATIONS[recurrent_activation][0]
    p_i, p_f, p_o = weights.get("peephole_kernel", np.zeros((3, h.shape[-1])))
    z = x @ weights["kernel"] + (dropped * h) @ weights["recurrent_kernel"] + weights.get("bias", 0.0)
    z_i, z_f, z_g, z_o = blocks(z, 4)
    z_i, z_f = z_i + p_i * c, z_f + p_f * c
    free = s(z_f) * c + s(z_i) * a(z_g)
    new = free if cell_clip is None else np.clip(free, -cell_clip, cell_clip)
    z_o = z_o + p_o * new
    return [s(z_o) * a(new), new], (x, h, c, z_i, z_f, z_g, z_o, free, new)


def lstm_back(
    dstates, seen, weights, *, activation="tanh", recurrent_activation="sigmoid", cell_clip=None, dropped=1.0
):
    x, h, c, z_i, z_f, z_g, z_o, free, new = seen
    (a, a_slope), (s, s_slope) = ACTIVATIONS[activation], ACTIVATIONS[recurrent_activation]
    p_i, p_f, p_o = weights.get("peephole_kernel", np.zeros((3, h.shape[-1])))
    dh, dnew = dstates
    do = dh * a(new) * s_slope(z_o)
    dnew = dnew + dh * s(z_o) * a_slope(new) + do * p_o
    dfree = dnew if cell_clip is None else dnew * (np.abs(free) <= cell_clip)
    di = dfree * a(z_g) * s_slope(z_i)
    df = dfree * c * s_slope(z_f)
    dg = dfree * s(z_i) * a_slope(z_g)
    dz = columns(di, df, dg, do)
    dx, found = by_input(x, dz, weights)
    found["recurrent_kernel"] = (dropped * h).T @ dz
    if "peephole_kernel" in weights:
        found["peephole_kernel"] = np.stack([(di * c).sum(0), (df * c).sum(0), (do * new).sum(0)])
    dc = dfree * s(z_f) + di * p_i + df * p_f
    return dx, [dropped * (dz @ weights["recurrent_kernel"].T), dc], found


def coupled_lstm(x, states, weights, *, activation="tanh", cell_clip=None, dropped=1.0):
    """f = s(.. + p_f c')  c = clip(f c' + (1 - f) a(..))  o = s(.. + p_o c)  h = o a(c)"""
    h, c = states
    a = ACTIVATIONS[activation][0]
    p_f, p_o = weights.get("peephole_kernel", np.zeros((2, h.shape[-1])))
    z = x @ weights["kernel"] + (dropped * h) @ weights["recurrent_kernel"] + weights.get("bias", 0.0)
    z_f, z_g, z_o = blocks(z, 3)
    z_f = z_f + p_f * c
    free = sigmoid(z_f) * c + sigmoid(-z_f) * a(z_g)
    new = free if cell_clip is None else np.clip(free, -cell_clip, cell_clip)
    z_o = z_o + p_o * new
    return [sigmoid(z_o) * a(new), new], (x, h, c, z_f, z_g, z_o, free, new)


def coupled_lstm_back(dstates, seen, weights, *, activation="tanh", cell_clip=None, dropped=1.0):
    x, h, c, z_f, z_g, z_o, free, new = seen
    (a, a_slope), (s, s_slope) = ACTIVATIONS[activation], ACTIVATIONS["sigmoid"]
    p_f, p_o = weights.get("peephole_kernel", np.zeros((2, h.shape[-1])))
    dh, dnew = dstates
    do = dh * a(new) * s_slope(z_o)
    dnew = dnew + dh * s(z_o) * a_slope(new) + do * p_o
    dfree = dnew if cell_clip is None else dnew * (np.abs(free) <= cell_clip)
    df = dfree * (c - a(z_g)) * s_slope(z_f)
    dz = columns(df, dfree * s(-z_f) * a_slope(z_g), do)
    dx, found = by_input(x, dz, weights)
    found["recurrent_kernel"] = (dropped * h).T @ dz
    if "peephole_kernel" in weights:
        found["peephole_kernel"] = np.stack([(df * c).sum(0), (do * new).sum(0)])
    return dx, [dropped * (dz @ weights["recurrent_kernel"].T), dfree * s(z_f) + df * p_f], found


def gru(x, states, weights, *, form, activation="tanh", recurrent_activation="sigmoid", dropped=1.0):
    """The three forms of `tests.reference.gru`; h = z h' + (1 - z) k"""
    (h,) = states
    a, s = ACTIVATIONS[activation][0], ACTIVATIONS[recurrent_activation][0]
    bias = np.atleast_2d(weights.get("bias", 0.0))
    given = blocks(x @ weights["kernel"] + bias[0], 2 if form == "simplified" else 3)
    kernels = blocks(weights["recurrent_kernel"], len(given))
    biases = blocks(bias[1], 3) if len(bias) == 2 else [0.0, 0.0, 0.0]
    fed = dropped * h
    z_z = given[0] + fed @ kernels[0] + biases[0]
    if form == "simplified":
        z_r, product = None, fed @ kernels[1]
        z_k = given[1] + product
    else:
        z_r = given[1] + fed @ kernels[1] + biases[1]
        product = fed @ kernels[2] + biases[2] if form == "after" else (s(z_r) * fed) @ kernels[2]
        z_k = given[2] + (s(z_r) * product if form == "after" else product)
    return [s(z_z) * h + (1 - s(z_z)) * a(z_k)], (x, h, z_z, z_r, z_k, product)


def gru_back(dstates, seen, weights, *, form, activation="tanh", recurrent_activation="sigmoid", dropped=1.0):
    x, h, z_z, z_r, z_k, product = seen
    (a, a_slope), (s, s_slope) = ACTIVATIONS[activation], ACTIVATIONS[recurrent_activation]
    kernels = blocks(weights["recurrent_kernel"], 2 if form == "simplified" else 3)
    fed = dropped * h
    (dh,) = dstates
    dz = dh * (h - a(z_k)) * s_slope(z_z)
    dk = dh * (1 - s(z_z)) * a_slope(z_k)
    dfed = dz @ kernels[0].T
    if form == "simplified":
        dfed = dfed + dk @ kernels[1].T
        gates, kernel = (dz, dk), columns(fed.T @ dz, fed.T @ dk)
    elif form == "after":
        dr, dproduct = dk * product * s_slope(z_r), dk * s(z_r)
        dfed = dfed + dr @ kernels[1].T + dproduct @ kernels[2].T
        gates, kernel = (dz, dr, dk), columns(fed.T @ dz, fed.T @ dr, fed.T @ dproduct)
    else:
        dreset = dk @ kernels[2].T  # of r * m * h'
        dr = dreset * fed * s_slope(z_r)
        dfed = dfed + dr @ kernels[1].T + dreset * s(z_r)
        gates, kernel = (dz, dr, dk), columns(fed.T @ dz, fed.T @ dr, (s(z_r) * fed).T @ dk)
    dx, found = by_input(x, columns(*gates), weights)
    found["recurrent_kernel"] = kernel
    if "bias" in weights and weights["bias"].ndim == 2:
        found["bias"][1] = columns(dz, dr, dproduct).sum(axis=0)
    return dx, [dh * s(z_z) + dropped * dfed], found


STEPS = {
    "simple_rnn": (simple_rnn, simple_rnn_back),
    "lstm": (lstm, lstm_back),
    "coupled_lstm": (coupled_lstm, coupled_lstm_back),
    "gru": (gru, gru_back),
}


def gradients(
    name,
    x,
    states,
    weights,
    doutputs,
    dstates,
    *,
    mask=None,
    go_backwards=False,
    zero_output_for_mask=False,
    **options,
):
    """The gradients of `x`, of the first states and of the weights, of a loss with known ones by the results.

    Masked steps hold the states. Before the first real step the outputs are zero; after it a masked step
    repeats the last output, or gives zero.

    Args:
        name: of `STEPS`.
        x: (batch, time, features).
        states: before the first step.
        weights: by name.
        doutputs: gradients of the outputs, (batch, time, units), in the order in which they come.
        dstates: gradients of the last states.
        mask: (batch, time) or None.
        go_backwards: read `x` and `mask` from the end.
        zero_output_for_mask: whether masked steps give zero.
        **options: of the recurrence.

    Returns:
        `(dx, dstates, {name: gradient})`.
    """
    forward, backward = STEPS[name]
    mask = np.ones(x.shape[:2], bool) if mask is None else mask
    if go_backwards:
        x, mask = x[:, ::-1], mask[:, ::-1]
    times, history = range(x.shape[1]), []
    for t in times:
        new, seen = forward(x[:, t], states, weights, **options)
        states = [np.where(mask[:, t, None], a, b) for a, b in zip(new, states, strict=True)]
        history.append(seen)

    dx, total = np.zeros(x.shape), {name: 0.0 for name in weights}
    for t in reversed(times):
        real = mask[:, t, None]
        shown = real if zero_output_for_mask else mask[:, : t + 1].any(axis=1, keepdims=True)
        dstates = [dstates[0] + np.where(shown, doutputs[:, t], 0.0), *dstates[1:]]
        made = [np.where(real, d, 0.0) for d in dstates]
        dx[:, t], before, found = backward(made, history.pop(), weights, **options)
        dstates = [np.where(real, b, d) for b, d in zip(before, dstates, strict=True)]
        total = {name: total[name] + found[name] for name in weights}
    return dx[:, ::-1] if go_backwards else dx, dstates, total
