import keras
import numpy as np
import pytest
from keras import ops

from kseq.errors import UserError
from kseq.layers import AttentionPooling, SequencePooling
from tests.gradients import gradients
from tests.helpers import assert_all_close, masks, normal, randomise, soiled, to_numpy

BATCH, TIME, FEATURES = 5, 6, 4
X = normal(BATCH, TIME, FEATURES)
KINDS = masks(BATCH, TIME)
MODES = ("last", "mean", "max", "all")


def by_hand(x, mask, mode, both_ends=False):
    """Returns the pooled vector of one row."""
    steps = x[np.ones(len(x), bool) if mask is None else mask]
    if not len(steps):
        return np.zeros(3 * FEATURES if mode == "all" else FEATURES)
    last = np.r_[steps[-1][: FEATURES // 2], steps[0][FEATURES // 2 :]] if both_ends else steps[-1]
    found = {"last": last, "mean": steps.mean(0), "max": steps.max(0)}
    return np.concatenate(list(found.values())) if mode == "all" else found[mode]


@pytest.mark.parametrize("both_ends", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", MODES)
def test_against_numpy(mode, kind, both_ends):
    mask, layer = KINDS[kind], SequencePooling(mode, both_ends)
    x = X if mask is None else soiled(X, mask)
    expected = [by_hand(X[n], None if mask is None else mask[n], mode, both_ends) for n in range(BATCH)]
    found = layer(x, mask=mask)
    assert_all_close(found, np.array(expected))
    assert tuple(found.shape) == layer.compute_output_shape(x.shape)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", [*MODES, "attention"])
def test_window_by_window(mode, kind):
    layer, mask = AttentionPooling(3) if mode == "attention" else SequencePooling(mode), KINDS[kind]
    layer.build((None, None, FEATURES))
    randomise(layer)
    state = layer.start(BATCH, FEATURES)
    for start, end in ((0, 2), (2, 3), (3, 6)):
        state = layer.update(state, X[:, start:end], None if mask is None else mask[:, start:end])
    assert_all_close(layer.result(state), layer(X, mask=mask))


@pytest.mark.parametrize("kind", KINDS)
def test_attention(kind):
    mask, layer = KINDS[kind], AttentionPooling(3)
    layer.build((None, None, FEATURES))
    randomise(layer)
    kernel, context, bias = (to_numpy(w) for w in (layer.kernel, layer.context, layer.bias))
    x = X if mask is None else soiled(X, mask)
    weights = to_numpy(layer.weights_of(x, mask))
    for n in range(BATCH):
        real = np.ones(TIME, bool) if mask is None else mask[n]
        scores = np.exp(np.tanh(X[n][real] @ kernel + bias) @ context)[:, 0]
        np.testing.assert_allclose(weights[n][real], scores / scores.sum(), rtol=1e-5, atol=1e-6)
        assert not weights[n][~real].any()
        expected = (weights[n][real][:, None] * X[n][real]).sum(0)
        np.testing.assert_allclose(to_numpy(layer(x, mask=mask))[n], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "layer", [*map(SequencePooling, MODES), AttentionPooling(3)], ids=[*MODES, "attention"]
)
def test_no_gradient_reaches_the_padding(layer):
    layer.build((None, None, FEATURES))
    mask = KINDS["gaps"]
    (found,), _ = gradients(lambda x: ops.sum(ops.square(layer(x, mask=mask))), [soiled(X, mask)])
    assert np.isfinite(found).all() and not found[~mask].any() and np.abs(found[1]).max() > 0


def test_masks_come_from_the_layer_before():
    tokens = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(9, 4, mask_zero=True)(tokens)
    model = keras.Model(tokens, SequencePooling("mean")(x))
    ids = np.array([[3, 4, 0], [5, 6, 7]], "int32")
    assert_all_close(model(ids)[:1], model(ids[:1, :2]))


def test_unknown_mode():
    with pytest.raises(UserError, match="`mode` must be one of all, last, max, mean, got 'sum'"):
        SequencePooling("sum")
