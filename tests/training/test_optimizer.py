import keras
import numpy as np
import pytest

from kseq.errors import UserError
from kseq.training.interruption import TimeLimit
from kseq.training.optimizer import CosineSchedule, make_optimizer


def test_the_rate_rises_then_falls_along_half_a_cosine():
    schedule = CosineSchedule(0.1, total_steps=100, warmup_steps=10)
    rates = [schedule.rate(step) for step in range(101)]
    assert rates[0] == pytest.approx(0.01, rel=1e-3)
    assert max(rates) == max(rates[:10])
    assert rates[50] == pytest.approx(0.05)
    assert rates[25] == pytest.approx(0.1 * (1 + np.cos(np.pi / 4)) / 2)
    assert np.all(np.diff(rates[10:]) < 0)
    assert rates[100] == pytest.approx(0.0)


def test_a_time_limit_anneals_by_the_clock():
    limit = TimeLimit(60.0)
    schedule = CosineSchedule(0.1, total_steps=1000, limit=limit)
    assert schedule.rate(10, seconds=30.0) == pytest.approx(0.05)
    assert schedule.rate(10, seconds=61.0) == pytest.approx(0.0)
    assert schedule.rate(500, seconds=1.0) == pytest.approx(0.05)


def small_model(optimizer):
    model = keras.Sequential([keras.layers.Dense(1, name="dense")])
    model.build((None, 3))
    model.compile(optimizer, "mse")
    return model


def test_fit_follows_the_schedule_and_says_so():
    model = small_model(make_optimizer(0.1))
    data = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")
    schedule = CosineSchedule(0.1, total_steps=8)
    history = model.fit(*data, batch_size=2, epochs=2, callbacks=[schedule], verbose=0)
    assert history.history["learning_rate"] == pytest.approx([schedule.rate(3), schedule.rate(7)])


def test_a_second_fit_goes_on_where_the_first_ended():
    model = small_model(make_optimizer(0.1))
    data = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")
    schedule = CosineSchedule(0.1, total_steps=8)
    model.fit(*data, batch_size=2, callbacks=[schedule], verbose=0)
    model.fit(*data, batch_size=2, callbacks=[schedule], verbose=0)
    assert float(model.optimizer.learning_rate) == pytest.approx(schedule.rate(7))


def test_weight_decay_leaves_biases_alone():
    model = small_model(make_optimizer(0.1, weight_decay=0.5))
    kernel, bias = model.trainable_variables
    bias.assign([2.0])
    before = np.array(kernel)
    zero = [keras.ops.zeros_like(v) for v in (kernel, bias)]
    model.optimizer.apply(zero, [kernel, bias])
    np.testing.assert_allclose(np.array(kernel), before * 0.95, rtol=1e-5)
    np.testing.assert_allclose(np.array(bias), [2.0])


def test_clipping_is_by_the_norm_of_all_weights_together():
    a, b = keras.Variable(np.zeros(2)), keras.Variable(np.zeros(2))
    optimizer = keras.optimizers.SGD(1.0)
    optimizer.global_clipnorm = make_optimizer(0.1, clip_norm=1.0).global_clipnorm
    optimizer.apply(
        [keras.ops.convert_to_tensor([3.0, 0.0]), keras.ops.convert_to_tensor([0.0, 4.0])], [a, b]
    )
    np.testing.assert_allclose(np.array(a), [-0.6, 0.0], atol=1e-6)
    np.testing.assert_allclose(np.array(b), [0.0, -0.8], atol=1e-6)


def test_gradient_descent_moves_against_the_clipped_gradient():
    model = small_model(make_optimizer(0.5, name="sgd", clip_norm=1.0))
    kernel, bias = model.trainable_variables
    before = np.array(kernel)
    gradient = np.array([[3.0], [0.0], [4.0]], "float32")  # of norm 5, clipped to 1
    model.optimizer.apply([keras.ops.convert_to_tensor(gradient), keras.ops.zeros_like(bias)], [kernel, bias])
    np.testing.assert_allclose(np.array(kernel), before - 0.5 * gradient / 5, rtol=1e-6)


def test_an_unknown_optimizer_is_an_error():
    with pytest.raises(UserError, match="`name` must be one of adamw, sgd, got 'sdg'; did you mean `sgd`"):
        make_optimizer(0.1, name="sdg")


@pytest.mark.parametrize("name", ["adamw", "sgd"])
@pytest.mark.parametrize("clip_norm", [None, 0.1])
def test_rows_that_are_read_twice_learn_as_from_one_gradient(clip_norm, name):
    """An embedding, and the same as a matrix product with one-hot vectors."""
    ids = np.array([[1, 1, 2, 1], [3, 2, 1, 0]])
    targets = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
    start = np.random.default_rng(1).normal(size=(5, 3)).astype("float32")
    found = []
    for layer, inputs in (
        (keras.layers.Embedding(5, 3), ids),
        (keras.layers.Dense(3, use_bias=False), np.eye(5, dtype="float32")[ids]),
    ):
        net = keras.Sequential([keras.Input(inputs.shape[1:]), layer])
        net.set_weights([start])
        net.compile(make_optimizer({"adamw": 0.1, "sgd": 1.0}[name], name=name, clip_norm=clip_norm), "mse")
        net.fit(inputs, targets, epochs=4, verbose=0)
        found.append(net.get_weights()[0])
    np.testing.assert_allclose(found[0], found[1], rtol=1e-4, atol=1e-5)
    assert np.abs(found[0][1:4] - start[1:4]).max() > 0.1
