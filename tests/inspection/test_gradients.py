"""Gradients at past states against differences, and what is made of them."""

import keras
import matplotlib.image
import numpy as np
import pytest

from kseq import cells
from kseq.errors import UserError
from kseq.inspection import GradientMonitor, compare_cells, gradient_flow
from kseq.inspection.gradients import (
    GradientWarning,
    clipping_effect,
    clipping_plot,
    flow_plot,
    flow_table,
    recurrent_jacobian,
)
from kseq.layers import LSTM, RNN, Bidirectional, SimpleRNN, Stacked
from kseq.losses import NextTokenLoss
from kseq.models import LanguageModel
from tests.helpers import normal, randomise

STEPS, UNITS = 4, 3
X = normal(2, STEPS, 2).astype("float64")
Y = normal(2, 1, seed=1).astype("float64")
LAYERS = {
    "elman": lambda: SimpleRNN(UNITS, dtype="float64", name="memory"),
    "lstm": lambda: LSTM(UNITS, dtype="float64", name="memory"),
    "gru": lambda: RNN(cells.get("gru", UNITS, dtype="float64"), dtype="float64", name="memory"),
    "stock": lambda: keras.layers.LSTM(UNITS, dtype="float64", name="memory"),
}


def network(layer):
    head = keras.layers.Dense(1, dtype="float64", name="head")
    model = keras.Sequential([keras.Input((STEPS, 2), dtype="float64"), layer, head])
    return randomise(model)


def loss_from(model, states, t):
    """The loss when the states after `t` steps are these: the cell itself, step by step."""
    cell = model.layers[0].cell
    for x in np.swapaxes(X[:, t:], 0, 1):
        output, states = cell(keras.ops.convert_to_tensor(x), states)
    output = states[0] if t == STEPS else output
    return float(np.mean((keras.ops.convert_to_numpy(model.layers[1](output)) - Y) ** 2))


@pytest.mark.parametrize("name", LAYERS)
def test_norms_equal_differences(name):
    model = network(LAYERS[name]())
    cell = model.layers[0].cell
    flow = gradient_flow(model, (X, Y), loss="mse", jacobians=0).layers["memory"]
    states = [np.zeros((2, UNITS))] * (2 if "lstm" in name or name == "stock" else 1)
    for t in range(STEPS + 1):
        for n in range(len(states)):
            slopes = []
            for index in np.ndindex(2, UNITS):
                step = np.zeros((2, UNITS))
                step[index] = 1e-5
                moved = [[s + sign * step * (k == n) for k, s in enumerate(states)] for sign in (1, -1)]
                up, down = (loss_from(model, [keras.ops.array(s) for s in m], t) for m in moved)
                slopes.append((up - down) / 2e-5)
            assert flow.by_state[n, t] == pytest.approx(np.linalg.norm(slopes), rel=1e-5, abs=1e-9)
        if t < STEPS:
            given = [keras.ops.array(s) for s in states]
            states = [keras.ops.convert_to_numpy(s) for s in cell(X[:, t], given)[1]]
    np.testing.assert_allclose(flow.norms, np.sqrt((flow.by_state**2).sum(0)))


def test_the_jacobian_equals_differences():
    layer = randomise(LSTM(UNITS, dtype="float64"))
    layer.build((None, None, 2))
    randomise(layer)
    states = [normal(2, UNITS, seed=n).astype("float64") for n in (3, 4)]

    def after(flat):
        given = [flat[None, :UNITS], flat[None, UNITS:]]
        return np.concatenate([keras.ops.convert_to_numpy(s)[0] for s in layer.cell(X[1:, 0], given)[1]])

    flat = np.concatenate([s[1] for s in states])
    steps = 1e-6 * np.eye(2 * UNITS)
    expected = np.stack([(after(flat + s) - after(flat - s)) / 2e-6 for s in steps], axis=1)
    found = recurrent_jacobian(layer.cell, X[:, 0], states, row=1)
    np.testing.assert_allclose(found, expected, atol=1e-8)


