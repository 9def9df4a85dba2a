"""The loop over time: masks, directions, states, gradients, for every cell."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from keras import ops

import kseq.layers
from kseq.cells import LSTMCell
from tests.cell_cases import BY_NAME, FEATURES, UNITS, every_cell, one_of_each, some_cells
from tests.dropout import masks_that_explain
from tests.gradients import finite_differences, gradients
from tests.helpers import (
    assert_all_close,
    length_mask,
    masks,
    normal,
    numpy_weights,
    randomise,
    soiled,
    to_numpy,
)
from tests.reference import loop
from tests.reference.unrolled import unrolled

BATCH, TIME = 5, 6
every_mask = pytest.mark.parametrize("mask", masks(BATCH, TIME).values(), ids=masks(BATCH, TIME))


def initial_states(cell, seed=1, batch=BATCH):
    sizes = keras.tree.flatten(cell.state_size)
    return [normal(batch, size, seed=seed + k) for k, size in enumerate(sizes)]


def tensors(arrays):
    return [ops.convert_to_tensor(array) for array in arrays]


@pytest.mark.parametrize(("mask", "go_backwards"), [("gaps", False), ("none", True)], ids=["gaps-fwd", "bwd"])
@every_cell
def test_outputs_and_states_are_those_of_the_twin(case, mask, go_backwards):
    cell, mask = case.make(), masks(BATCH, TIME)[mask]
    x, states = normal(BATCH, TIME, FEATURES), initial_states(cell)
    expected, _, last = loop.run(case.twin_of(cell), x, states, mask, go_backwards)
    layer = kseq.layers.RNN(cell, return_sequences=True, return_state=True, go_backwards=go_backwards)
    for training in (False, True):
        found = layer(x, mask=mask, initial_state=tensors(states), training=training)
        assert_all_close(found, [expected, *last])


@pytest.mark.parametrize("return_sequences", [False, True], ids=["last", "sequences"])
@pytest.mark.parametrize("go_backwards", [False, True], ids=["forwards", "backwards"])
@every_mask
def test_every_mask_in_both_directions(mask, go_backwards, return_sequences):
    case = BY_NAME["peephole"]
    cell = case.make()
    x, states = normal(BATCH, TIME, FEATURES), initial_states(cell)
    outputs, last, last_states = loop.run(case.twin_of(cell), x, states, mask, go_backwards)
    layer = kseq.layers.RNN(
        cell, return_sequences=return_sequences, return_state=True, go_backwards=go_backwards
    )
    for training in (False, True):
        found = layer(x, mask=mask, initial_state=tensors(states), training=training)
        assert_all_close(found, [outputs if return_sequences else last, *last_states])


@pytest.mark.parametrize("unroll", [False, True], ids=["loop", "unrolled"])
@every_mask
def test_zero_output_for_mask(mask, unroll):
    case = BY_NAME["gru-after"]
    cell = case.make()
    x, states = normal(BATCH, TIME, FEATURES), initial_states(cell)
    expected, _, last_states = loop.run(case.twin_of(cell), x, states, mask, zero_output_for_mask=True)
    layer = kseq.layers.RNN(
        cell, return_sequences=True, return_state=True, zero_output_for_mask=True, unroll=unroll
    )
    assert_all_close(layer(x, mask=mask, initial_state=tensors(states)), [expected, *last_states])


@one_of_each
def test_unrolled_is_the_loop(case):
    cell = case.make()
    x, mask = normal(BATCH, TIME, FEATURES), masks(BATCH, TIME)["gaps"]
    options = {"return_sequences": True, "return_state": True, "go_backwards": True}
    looped = kseq.layers.RNN(cell, **options)(x, mask=mask)
    assert_all_close(kseq.layers.RNN(cell, unroll=True, **options)(x, mask=mask), looped)


def weighted_sum(outputs, seed=20):
    """Returns a scalar that depends on every entry of every output in another way."""
    total = 0.0
    for k, output in enumerate(keras.tree.flatten(outputs)):
        total = total + ops.sum(output * normal(*output.shape, seed=seed + k))
    return total


def assert_gradients_are_automatic(layer, x, states, mask, compiled=False):
    """Compares the gradients by input, initial states and weights with those of the plain loop."""

    def ours(x, *states):
        return weighted_sum(layer(x, mask=mask, initial_state=list(states), training=True))

    def plain(x, *states):
        whole = unrolled(layer.cell, x, list(states), mask, layer.go_backwards)
        output = whole[0] if layer.return_sequences else whole[0][:, -1]
        return weighted_sum([output, *whole[1:]] if layer.return_state else output)

    variables = layer.trainable_variables
    found = gradients(ours, [x, *states], variables, compiled)
    expected = gradients(plain, [x, *states], variables)
    assert_all_close(found, expected, rtol=1e-3, atol=1e-4)


@every_cell
def test_gradients_are_those_of_automatic_differentiation(case):
    cell = case.make()
    x, states = normal(BATCH, TIME, FEATURES), initial_states(cell)
    layer = kseq.layers.RNN(cell, return_sequences=True, return_state=True, go_backwards=True)
    assert_gradients_are_automatic(layer, x, states, masks(BATCH, TIME)["gaps"])


@one_of_each
def test_gradients_compiled(case):
    cell = case.make()
    x, states = normal(BATCH, TIME, FEATURES), initial_states(cell)
    layer = kseq.layers.RNN(cell, return_sequences=True, return_state=True)
    mask = masks(BATCH, TIME)["left"]
    assert_gradients_are_automatic(layer, x, states, mask, compiled=True)


@pytest.mark.parametrize("return_sequences", [False, True], ids=["last", "sequences"])
@some_cells("lstm", "peephole", "gru-after", "simple_rnn", "jordan")
def test_gradients_without_mask_and_without_states_returned(case, return_sequences):
    cell = case.make()
    x, states = normal(BATCH, TIME, FEATURES), initial_states(cell)
    layer = kseq.layers.RNN(cell, return_sequences=return_sequences)
    assert_gradients_are_automatic(layer, x, states, None)


@one_of_each
def test_gradients_outside_of_training(case):
    """A saliency map, say: there is no training, but there is a gradient."""
    layer = kseq.layers.RNN(case.make(), return_sequences=True)
    x, mask = normal(BATCH, TIME, FEATURES), masks(BATCH, TIME)["right"]
    layer.build(x.shape)
    by_training = [
        gradients(
            lambda x, training=training: weighted_sum(layer(x, mask=mask, training=training)),
            [x],
            layer.trainable_variables,
        )
        for training in (False, True)
    ]
    assert_all_close(*by_training, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("batch", [1, 33])
@some_cells("lstm", "peephole", "gru-after")
def test_larger_and_odd_batches(case, batch):
    """A loop that splits the batch must not lose or mix rows."""
    cell = randomise(case.make(units=40), scale=0.2)
    x, states = normal(batch, 7, FEATURES), initial_states(cell, batch=batch)
    mask = length_mask(np.random.default_rng(0).integers(1, 8, batch), 7)
    layer = kseq.layers.RNN(cell, return_sequences=True, return_state=True)
    expected, _, last = loop.run(case.twin_of(cell), x, states, mask)
    found = layer(x, mask=mask, initial_state=tensors(states), training=True)
    assert_all_close(found, [expected, *last])
    assert_gradients_are_automatic(layer, x, states, mask, compiled=True)


@one_of_each
def test_gradients_with_dropout_against_finite_differences(case):
    """The masks are found out from the output; the twin with those masks gives the gradient."""
    cell = case.make(dropout=0.4, recurrent_dropout=0.5, seed=6)
    layer = kseq.layers.RNN(cell, return_sequences=True)
    x = normal(BATCH, 4, FEATURES)
    states = initial_states(cell)
    weights = normal(BATCH, 4, UNITS, seed=20)

    def loss(x, *states):
        return ops.sum(layer(x, initial_state=list(states), training=True) * weights)

    layer.build(x.shape)
    randomise(cell)
    seed_state = cell.seed_generator.state
    before = to_numpy(seed_state)
    found = gradients(loss, [x, *states], cell.trainable_variables)
    seed_state.assign(before)  # so that the next call draws the same masks
    output = to_numpy(layer(x, initial_state=tensors(states), training=True))
    explained = masks_that_explain(case, cell, x, states, output, 0.4, 0.5)
    assert all(len(pairs) == 1 for pairs in explained)
    input_mask = np.array([pairs[0][0] for pairs in explained])
    recurrent_mask = np.array([pairs[0][1] for pairs in explained])
    names = list(numpy_weights(cell))

    def twin_loss(x, *rest):
        step = case.twin_with(
            dict(zip(names, rest[len(states) :], strict=True)), recurrent_mask=recurrent_mask
        )
        outputs, *_ = loop.run(step, x * input_mask[:, None], rest[: len(states)])
        return (outputs * weights).sum()

    expected = finite_differences(twin_loss, [x, *states, *numpy_weights(cell).values()])
    assert_all_close(found, expected, rtol=1e-3, atol=1e-4)


@every_cell
def test_garbage_in_the_padding_changes_no_output_and_no_gradient(case):
    cell = case.make()
    layer = kseq.layers.RNN(cell, return_sequences=True, return_state=True)
    x, states = normal(BATCH, TIME, FEATURES), initial_states(cell)
    layer.build(x.shape)
    randomise(cell)
    for name in ("right", "gaps"):
        mask = masks(BATCH, TIME)[name]

        def loss(x, *states, mask=mask):
            run = {"mask": mask, "initial_state": list(states), "training": True}
            return weighted_sum(layer(x, **run))

        dirty = soiled(x, mask)
        run = {"mask": mask, "initial_state": tensors(states), "training": True}
        assert_all_close(layer(dirty, **run), layer(x, **run), rtol=1e-6, atol=1e-6)
        clean_gradients = gradients(loss, [x, *states], cell.trainable_variables)
        dirty_gradients = gradients(loss, [dirty, *states], cell.trainable_variables)
        assert_all_close(dirty_gradients, clean_gradients, rtol=1e-5, atol=1e-5)
        assert not dirty_gradients[0][0][~mask].any()


@settings(max_examples=10, deadline=None, derandomize=True)
@given(mask=hnp.arrays(bool, (4, 5)), backwards=st.booleans(), zero=st.booleans(), training=st.booleans())
def test_any_mask(mask, backwards, zero, training):
    case = BY_NAME["peephole"]
    cell = case.make()
    x = normal(4, 5, FEATURES)
    layer = kseq.layers.RNN(
        cell,
        return_sequences=True,
        return_state=True,
        go_backwards=backwards,
        zero_output_for_mask=zero,
    )
    zeros = [np.zeros((4, UNITS))] * 2
    expected, _, states = loop.run(case.twin_of(cell), x, zeros, mask, backwards, zero)
    assert_all_close(layer(x, mask=mask, training=training), [expected, *states])


@settings(max_examples=10, deadline=None, derandomize=True)
@given(lengths=st.lists(st.integers(1, 5), min_size=3, max_size=3))
def test_batched_is_one_by_one(lengths):
    layer = kseq.layers.RNN(BY_NAME["gru-after"].make(), return_sequences=True)
    x = normal(3, 5, FEATURES)
    together = to_numpy(layer(x, mask=length_mask(lengths, 5)))
    for row, length in enumerate(lengths):
        alone = to_numpy(layer(x[row : row + 1, :length]))[0]
        np.testing.assert_allclose(together[row, :length], alone, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(
            together[row, length:], np.tile(alone[-1], (5 - length, 1)), rtol=1e-4, atol=1e-5
        )


@one_of_each
def test_two_halves_are_the_whole(case):
    cell = case.make()
    layer = kseq.layers.RNN(cell, return_sequences=True, return_state=True)
    x, mask = normal(BATCH, TIME, FEATURES), masks(BATCH, TIME)["left"]
    mask[:, 4] = True  # else the second half would have to hold an output of the first
    first, *middle = layer(x[:, :4], mask=mask[:, :4])
    second, *end = layer(x[:, 4:], mask=mask[:, 4:], initial_state=middle)
    whole, *states = layer(x, mask=mask)
    assert_all_close([ops.concatenate([first, second], axis=1), end], [whole, states])


@one_of_each
def test_stateful(case):
    cell = case.make()
    x = normal(BATCH, TIME, FEATURES)
    whole = to_numpy(kseq.layers.RNN(cell, return_sequences=True)(x))
    layer = kseq.layers.RNN(cell, return_sequences=True, stateful=True)
    for _ in range(2):
        parts = [to_numpy(layer(x[:, t : t + 2])) for t in range(0, TIME, 2)]
        np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, rtol=1e-4, atol=1e-5)
        layer.reset_state()


@pytest.mark.skipif(
    keras.backend.backend() == "jax",
    reason="on JAX, Keras's fit drops the updates of a stateful layer, its own ones too",
)
def test_stateful_layers_learn_from_streams():
    inputs = keras.Input(batch_shape=(4, 3, FEATURES))
    layer = kseq.layers.LSTM(3, return_sequences=True, stateful=True)
    model = keras.Model(inputs, keras.layers.Dense(1)(layer(inputs)))
    model.compile("sgd", "mse")
    history = model.fit(normal(12, 3, FEATURES), normal(12, 3, 1), batch_size=4, shuffle=False, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    assert all(to_numpy(state).any() for state in keras.tree.flatten(layer.states))


@pytest.mark.parametrize(
    "make",
    [
        lambda: keras.layers.LSTMCell(3, dropout=0.3, recurrent_dropout=0.3, seed=1),
        lambda: keras.layers.GRUCell(3, dropout=0.3, seed=1),
        lambda: keras.layers.SimpleRNNCell(3),
        lambda: keras.layers.StackedRNNCells([keras.layers.GRUCell(4), LSTMCell(3)]),
    ],
    ids=["lstm", "gru", "simple_rnn", "stacked"],
)
def test_cells_of_keras_in_our_loop(make):
    cell = make()
    layer = kseq.layers.RNN(cell, return_sequences=True, return_state=True)
    x, mask = normal(BATCH, TIME, FEATURES), masks(BATCH, TIME)["gaps"]
    layer.build(x.shape)
    randomise(cell)
    expected = unrolled(cell, x, layer.get_initial_state(BATCH), mask)
    assert_all_close(layer(x, mask=mask), expected)
    assert np.isfinite(to_numpy(layer(x, mask=mask, training=True)[0])).all()


def test_a_foreign_cell_with_dropout_in_a_trained_model():
    """Masks that a cell of Keras caches must not leak from one traced function to another."""
    layer = kseq.layers.RNN(keras.layers.LSTMCell(3, dropout=0.3, recurrent_dropout=0.3))
    model = keras.Sequential([layer, keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = normal(8, 4, FEATURES), normal(8, 1)
    for _ in range(2):
        model.fit(x, y, batch_size=4, verbose=0)
        assert np.isfinite(model.predict(x, verbose=0)).all()


def test_layers_inside_layers_of_keras():
    x = normal(BATCH, TIME, FEATURES)
    layer = kseq.layers.LSTM(3, return_sequences=True)
    wrapped = keras.layers.Bidirectional(layer)
    assert wrapped(x).shape == (BATCH, TIME, 6)
    forward = to_numpy(wrapped.forward_layer(x))
    np.testing.assert_allclose(to_numpy(wrapped(x))[..., :3], forward, rtol=1e-5, atol=1e-6)
    inner = kseq.layers.GRU(3)
    several = normal(2, 4, TIME, FEATURES)
    together = to_numpy(keras.layers.TimeDistributed(inner)(several))
    each = np.stack([to_numpy(inner(several[:, k])) for k in range(4)], axis=1)
    np.testing.assert_allclose(together, each, rtol=1e-4, atol=1e-5)


def test_the_mask_of_an_embedding_reaches_every_layer():
    ids = np.array([[3, 1, 2, 0, 0], [2, 2, 2, 2, 2], [1, 0, 0, 0, 0]])
    embedding = keras.layers.Embedding(4, FEATURES, mask_zero=True)
    layers = [
        kseq.layers.GRU(3, return_sequences=True),
        kseq.layers.Bidirectional(kseq.layers.LSTM(3, return_sequences=True)),
        kseq.layers.LSTM(2),
    ]
    inputs = keras.Input((None,), dtype="int32")
    hidden = embedding(inputs)
    for layer in layers:
        hidden = layer(hidden)
    by_model = keras.Model(inputs, hidden)(ids)
    explicit = embedding(ids)
    for layer in layers:
        explicit = layer(explicit, mask=ids != 0)
    assert_all_close(by_model, explicit)


@pytest.mark.parametrize("return_state", [False, True])
@pytest.mark.parametrize("return_sequences", [False, True])
def test_the_mask_goes_on_with_sequences_only(return_sequences, return_state):
    layer = kseq.layers.LSTM(3, return_sequences=return_sequences, return_state=return_state)
    x, mask = normal(2, 3, FEATURES), ops.convert_to_tensor(np.ones((2, 3), bool))
    layer(x)
    assert layer.supports_masking
    passed = keras.tree.flatten(layer.compute_mask(x, mask))
    passed = [m for m in passed if m is not None]
    assert len(passed) == int(return_sequences)


def test_a_state_computed_by_the_model():
    """Initial states may be symbolic tensors of a functional model, as in an encoder-decoder."""
    source = keras.Input((None, FEATURES))
    target = keras.Input((None, FEATURES))
    _, *states = kseq.layers.PeepholeLSTM(3, return_state=True)(source)
    decoder = kseq.layers.PeepholeLSTM(3, return_sequences=True)
    model = keras.Model([source, target], decoder(target, initial_state=states))
    x, y = normal(2, 4, FEATURES), normal(2, 3, FEATURES, seed=1)
    assert model([x, y]).shape == (2, 3, 3)
    assert np.abs(to_numpy(model([x, y])) - to_numpy(model([-x, y]))).max() > 1e-3


def test_one_step_and_one_row():
    cell = BY_NAME["lstm"].make()
    x = normal(1, 1, FEATURES)
    zeros = [np.zeros((1, UNITS))] * 2
    expected, *_ = loop.run(BY_NAME["lstm"].twin_of(cell), x, zeros)
    assert_all_close(kseq.layers.RNN(cell, return_sequences=True)(x), expected)


@pytest.mark.parametrize(
    ("layer", "cell", "arguments"),
    [
        ("SimpleRNN", "SimpleRNNCell", {"activation": "relu"}),
        ("JordanRNN", "JordanRNNCell", {"output_units": 2, "output_activation": "softmax"}),
        ("LSTM", "LSTMCell", {"cell_clip": 0.5}),
        ("PeepholeLSTM", "PeepholeLSTMCell", {"cell_clip": 0.5}),
        ("GRU", "GRUCell", {"use_reset_gate": False}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_layer_is_its_cell_in_the_loop(layer, cell, arguments):
    arguments = {"units": 3, **arguments}
    ours = getattr(kseq.layers, layer)(**arguments, return_sequences=True)
    x, mask = normal(BATCH, TIME, FEATURES), masks(BATCH, TIME)["right"]
    ours(x)
    randomise(ours)
    loop_of_cell = kseq.layers.RNN(getattr(kseq.cells, cell)(**arguments), return_sequences=True)
    loop_of_cell(x)
    loop_of_cell.set_weights(ours.get_weights())
    assert_all_close(ours(x, mask=mask), loop_of_cell(x, mask=mask))


def test_a_thing_that_is_no_cell_is_refused():
    with pytest.raises(ValueError, match="cell"):
        kseq.layers.RNN(keras.layers.Dense(3))
