"""When the gradient derived by hand stands in for the loop over `step`, and when it must not."""

import numpy as np
import pytest
from keras import ops

import kseq.cells
from kseq.layers import RNN
from tests.bptt_cases import (
    BATCH,
    CASES,
    FEATURES,
    MASKS,
    UNITS,
    X,
    derived_path,
    found_by,
    no_derived_path,
    plain,
)
from tests.bptt_cases import layer_results as results_of
from tests.helpers import assert_all_close, flat, randomise


class OwnStep(kseq.cells.SimpleRNNCell):
    """A leaky unit."""

    def step(self, projected, states, dropped=None):
        output, states = super().step(projected, states, dropped)
        h = 0.5 * output + 0.1
        return h, [h]


class OwnProject(kseq.cells.GRUCell):
    """The input counts twice."""

    def project(self, inputs):
        return 2.0 * super().project(inputs)


class NeitherOfItsOwn(kseq.cells.LSTMCell):
    """Changes no equation."""


def layer_of(cell):
    layer = RNN(cell, return_sequences=True, return_state=True)
    layer.build((None, None, FEATURES))
    return randomise(layer)


@pytest.mark.parametrize("name", CASES)
def test_every_cell_with_known_activations_has_it(name):
    assert CASES[name].make().cell.why_not_derived() is None


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (OwnStep(UNITS), "OwnStep defines a `step` of its own"),
        (OwnProject(UNITS), "OwnProject defines a `project` of its own"),
        (kseq.cells.JordanRNNCell(UNITS), "no gradient is derived for JordanRNNCell"),
        (kseq.cells.LSTMCell(UNITS, activation="gelu"), "activation"),
        (kseq.cells.GRUCell(UNITS, recurrent_activation="softsign"), "activation"),
        (kseq.cells.SimpleRNNCell(UNITS, activation=lambda x: x), "activation"),
    ],
    ids=["own_step", "own_project", "jordan", "gelu", "softsign", "lambda"],
)
@pytest.mark.parametrize("training", [True, False], ids=["training", "inference"])
def test_the_others_say_why_not_and_keep_to_their_own_step(cell, reason, training, monkeypatch):
    assert reason in cell.why_not_derived()
    layer = layer_of(cell)
    with no_derived_path(monkeypatch):
        found = found_by(lambda *a: results_of(*a, MASKS["gaps"], training), layer)
    assert_all_close(found, found_by(lambda *a: plain(*a, MASKS["gaps"]), layer))


@pytest.mark.parametrize("make", [OwnStep, OwnProject])
def test_a_subclass_gives_its_own_results(make):
    """Step by step in the cell's own words, and unlike the class it comes from."""
    layer, parent = layer_of(make(UNITS)), layer_of(make.__base__(UNITS))
    x, h = ops.convert_to_tensor(X), ops.zeros((BATCH, UNITS))
    found, other = (flat(results_of(one, x, [h]))[0] for one in (layer, parent))
    states, outputs = [h], []
    for t in range(X.shape[1]):
        output, states = layer.cell(x[:, t], states)
        outputs.append(flat(output)[0])
    np.testing.assert_allclose(found, np.stack(outputs, axis=1), rtol=1e-5, atol=1e-6)
    assert not np.allclose(found, other, atol=1e-2)


def test_a_subclass_that_changes_no_equation_keeps_it(monkeypatch):
    layer = layer_of(NeitherOfItsOwn(UNITS))
    with derived_path(monkeypatch):
        found = found_by(lambda *a: results_of(*a, MASKS["gaps"]), layer)
    assert_all_close(found, found_by(lambda *a: plain(*a, MASKS["gaps"]), layer))


def test_unroll_writes_out_the_steps_instead(monkeypatch):
    layer = CASES["lstm"].make(unroll=True)
    with no_derived_path(monkeypatch):
        found = found_by(lambda *a: results_of(*a, MASKS["gaps"]), layer)
    assert_all_close(found, found_by(lambda *a: plain(*a, MASKS["gaps"]), layer))