def test_weights_loss_and_model_are_as_without_looking():
    import tensorflow as tf

    inner = [cells.get("gru", 4), cells.get("lstm", 4)]
    both = Bidirectional(SimpleRNN(3, return_sequences=True), name="both")
    deep = Stacked(inner, return_sequences=True, name="deep")
    model = keras.Sequential([keras.Input((5, 2)), keras.layers.Masking(), both, deep, keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = normal(3, 5, 2), normal(3, 5, 1)
    x[0, 3:] = 0  # padding
    before = model(x).numpy()
    with tf.GradientTape() as tape:
        loss = model.compute_loss(x, y, model(x))
    expected = [np.linalg.norm(g) for g in tape.gradient(loss, model.trainable_variables)]
    flow = gradient_flow(model, (x, y), at="all", jacobians=2)
    assert flow.loss == pytest.approx(float(loss), rel=1e-5)
    np.testing.assert_allclose(list(flow.weights.values()), expected, rtol=1e-3, atol=1e-6)
    assert flow.clipping_factor(0.5 * flow.global_norm) == pytest.approx(0.5)
    assert len(flow.layers) == 4 and {"deep/0", "deep/1"} < set(flow.layers)
    assert sorted(layer.backwards for layer in flow.layers.values()) == [False, False, False, True]
    assert "inner_loop" not in vars(deep) and "call" not in vars(inner[0])
    np.testing.assert_array_equal(model(x).numpy(), before)


def test_the_last_step_alone():
    model = keras.Sequential(
        [keras.Input((6, 2)), LSTM(3, return_sequences=True, name="m"), keras.layers.Dense(1)]
    )
    x, y = normal(2, 6, 2), normal(2, 6, 1)
    weights = np.ones((2, 6), "float32")
    weights[:, 4:] = 0
    flow = gradient_flow(model, (x, y, weights), loss="mse").layers["m"]
    assert flow.norms[4] > 0 and flow.norms[5] == flow.norms[6] == 0  # nothing comes back from behind it
    assert np.all(gradient_flow(model, (x, y), loss="mse", at="all").layers["m"].by_state[0, 1:] > 0)


def test_a_language_model_keeps_what_it_carries():
    model = LanguageModel(9, units=4, num_layers=2)
    model.build()
    model.compile("sgd", NextTokenLoss())
    tokens = np.random.default_rng(0).integers(1, 9, (2, 7))
    inputs = {"tokens": tokens, "reset": np.array([True, True])}
    model(inputs)
    before = model.evaluation_carry.get()
    flow = gradient_flow(model, (inputs, tokens))
    assert list(flow.layers) == ["rnn/0", "rnn/1"] and flow.layers["rnn/1"].norms.shape == (8,)
    for a, b in zip(
        keras.tree.flatten(before), keras.tree.flatten(model.evaluation_carry.get()), strict=True
    ):
        np.testing.assert_array_equal(a, b)


WRONG = {
    "no loss": (lambda m: gradient_flow(m, (X, Y)), "`loss` must be given: Sequential is not compiled"),
    "no target": (lambda m: gradient_flow(m, (X,), loss="mse"), "got inputs alone"),
    "where": (lambda m: gradient_flow(m, (X, Y), at="first"), "`at` must be one of all, last, got 'first'"),
    "nothing recurrent": (
        lambda m: gradient_flow(keras.Sequential([keras.layers.Dense(1)]), (X, X[..., :1]), loss="mse"),
        "runs none",
    ),
    "no plot": (lambda m: flow_plot({}, "x.png"), "there is no gradient to draw"),
}


@pytest.mark.parametrize(("do", "message"), WRONG.values(), ids=WRONG)
def test_wrong_input(do, message):
    with pytest.raises(UserError, match=message):
        do(network(LAYERS["elman"]()))


def test_comparison_table_and_plot(tmp_path):
    flows = compare_cells(steps=30, units=8, batch=2, jacobians=2)
    assert flows["simple_rnn"].layers["simple_rnn"].ratio < flows["lstm"].layers["lstm"].ratio
    table = flow_table(flows).splitlines()
    assert len(table) == 5 and table[0].startswith("layer") and table[3].startswith("peephole_lstm")
    path = flow_plot(flows, tmp_path / "flow.png", title="four cells")
    assert matplotlib.image.imread(path)[..., :3].std() > 0.05


@pytest.mark.slow
def test_a_hundred_steps():
    """The figures of docs/vanishing.md: what is left of the gradient, by cell."""
    flows = {name: flow.layers[name].ratio for name, flow in compare_cells(jacobians=0).items()}
    assert flows["simple_rnn"] < 1e-6
    assert flows["gru"] < flows["simple_rnn"] < flows["lstm"] < 1e-3
    remembering = compare_cells(("lstm",), forget_bias=5.0, jacobians=0)["lstm"].layers["lstm"].ratio
    assert remembering > 1e-3


@pytest.mark.slow
def test_clipping_saves_a_training_that_explodes(tmp_path):
    training = clipping_effect()
    assert not np.isfinite(training.losses["plain"][-1])
    assert training.losses["clipped"][-5:].mean() < 0.5 * training.losses["clipped"][:5].mean()
    assert training.norms["clipped"].max() > training.clip_norm
    path = clipping_plot(training, tmp_path / "clipping.png")
    assert matplotlib.image.imread(path)[..., :3].std() > 0.05


def test_the_monitor_logs_and_warns_once(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    model = keras.Sequential([keras.Input((12, 2)), SimpleRNN(4, name="memory"), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    recurrent = model.layers[0].cell.recurrent_kernel
    recurrent.assign(0.01 * recurrent)
    batch = normal(4, 12, 2), normal(4, 1)
    with pytest.warns(
        GradientWarning, match=r"gradient of `memory` vanishes after epoch 0: .* 12 steps back"
    ):
        monitor = GradientMonitor(batch, tmp_path)
        model.fit(*batch, epochs=2, verbose=0, callbacks=[monitor])
    assert len(monitor.flows) == 3
    events = EventAccumulator(str(tmp_path), size_guidance={"tensors": 0}).Reload()
    tags = set(events.Tags()["tensors"])
    parts = {f"memory/{part}" for part in ("first", "last", "ratio", "spectral_radius")}
    assert tags == {f"gradient_flow/{name}" for name in {*parts, "global_norm"}}
    assert [event.step for event in events.Tensors("gradient_flow/memory/ratio")] == [0, 1, 2]


def test_the_monitor_tells_of_explosion():
    model = keras.Sequential([keras.Input((12, 2)), SimpleRNN(4, "linear", name="m"), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.0), "mse")
    recurrent = model.layers[0].cell.recurrent_kernel
    recurrent.assign(3 * recurrent)
    batch, said = (normal(4, 12, 2), normal(4, 1)), []
    model.fit(*batch, epochs=2, verbose=0, callbacks=[GradientMonitor(batch, notify=said.append, every=2)])
    assert len(said) == 1 and "explodes after epoch 0: 12 steps back it has 5.3e+05 times" in said[0]
