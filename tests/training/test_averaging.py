"""The average of the weights is what is validated and kept; the weights themselves are what is trained."""

import keras
import numpy as np
import pytest

from kseq.files import read_history
from kseq.training.optimizer import make_optimizer
from tests.training.test_state import Killed
from tests.training.toys import On, X, Y, batches, fit, model, new_run, standard, train

MOMENTUM = 0.9


def averaging(momentum=MOMENTUM):
    net = model()
    net.compile(make_optimizer(0.05, name="sgd", ema_momentum=momentum), "mse")
    return net


def test_against_the_mean_written_out(tmp_path):
    run, net, seen = new_run(tmp_path), averaging(), []
    record = On("on_train_batch_end", lambda *_: seen.append([w.copy() for w in net.get_weights()]))
    train(run, net, record, epochs=3, options={"averaged": True})
    plain, steps = averaging(None), []
    keep = On("on_train_batch_end", lambda *_: steps.append([w.copy() for w in plain.get_weights()]))
    plain.fit(batches(), epochs=3, callbacks=[keep], verbose=0, shuffle=False)
    np.testing.assert_allclose(np.array(seen[-1][0]), steps[-1][0], rtol=1e-6)  # the steps are no others
    average, losses = steps[0], []
    for number, weights in enumerate(steps):
        if number:
            average = [MOMENTUM * a + (1 - MOMENTUM) * w for a, w in zip(average, weights, strict=True)]
        if number % 6 == 5:
            losses.append(np.mean((X @ average[0] + average[1] - Y) ** 2))
    np.testing.assert_allclose(read_history(run.history)["val_loss"], losses, rtol=1e-5)
    best = keras.models.load_model(run.model).get_weights()
    for kept, last, expected in zip(best, net.get_weights(), average, strict=True):
        np.testing.assert_allclose(kept, expected, rtol=1e-5)
        np.testing.assert_allclose(last, expected, rtol=1e-5)


@pytest.mark.parametrize("moment", [("on_train_batch_end", 1, 3), ("on_epoch_end", 1, None)])
def test_killed_it_ends_bit_equal(tmp_path, moment):
    hook, *at = moment

    def kill(*now):
        if list(now) == at:
            raise Killed

    options = {"averaged": True, "backup_steps": 1, "tensorboard": False}
    expected = train(new_run(tmp_path, "whole"), averaging(), options=options)
    run, extra = new_run(tmp_path), On(hook, kill)
    with pytest.raises(Killed), run.training():
        fit(averaging(), [*standard(run, **options), extra])
    found = train(run, averaging(), options=options)
    for one, other in zip(found.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(read_history(run.history)["val_loss"]) == 3
