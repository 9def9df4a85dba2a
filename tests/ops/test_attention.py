import numpy as np
import pytest
from keras import ops

from kseq.ops import attention
from tests.gradients import gradients
from tests.helpers import assert_all_close, masks, normal, to_numpy

BATCH, STEPS, SOURCE, UNITS = 4, 3, 5, 6
QUERIES, KEYS = normal(BATCH, STEPS, UNITS), normal(BATCH, SOURCE, UNITS, seed=1)
VECTOR, COVERAGE_KERNEL = normal(UNITS, seed=2), normal(UNITS, seed=3)
COVERAGE = np.abs(normal(BATCH, STEPS, SOURCE, seed=4))
MASKS = {name: mask for name, mask in masks(BATCH, SOURCE).items() if mask is not None}


@pytest.mark.parametrize("covered", [False, True])
def test_additive(covered):
    extra = (COVERAGE, COVERAGE_KERNEL) if covered else ()
    hidden = QUERIES[:, :, None] + KEYS[:, None]
    hidden = hidden + (COVERAGE[..., None] * COVERAGE_KERNEL if covered else 0.0)
    expected = np.einsum("btiu,u->bti", np.tanh(hidden), VECTOR)
    assert_all_close(attention.additive(QUERIES, KEYS, VECTOR, *extra), expected)


def test_dot():
    expected = 0.5 * np.einsum("btu,biu->bti", QUERIES, KEYS)
    assert_all_close(attention.dot(QUERIES, KEYS, 0.5), expected)


@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("scale", [1.0, 1e4], ids=["usual", "extreme"])
def test_masked_softmax(kind, scale):
    scores, mask = scale * normal(BATCH, STEPS, SOURCE), MASKS[kind]
    found = to_numpy(attention.masked_softmax(np.where(mask[:, None], scores, 1e30), mask))
    for row, real in enumerate(mask):
        masses = np.exp(scores[row][:, real] - scores[row][:, real].max(-1, keepdims=True, initial=-1e9))
        expected = masses / masses.sum(-1, keepdims=True)
        np.testing.assert_allclose(found[row][:, real], expected, rtol=1e-5, atol=1e-7)
    assert not found[np.broadcast_to(~mask[:, None], found.shape)].any()


def test_no_gradient_is_nan_and_none_reaches_the_padding():
    mask = MASKS["gaps"]  # its first row is empty
    weights = normal(BATCH, STEPS, SOURCE, seed=5)
    (found,), _ = gradients(
        lambda scores: ops.sum(attention.masked_softmax(scores, mask) * weights),
        [normal(BATCH, STEPS, SOURCE)],
    )
    assert np.isfinite(found).all() and np.abs(found[1]).max() > 0
    assert not found[np.broadcast_to(~mask[:, None], found.shape)].any()
