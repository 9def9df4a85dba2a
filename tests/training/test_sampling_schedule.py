import functools

import keras
import numpy as np
import pytest

from kseq.errors import UserError
from kseq.losses import NextTokenLoss
from kseq.models import ClassEncoder, Seq2Seq
from kseq.training.sampling_schedule import ScheduledSampling, exponential, inverse_sigmoid, linear
from tests.training.toys import On, Record

STEPS = np.arange(0, 60)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (functools.partial(linear, slope=0.03, start=0.9, minimum=0.2), np.maximum(0.2, 0.9 - 0.03 * STEPS)),
        (functools.partial(exponential, k=0.9), 0.9**STEPS),
        (functools.partial(inverse_sigmoid, k=7.0), 7.0 / (7.0 + np.exp(STEPS / 7.0))),
    ],
    ids=["linear", "exponential", "inverse_sigmoid"],
)
def test_schedules(schedule, expected):
    found = np.array([schedule(int(step)) for step in STEPS])
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert (np.diff(found) <= 0).all() and found[0] <= 1


def test_a_share_that_has_long_been_zero():
    assert inverse_sigmoid(10**9, k=2.0) < 1e-300


def model(sampling="embedding"):
    made = Seq2Seq(ClassEncoder(3, 4), 8, "gru", 6, attention="none", sampling=sampling, seed=1)
    made.compile("sgd", NextTokenLoss(), jit_compile=False)
    return made


def fit(net, *callbacks, epochs):
    x = {"source": np.arange(6) % 3, "target_in": np.full((6, 3), 4, "int32")}
    net.fit(x, np.full((6, 3), 5), batch_size=2, epochs=epochs, verbose=0, callbacks=[*callbacks])


def test_the_share_falls_while_training_and_is_saved(tmp_path):
    net, record, seen = model(), Record(), []
    schedule = functools.partial(linear, slope=0.125)
    spy = On("on_train_batch_end", lambda *_: seen.append(float(keras.ops.convert_to_numpy(net.true_share))))
    fit(net, ScheduledSampling(schedule), spy, record, epochs=2)
    assert seen == [1.0, 0.875, 0.75, 0.625, 0.5, 0.375]
    assert [logs["true_share"] for logs in record.logs] == [0.75, 0.375]

    net.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert float(keras.ops.convert_to_numpy(again.true_share)) == 0.375
    fit(again, ScheduledSampling(schedule), record, epochs=1)  # goes on where it was
    assert record.logs[-1]["true_share"] == 0.0


def test_a_model_without_sampling():
    with pytest.raises(UserError, match="`sampling` of the model must be on, got Seq2Seq without it"):
        fit(model(None), ScheduledSampling(lambda step: 1.0), epochs=1)
