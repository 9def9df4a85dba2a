"""Every cell with the options that change its equations, beside its NumPy twin."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import kseq.cells
from tests.helpers import numpy_weights, randomise
from tests.reference import echo_state, gru, jordan, layer_norm_lstm, lstm, nas, simple_rnn

FEATURES = 2
UNITS = 3


@dataclasses.dataclass(frozen=True)
class CellCase:
    """A cell class, its arguments, and the twin's step with the same options."""

    name: str
    cell_class: str
    arguments: dict[str, Any]
    twin: Callable
    twin_options: dict[str, Any] = dataclasses.field(default_factory=dict)

    def make(self, weight_seed=0, features=FEATURES, **arguments):
        """Returns a built cell with random weights."""
        cell = getattr(kseq.cells, self.cell_class)(**{**self.arguments, **arguments})
        cell.build((None, features))
        for weight in cell.weights:  # a reservoir's too, so that its gradients can be compared
            weight.trainable = True
        return randomise(cell, weight_seed)

    def twin_of(self, cell, **options):
        """Returns `step(x, states)` in NumPy with the weights of `cell`."""
        return self.twin_with(numpy_weights(cell), **options)

    def twin_with(self, weights, **options):
        return functools.partial(self.twin, weights=weights, **{**self.twin_options, **options})


def relu(z):
    return np.maximum(z, 0.0)


def hard_sigmoid(z):
    return np.clip(z / 6.0 + 0.5, 0.0, 1.0)


_ODD = {"activation": "relu", "recurrent_activation": "hard_sigmoid"}
_ODD_TWIN = {"activation": relu, "recurrent_activation": hard_sigmoid}
_JORDAN = {"units": 4, "output_units": UNITS}
_U = {"units": UNITS}

CASES = [
    CellCase("simple_rnn", "SimpleRNNCell", _U, simple_rnn.step),
    CellCase(
        "simple_rnn-relu-no_bias",
        "SimpleRNNCell",
        {**_U, "activation": "relu", "use_bias": False},
        simple_rnn.step,
        {"activation": relu},
    ),
    CellCase("jordan", "JordanRNNCell", _JORDAN, jordan.step),
    CellCase(
        "jordan-relu-sigmoid",
        "JordanRNNCell",
        {**_JORDAN, "activation": "relu", "output_activation": "sigmoid"},
        jordan.step,
        {"activation": relu, "output_activation": lstm.sigmoid},
    ),
    CellCase("jordan-no_bias", "JordanRNNCell", {**_JORDAN, "use_bias": False}, jordan.step),
    CellCase("lstm", "LSTMCell", _U, lstm.step),
    CellCase("lstm-clip", "LSTMCell", {**_U, "cell_clip": 0.3}, lstm.step, {"cell_clip": 0.3}),
    CellCase("lstm-odd", "LSTMCell", {**_U, **_ODD}, lstm.step, _ODD_TWIN),
    CellCase(
        "lstm-coupled",
        "LSTMCell",
        {**_U, "coupled_gates": True, "cell_clip": 0.4},
        lstm.step,
        {"cell_clip": 0.4},
    ),
    CellCase("peephole-coupled", "PeepholeLSTMCell", {**_U, "coupled_gates": True}, lstm.step),
    CellCase("lstm-no_bias", "LSTMCell", {**_U, "use_bias": False}, lstm.step),
    CellCase("peephole", "PeepholeLSTMCell", _U, lstm.step),
    CellCase(
        "peephole-clip",
        "PeepholeLSTMCell",
        {**_U, "cell_clip": 0.3},
        lstm.step,
        {"cell_clip": 0.3},
    ),
    CellCase("peephole-odd", "PeepholeLSTMCell", {**_U, **_ODD}, lstm.step, _ODD_TWIN),
    CellCase("layer_norm", "LayerNormLSTMCell", _U, layer_norm_lstm.step),
    CellCase(
        "layer_norm-odd-clip-no_bias",
        "LayerNormLSTMCell",
        {**_U, **_ODD, "cell_clip": 0.3, "use_bias": False},
        layer_norm_lstm.step,
        {**_ODD_TWIN, "cell_clip": 0.3},
    ),
    CellCase("nas", "NASCell", _U, nas.step),
    CellCase("nas-no_bias", "NASCell", {**_U, "use_bias": False}, nas.step),
    CellCase(
        "echo_state",
        "EchoStateCell",
        {**_U, "leak": 0.3, "connectivity": 0.5},
        echo_state.step,
        {"leak": 0.3},
    ),
    CellCase("gru-after", "GRUCell", _U, gru.step),
    CellCase("gru-after-no_bias", "GRUCell", {**_U, "use_bias": False}, gru.step),
    CellCase("gru-before", "GRUCell", {**_U, "reset_after": False}, gru.step, {"form": "before"}),
    CellCase(
        "gru-before-odd",
        "GRUCell",
        {**_U, "reset_after": False, **_ODD},
        gru.step,
        {"form": "before", **_ODD_TWIN},
    ),
    CellCase(
        "gru-simplified",
        "GRUCell",
        {**_U, "use_reset_gate": False},
        gru.step,
        {"form": "simplified"},
    ),
    CellCase("gru-odd", "GRUCell", {**_U, **_ODD}, gru.step, _ODD_TWIN),
]
BY_NAME = {case.name: case for case in CASES}

ONE_OF_EACH = (
    "simple_rnn",
    "jordan",
    "lstm",
    "peephole",
    "layer_norm",
    "nas",
    "echo_state",
    "gru-after",
    "gru-simplified",
)


def some_cells(*names):
    """Parametrises a test over the named cases."""
    return pytest.mark.parametrize("case", [BY_NAME[name] for name in names], ids=names)


one_of_each = some_cells(*ONE_OF_EACH)
every_cell = pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.name, marks=() if case.name in ONE_OF_EACH else pytest.mark.slow)
        for case in CASES
    ],
)
