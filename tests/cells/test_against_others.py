"""Weights copied to Keras's own layers and to PyTorch's modules give the same sequences."""

import keras
import numpy as np
import pytest

import kseq.layers
from tests.cell_cases import BY_NAME, FEATURES, UNITS
from tests.helpers import assert_all_close, length_mask, normal, numpy_weights, randomise
from tests.reference import torch_weights

KERAS_TWINS = {
    "simple_rnn": keras.layers.SimpleRNN,
    "simple_rnn-relu-no_bias": keras.layers.SimpleRNN,
    "lstm": keras.layers.LSTM,
    "lstm-odd": keras.layers.LSTM,
    "lstm-no_bias": keras.layers.LSTM,
    "gru-after": keras.layers.GRU,
    "gru-after-no_bias": keras.layers.GRU,
    "gru-before": keras.layers.GRU,
    "gru-before-odd": keras.layers.GRU,
    "gru-odd": keras.layers.GRU,
}


@pytest.mark.parametrize("name", KERAS_TWINS)
def test_weights_move_to_keras_and_back(name):
    case, keras_class = BY_NAME[name], KERAS_TWINS[name]
    x, mask = normal(5, 6, FEATURES), length_mask([6, 3, 1, 4, 6], 6)
    theirs = keras_class(**case.arguments, return_sequences=True, return_state=True)
    theirs.build(x.shape)
    randomise(theirs, seed=4)
    own_class = getattr(kseq.layers, keras_class.__name__)
    ours = own_class(**case.arguments, return_sequences=True, return_state=True)
    ours.build(x.shape)
    assert [w.shape for w in ours.get_weights()] == [w.shape for w in theirs.get_weights()]
    ours.set_weights(theirs.get_weights())
    assert_all_close(ours(x, mask=mask), theirs(x, mask=mask))


@pytest.mark.parametrize("name", ["simple_rnn", "lstm", "gru-after"])
def test_weights_move_to_torch(name):
    torch = pytest.importorskip("torch", reason="PyTorch is the peer of this comparison")
    cell = BY_NAME[name].make()
    x = normal(5, 6, FEATURES)
    copy = {
        "simple_rnn": torch_weights.simple_rnn,
        "lstm": torch_weights.lstm,
        "gru-after": torch_weights.gru,
    }[name]
    with torch.no_grad():
        expected, states = copy(torch, numpy_weights(cell))(torch.tensor(x, dtype=torch.float64))
    states = states if isinstance(states, tuple) else (states,)
    layer = kseq.layers.RNN(cell, return_sequences=True, return_state=True)
    assert_all_close(layer(x), [expected, *(state[0] for state in states)])


def test_peepholes_of_zero_are_the_plain_lstm():
    plain, peephole = BY_NAME["lstm"].make(), BY_NAME["peephole"].make(weight_seed=1)
    weights = {**numpy_weights(plain), "peephole_kernel": np.zeros((3, UNITS))}
    for variable in peephole.trainable_variables:
        variable.assign(weights[variable.name])
    x = normal(5, 6, FEATURES)
    assert_all_close(kseq.layers.RNN(peephole)(x), kseq.layers.RNN(plain)(x))
