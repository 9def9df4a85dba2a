import keras
import numpy as np
import pytest

from kseq.losses import NextTokenLoss, token_nll
from tests.helpers import normal, to_numpy

BATCH, TIME, VOCABULARY = 4, 5, 7
TARGETS = np.random.default_rng(1).integers(0, VOCABULARY, (BATCH, TIME))
LOGITS = normal(BATCH, TIME, VOCABULARY)
WEIGHTS = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0], [1, 0.5, 2, 1, 0]], "float32")


def nll(logits=LOGITS, targets=TARGETS):
    logits = logits.astype("float64")
    log_probs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    return -np.take_along_axis(log_probs, targets[..., None], -1)[..., 0]


def test_token_nll_of_every_token():
    np.testing.assert_allclose(to_numpy(token_nll(TARGETS, LOGITS)), nll(), rtol=1e-5)


def test_token_nll_of_extreme_logits_is_finite_and_float32():
    logits = np.zeros((1, 2, 3), "float32")
    logits[0, :, 0] = 3e4
    found = token_nll([[0, 1]], keras.ops.cast(logits, "float16"))
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    np.testing.assert_allclose(to_numpy(found), [[0.0, 3e4]], rtol=1e-3)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
def test_summed_over_time_and_averaged_over_the_batch(weights):
    expected = (nll() * (1 if weights is None else weights)).sum() / BATCH
    found = float(NextTokenLoss()(TARGETS, LOGITS, sample_weight=weights))
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
def test_smoothed_labels(weights):
    of_all = np.mean([nll(targets=np.full_like(TARGETS, k)) for k in range(VOCABULARY)], axis=0)
    smoothed = 0.9 * nll() + 0.1 * of_all
    expected = (smoothed * (1 if weights is None else weights)).sum() / BATCH
    loss = NextTokenLoss(label_smoothing=0.1)
    assert float(loss(TARGETS, LOGITS, sample_weight=weights)) == pytest.approx(expected, rel=1e-5)
    copy = keras.losses.deserialize(keras.losses.serialize(loss))
    assert copy.get_config() == loss.get_config() and copy.label_smoothing == 0.1


def test_a_longer_window_weighs_each_step_the_same():
    """The loss of a window is the sum of the losses of its halves."""
    loss = NextTokenLoss()
    halves = [loss(TARGETS[:, part], LOGITS[:, part]) for part in (slice(0, 2), slice(2, None))]
    assert float(loss(TARGETS, LOGITS)) == pytest.approx(float(sum(halves)), rel=1e-5)


def test_garbage_at_weight_zero_changes_nothing():
    soiled = np.where(WEIGHTS[..., None] == 0, np.float32(-77.0) * LOGITS, LOGITS)
    loss = NextTokenLoss()
    clean = float(loss(TARGETS, LOGITS, sample_weight=WEIGHTS))
    assert float(loss(TARGETS, soiled, sample_weight=WEIGHTS)) == clean


def test_serialises():
    loss = NextTokenLoss(name="mine", reduction="mean")  # the reduction is not free
    copy = keras.losses.deserialize(keras.losses.serialize(loss))
    assert type(copy) is NextTokenLoss and copy.get_config() == loss.get_config() and copy.name == "mine"
    assert float(copy(TARGETS, LOGITS)) == float(NextTokenLoss()(TARGETS, LOGITS))
