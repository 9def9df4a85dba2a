"""What all cells promise: the equations, the split of the step, dropout, clear errors."""

import keras
import numpy as np
import pytest
from keras import ops

import kseq.cells
import kseq.layers
from kseq.cells.base import Dropped
from tests.cell_cases import FEATURES, UNITS, every_cell, one_of_each
from tests.dropout import masks_that_explain
from tests.gradients import gradients
from tests.helpers import assert_all_close, normal, numpy_weights, to_numpy
from tests.reference import loop

BATCH, TIME = 4, 5

CELL_ARGUMENTS = {
    "SimpleRNNCell": {"units": 3},
    "JordanRNNCell": {"units": 3, "output_units": 2},
    "LSTMCell": {"units": 3},
    "PeepholeLSTMCell": {"units": 3},
    "LayerNormLSTMCell": {"units": 3},
    "NASCell": {"units": 3},
    "EchoStateCell": {"units": 3},
    "GRUCell": {"units": 3},
}
every_class = pytest.mark.parametrize("name", CELL_ARGUMENTS)


def make(name, **arguments):
    return getattr(kseq.cells, name)(**{**CELL_ARGUMENTS[name], **arguments})


def random_states(cell, batch=BATCH):
    zeros = keras.tree.flatten(cell.get_initial_state(batch_size=batch))
    return [normal(*state.shape, seed=k + 1) for k, state in enumerate(zeros)]


@every_cell
def test_call_makes_the_step_of_the_equations(case):
    cell = case.make()
    x, states = normal(BATCH, FEATURES), random_states(cell)
    assert_all_close(cell(x, [ops.convert_to_tensor(s) for s in states]), case.twin_of(cell)(x, states))


@every_cell
def test_project_and_step_are_the_call_in_two_parts(case):
    cell = case.make()
    x = normal(BATCH, TIME, FEATURES)
    initial = random_states(cell)
    states = [ops.convert_to_tensor(state) for state in initial]
    keep = np.random.default_rng(0).choice([0.0, 2.0], size=(BATCH, UNITS)).astype("float32")
    projected = cell.project(ops.convert_to_tensor(x))
    outputs = []
    for t in range(TIME):
        at_t = keras.tree.map_structure(lambda part, t=t: part[:, t], projected)
        output, states = cell.step(at_t, states, dropped=Dropped(ops.convert_to_tensor(keep)))
        outputs.append(output)
    expected, _, last = loop.run(case.twin_of(cell, recurrent_mask=keep), x, initial)
    assert_all_close([ops.stack(outputs, axis=1), states], [expected, last])


@one_of_each
def test_sizes_and_initial_state(case):
    cell = case.make()
    assert cell.output_size == UNITS
    zeros = keras.tree.flatten(cell.get_initial_state(batch_size=BATCH))
    assert [state.shape[-1] for state in zeros] == keras.tree.flatten(cell.state_size)
    assert all(not to_numpy(state).any() for state in zeros)


@one_of_each
def test_a_cell_runs_inside_keras_layers(case):
    cell = case.make()
    x = normal(BATCH, TIME, FEATURES)
    zeros = [np.zeros((BATCH, UNITS))] * len(keras.tree.flatten(cell.state_size))
    expected, last, states = loop.run(case.twin_of(cell), x, zeros)
    whole = keras.layers.RNN(cell, return_sequences=True, return_state=True)(x)
    assert_all_close(whole, [expected, *states])
    stacked = keras.layers.RNN(keras.layers.StackedRNNCells([cell, keras.layers.GRUCell(2)]))
    assert stacked(x).shape == (BATCH, 2)


@pytest.mark.parametrize("rates", [(0.4, 0.0), (0.0, 0.5), (0.4, 0.5)], ids=str)
@one_of_each
def test_dropout_draws_one_mask_for_each_sequence(case, rates):
    batch, (dropout, recurrent_dropout) = 8, rates
    cell = case.make(dropout=dropout, recurrent_dropout=recurrent_dropout, seed=3)
    layer = kseq.layers.RNN(cell, return_sequences=True)
    x = normal(batch, TIME, FEATURES)
    states = random_states(cell, batch)
    tensors = [ops.convert_to_tensor(state) for state in states]
    output = to_numpy(layer(x, initial_state=tensors, training=True))
    found = masks_that_explain(case, cell, x, states, output, dropout, recurrent_dropout)
    assert all(len(pairs) == 1 for pairs in found), "not one constant mask for each sequence"
    assert len({pairs[0] for pairs in found}) > 1, "every sequence got the same mask"
    again = to_numpy(layer(x, initial_state=tensors, training=True))
    assert np.abs(again - output).max() > 1e-3, "the second batch got the masks of the first"
    expected, *_ = loop.run(case.twin_of(cell), x, states)
    assert_all_close(layer(x, initial_state=tensors, training=False), expected)


@one_of_each
def test_a_seed_repeats_the_dropout(case):
    x = normal(BATCH, TIME, FEATURES)
    first, second = (
        kseq.layers.RNN(case.make(dropout=0.5, recurrent_dropout=0.5, seed=11))(x, training=True)
        for _ in range(2)
    )
    assert_all_close(first, second)


@one_of_each
def test_dropout_inside_keras_rnn_runs(case):
    layer = keras.layers.RNN(case.make(dropout=0.5, recurrent_dropout=0.5, seed=1))
    x = normal(BATCH, TIME, FEATURES)
    trained = to_numpy(layer(x, training=True))
    assert np.isfinite(trained).all()
    assert np.abs(trained - to_numpy(layer(x, training=False))).max() > 1e-3


