import keras
import numpy as np
import pytest

from kseq.metrics import BitsPerCharacter, Perplexity, TokenLoss
from tests.helpers import normal
from tests.test_losses import LOGITS, TARGETS, VOCABULARY, WEIGHTS, nll

METRICS = {TokenLoss: lambda nats: nats, Perplexity: np.exp, BitsPerCharacter: lambda nats: nats / np.log(2)}
every_metric = pytest.mark.parametrize("metric_class", METRICS)


@every_metric
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
def test_equals_numpy(metric_class, weights):
    metric = metric_class()
    metric.update_state(TARGETS, LOGITS, sample_weight=weights)
    expected = METRICS[metric_class](np.average(nll(), weights=weights))
    assert float(metric.result()) == pytest.approx(expected, rel=1e-5)


@every_metric
def test_tokens_are_weighed_and_not_batches(metric_class):
    """A batch of 20 tokens and one of 2, of which the second is padding."""
    logits, targets = 5 * normal(1, 2, VOCABULARY, seed=3), np.array([[3, 0]])
    metric = metric_class()
    metric.update_state(TARGETS, LOGITS)
    metric.update_state(targets, logits, sample_weight=np.array([[1.0, 0.0]]))
    nats = (nll().sum() + nll(logits, targets)[0, 0]) / 21
    assert float(metric.result()) == pytest.approx(METRICS[metric_class](nats), rel=1e-5)
    metric.reset_state()
    metric.update_state(targets, logits)
    assert float(metric.result()) == pytest.approx(
        METRICS[metric_class](nll(logits, targets).mean()), rel=1e-5
    )


@every_metric
def test_serialises(metric_class):
    metric = metric_class(name="mine")
    copy = keras.metrics.deserialize(keras.metrics.serialize(metric))
    assert type(copy) is metric_class and copy.get_config() == metric.get_config() and copy.name == "mine"


@pytest.mark.parametrize("size", [2, 50, 3001])
def test_perplexity_of_knowing_nothing_is_the_size_of_the_vocabulary(size):
    metric = Perplexity()
    metric.update_state(np.arange(12).reshape(3, 4) % size, np.full((3, 4, size), -3.7, "float32"))
    assert float(metric.result()) == pytest.approx(size, rel=1e-5)
