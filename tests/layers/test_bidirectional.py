"""Both directions against the NumPy twin run on each sequence alone, without its padding."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from kseq.layers import GRU, LSTM, RNN, Bidirectional, PeepholeLSTM, Stacked
from tests.cell_cases import BY_NAME, FEATURES, UNITS
from tests.gradients import gradients
from tests.helpers import (
    assert_all_close,
    length_mask,
    masks,
    normal,
    randomise,
    soiled,
    to_numpy,
)
from tests.reference import loop

LENGTHS, TIME = [5, 2, 1, 4], 5
BATCH = len(LENGTHS)
MASK = length_mask(LENGTHS, TIME)
MERGES = {
    "concat": lambda a, b: [np.concatenate([a, b], axis=-1)],
    "sum": lambda a, b: [a + b],
    "mul": lambda a, b: [a * b],
    "ave": lambda a, b: [(a + b) / 2.0],
    None: lambda a, b: [a, b],
}


def make(merge_mode="concat", **options):
    layer = Bidirectional(PeepholeLSTM(UNITS, **options), merge_mode=merge_mode)
    layer.build((BATCH, TIME, FEATURES))
    return randomise(layer)


def one_by_one(layer, x, lengths):
    """Returns outputs (batch, time, units), last output and last states, for each direction."""
    results = []
    for direction in (layer.forward_layer, layer.backward_layer):
        twin = BY_NAME["peephole"].twin_of(direction.cell)
        outputs = np.zeros((len(x), x.shape[1], UNITS))
        rows = []
        for row, length in enumerate(lengths):
            alone = x[row : row + 1, :length]
            zeros = [np.zeros((1, UNITS))] * 2
            found, last, states = loop.run(twin, alone, zeros, None, direction.go_backwards)
            outputs[row, :length] = found[0, ::-1] if direction.go_backwards else found[0]
            rows.append([last[0], *(state[0] for state in states)])
        last, h, c = (np.stack(column) for column in zip(*rows, strict=True))
        results.append((outputs, last, [h, c]))
    return results


@pytest.mark.parametrize("merge_mode", MERGES, ids=str)
def test_every_merge_mode_is_each_sequence_alone(merge_mode):
    x = normal(BATCH, TIME, FEATURES)
    layer = make(merge_mode, return_sequences=True, return_state=True)
    forward, backward = one_by_one(layer, x, LENGTHS)
    expected = MERGES[merge_mode](forward[0], backward[0])
    assert_all_close(layer(x, mask=MASK), [*expected, *forward[2], *backward[2]])
    layer = make(merge_mode)
    forward, backward = one_by_one(layer, x, LENGTHS)
    assert_all_close(layer(x, mask=MASK), MERGES[merge_mode](forward[1], backward[1]))


@settings(max_examples=10, deadline=None, derandomize=True)
@given(lengths=st.lists(st.integers(1, TIME), min_size=3, max_size=3))
def test_any_lengths(lengths):
    layer = make(return_sequences=True)
    x, mask = normal(3, TIME, FEATURES), length_mask(lengths, TIME)
    forward, backward = one_by_one(layer, x, lengths)
    expected = np.concatenate([forward[0], backward[0]], axis=-1)
    assert_all_close(layer(soiled(x, mask), mask=mask), expected)


@pytest.mark.parametrize("name", ["right", "left", "gaps"])
def test_garbage_in_the_padding(name):
    mask = masks(BATCH, TIME)[name]
    layer = make(return_sequences=True)
    x = normal(BATCH, TIME, FEATURES)

    def loss(x):
        return ops.sum(layer(x, mask=mask, training=True) ** 2)

    dirty = soiled(x, mask)
    assert_all_close(layer(dirty, mask=mask), layer(x, mask=mask))
    assert not to_numpy(layer(dirty, mask=mask))[~mask].any()
    by_dirty = gradients(loss, [dirty], layer.trainable_variables)
    assert_all_close(by_dirty, gradients(loss, [x], layer.trainable_variables))
    assert not by_dirty[0][0][~mask].any()


def test_initial_states_of_both_directions():
    x = normal(BATCH, TIME, FEATURES)
    layer = make(return_sequences=True, return_state=True)
    states = [normal(BATCH, UNITS, seed=k) for k in range(4)]
    expected = []
    for direction, own in (
        (layer.forward_layer, states[:2]),
        (layer.backward_layer, states[2:]),
    ):
        twin = BY_NAME["peephole"].twin_of(direction.cell)
        expected.append(loop.run(twin, x, own, MASK, direction.go_backwards, True))
    (forward, _, forward_states), (backward, _, backward_states) = expected
    merged = np.concatenate([forward, backward[:, ::-1]], axis=-1)
    found = layer(x, mask=MASK, initial_state=[ops.convert_to_tensor(s) for s in states])
    assert_all_close(found, [merged, *forward_states, *backward_states])


def test_an_own_backward_layer():
    options = {"return_sequences": True}
    layer = Bidirectional(LSTM(3, **options), backward_layer=GRU(2, go_backwards=True, **options))
    x = normal(BATCH, TIME, FEATURES)
    found = to_numpy(layer(x, mask=MASK))
    assert found.shape == (BATCH, TIME, 5)
    assert_all_close(layer.forward_layer(x, mask=MASK), found[..., :3])
    assert_all_close(layer.backward_layer(x, mask=MASK), found[:, ::-1, 3:])


@pytest.mark.parametrize(
    "inner",
    [
        lambda **options: RNN(keras.layers.LSTMCell(3), **options),
        lambda **options: keras.layers.GRU(3, **options),
        lambda **options: Stacked(BY_NAME["lstm"].make(), num_layers=2, **options),
    ],
    ids=["foreign cell", "foreign layer", "stacked"],
)
def test_what_it_can_wrap(inner):
    layer = Bidirectional(inner(return_sequences=True))
    x = normal(BATCH, TIME, FEATURES)
    layer.build(x.shape)
    randomise(layer)
    backward = to_numpy(layer.backward_layer(x, mask=MASK))[:, ::-1]
    expected = np.concatenate([to_numpy(layer.forward_layer(x, mask=MASK)), backward], axis=-1)
    assert_all_close(layer(x, mask=MASK), expected)
    again = Bidirectional.from_config(layer.get_config())
    again.build(x.shape)
    again.set_weights(layer.get_weights())
    assert_all_close(again(x, mask=MASK), expected)


def test_the_two_directions_have_weights_of_their_own():
    layer = Bidirectional(LSTM(3))
    layer(normal(BATCH, TIME, FEATURES))
    forward, backward = layer.get_weights()[:3], layer.get_weights()[3:]
    assert [w.shape for w in forward] == [w.shape for w in backward]
    assert np.abs(forward[0] - backward[0]).max() > 1e-3


@pytest.mark.parametrize("merge_mode", MERGES, ids=str)
def test_symbolic_shapes_agree(merge_mode):
    inputs = keras.Input((None, FEATURES))
    layer = Bidirectional(LSTM(3, return_sequences=True, return_state=True), merge_mode=merge_mode)
    symbolic = keras.tree.flatten(layer(inputs))
    real = keras.tree.flatten(layer(normal(BATCH, TIME, FEATURES)))
    assert [s.shape[-1] for s in symbolic] == [r.shape[-1] for r in real]


def test_bad_arguments():
    with pytest.raises(ValueError, match="add"):
        Bidirectional(LSTM(3), merge_mode="add")
    with pytest.raises(ValueError, match="go_backwards"):
        Bidirectional(LSTM(3), backward_layer=LSTM(3))