@every_class
@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("units", 0),
        ("units", -3),
        ("dropout", -0.1),
        ("dropout", 1.0),
        ("recurrent_dropout", 1.5),
        ("activation", "no_such_function"),
        ("kernel_initializer", "no_such_initializer"),
    ],
)
def test_bad_arguments_are_named(name, argument, value):
    with pytest.raises(ValueError) as error:
        make(name, **{argument: value})
    assert str(value) in str(error.value)
    if not isinstance(value, str):
        assert argument in str(error.value)


@pytest.mark.parametrize(
    ("name", "argument", "value"),
    [
        ("LSTMCell", "cell_clip", 0.0),
        ("PeepholeLSTMCell", "cell_clip", -1.0),
        ("JordanRNNCell", "output_units", 0),
    ],
)
def test_bad_arguments_of_one_cell_are_named(name, argument, value):
    with pytest.raises(ValueError, match=argument):
        make(name, **{argument: value})


@every_class
def test_initializers_regularizers_and_constraints_reach_the_weights(name):
    cell = make(
        name,
        kernel_initializer=keras.initializers.Constant(0.25),
        recurrent_initializer=keras.initializers.Constant(-0.5),
        kernel_regularizer=keras.regularizers.L1(1.0),
        recurrent_constraint="non_neg",
        bias_constraint="max_norm",
    )
    cell.build((None, FEATURES))
    weights = numpy_weights(cell)
    assert (weights["kernel"] == 0.25).all()
    assert (weights["recurrent_kernel"] == -0.5).all()
    if cell.kernel.trainable:
        assert float(sum(cell.losses)) >= 0.25 * weights["kernel"].size - 1e-5
    by_name = {variable.name: variable for variable in cell.weights}
    assert isinstance(by_name["recurrent_kernel"].constraint, keras.constraints.NonNeg)
    assert isinstance(by_name["bias"].constraint, keras.constraints.MaxNorm)


@every_class
def test_initial_gates_start_where_the_defaults_say(name):
    cell = make(name)
    cell.build((None, FEATURES))
    bias = numpy_weights(cell)["bias"]
    expected = np.zeros_like(bias)
    if "LSTM" in name:
        expected[3:6] = 1.0  # unit_forget_bias
    np.testing.assert_array_equal(bias, expected)
    recurrent = numpy_weights(cell)["recurrent_kernel"]
    if name in ("SimpleRNNCell", "LSTMCell"):
        np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(3), atol=1e-5)


@every_class
def test_no_bias_leaves_no_bias_weight(name):
    cell = make(name, use_bias=False)
    cell.build((None, FEATURES))
    assert not [weight for weight in numpy_weights(cell) if "bias" in weight]


@pytest.mark.parametrize("unroll", [False, True], ids=["loop", "unrolled"])
@one_of_each
def test_weight_dropout_drops_the_same_weights_at_every_step(case, unroll):
    cell = case.make(weight_dropout=0.5, seed=3)
    layer = kseq.layers.RNN(cell, return_sequences=True, unroll=unroll)
    x, states = normal(BATCH, TIME, FEATURES), random_states(cell)
    tensors = [ops.convert_to_tensor(state) for state in states]
    seed = to_numpy(cell.seed_generator.state)
    factors = to_numpy(cell.draw(BATCH, True).weights)
    assert set(np.unique(factors)) == {0.0, 2.0}
    cell.seed_generator.state.assign(seed)  # so that the layer draws the same
    weights = numpy_weights(cell)
    thinned = {**weights, "recurrent_kernel": weights["recurrent_kernel"] * factors}
    for training, those in ((True, thinned), (False, weights)):
        found = layer(x, initial_state=tensors, training=training)
        assert_all_close(found, loop.run(case.twin_with(those), x, states)[0])


@one_of_each
def test_weights_that_are_dropped_get_no_gradient(case):
    cell = case.make(weight_dropout=0.5, seed=3)
    layer = kseq.layers.RNN(cell)
    layer.build((BATCH, TIME, FEATURES))
    seed = to_numpy(cell.seed_generator.state)
    kept = to_numpy(cell.draw(BATCH, True).weights) > 0
    cell.seed_generator.state.assign(seed)
    x = normal(BATCH, TIME, FEATURES)
    gradient = gradients(lambda x: ops.sum(layer(x, training=True)), [x], [cell.recurrent_kernel])[1][0]
    assert not gradient[~kept].any()
    assert gradient[kept].any()  # not all: a rectified unit may be shut


@pytest.mark.parametrize("radius", [0.5, 1.2])
def test_a_reservoir_is_sparse_has_its_spectral_radius_and_is_not_learned(radius):
    cell = kseq.cells.EchoStateCell(100, spectral_radius=radius, connectivity=0.2, seed=3)
    cell.build((None, FEATURES))
    assert cell.trainable_variables == []
    recurrent = numpy_weights(cell)["recurrent_kernel"]
    np.testing.assert_allclose(np.abs(np.linalg.eigvals(recurrent)).max(), radius, rtol=1e-4)
    assert 0.15 < np.mean(recurrent != 0) < 0.25


@pytest.mark.parametrize("argument", ["leak", "connectivity"])
@pytest.mark.parametrize("value", [0.0, 1.1])
def test_shares_of_a_reservoir_are_checked(argument, value):
    with pytest.raises(ValueError, match=f"`{argument}` must be above 0 and at most 1, got {value}"):
        kseq.cells.EchoStateCell(3, **{argument: value})
