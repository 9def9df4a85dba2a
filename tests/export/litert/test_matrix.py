"""Every public cell: in one direction, in two, stacked; with a mask and without; in two kinds of numbers."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

import kseq.cells
from kseq import cells
from kseq.export.litert.convert import converted
from kseq.export.probes import drawn
from kseq.export.saved_model import Endpoint
from kseq.layers import RNN, Bidirectional, Stacked
from tests.helpers import randomise

UNITS = 32  # so that the kernels are large enough to be quantised
CELLS = {
    "SimpleRNNCell": lambda: cells.SimpleRNNCell(UNITS),
    "JordanRNNCell": lambda: cells.JordanRNNCell(UNITS, UNITS),
    "LSTMCell": lambda: cells.LSTMCell(UNITS),
    "LSTMCell_coupled": lambda: cells.LSTMCell(UNITS, coupled_gates=True),
    "LayerNormLSTMCell": lambda: cells.LayerNormLSTMCell(UNITS),
    "NASCell": lambda: cells.NASCell(UNITS),
    "EchoStateCell": lambda: cells.EchoStateCell(UNITS),
    "PeepholeLSTMCell": lambda: cells.PeepholeLSTMCell(UNITS),
    "GRUCell": lambda: cells.GRUCell(UNITS),
    "GRUCell_simple": lambda: cells.GRUCell(UNITS, use_reset_gate=False),
    "StackedCell": lambda: cells.StackedCell([cells.LSTMCell(UNITS), cells.GRUCell(UNITS)]),
}
FORMS = {
    "one": lambda cell: RNN(cell(), return_sequences=True),
    "two": lambda cell: Bidirectional(RNN(cell(), return_sequences=True)),
    "stacked": lambda cell: Stacked([cell(), cell()], return_sequences=True),
}
VARIANTS = ("float32", "dynamic_range")
FUSED = {"one": 1, "two": 2, "stacked": 2}


def endpoint(layer, name, masked):
    specs = [tf.TensorSpec([1, None, UNITS], name="x")]
    if masked:
        specs.append(tf.TensorSpec([1, None], tf.bool, "mask"))
    return Endpoint(name, lambda x, mask=None: {"y": layer(x, mask=mask)}, specs)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """One file a variant, with a signature for each combination; converted together, as that is faster."""
    layers, endpoints = [], []
    for cell, make in CELLS.items():
        for form, wrap in FORMS.items():
            layer = wrap(make)
            layer.build((None, None, UNITS))
            layers.append(randomise(layer, len(layers), scale=0.15))
            endpoints += [
                endpoint(layer, f"{cell}-{form}-{mask}", mask == "masked") for mask in ("masked", "plain")
            ]
    probes = {e.name: drawn(e.inputs, seed=n) for n, e in enumerate(endpoints)}
    folder = tmp_path_factory.mktemp("matrix")
    with converted(endpoints, probes, track=layers, variants=VARIANTS, timeout=3000) as found:
        for one in found:
            (folder / one.variant).write_bytes(one.path.read_bytes())
        yield {one.variant: one for one in found}, {v: folder / v for v in VARIANTS}, probes


@pytest.mark.slow
def test_every_combination_converts_and_agrees(files, record_property):
    found, paths, probes = files
    covered = {name.partition("_")[0] for name in CELLS}
    assert covered == {name for name in kseq.cells.__all__ if name != "Cell"}
    assert len(probes) == len(CELLS) * len(FORMS) * 2
    for variant, one in found.items():
        assert len(one.difference) == len(probes)
        limit = 1e-5 if variant == "float32" else 0.1
        assert {name: gap for name, gap in one.difference.items() if not gap < limit} == {}, variant
        assert Interpreter(str(paths[variant])).get_signature_list().keys() == probes.keys()
    record_property("combinations", len(probes) * len(VARIANTS))
    # LSTM, the one with peepholes, and the one in the stack: each plain and masked
    lstms = 2 * sum(FUSED.values()) * 3
    for one in found.values():
        assert one.operations["UNIDIRECTIONAL_SEQUENCE_LSTM"] == lstms
    assert paths["dynamic_range"].stat().st_size < 0.7 * paths["float32"].stat().st_size


@pytest.mark.slow
def test_a_hundred_alternating_invocations(files):
    _, paths, probes = files
    for path in paths.values():
        interpreter = Interpreter(str(path), num_threads=1)
        for name, inputs in probes.items():
            run = interpreter.get_signature_runner(name)
            first = [np.array(run(**x)["y"]) for x in inputs[:2]]
            for n in range(100):
                np.testing.assert_array_equal(run(**inputs[n % 2])["y"], first[n % 2], err_msg=name)


@pytest.mark.slow
def test_stock_layers_of_keras(in_process):
    layers = [
        keras.layers.LSTM(8, return_sequences=True),
        keras.layers.Bidirectional(keras.layers.LSTM(8, return_sequences=True)),
        keras.layers.GRU(8, return_sequences=True),
        keras.layers.GRU(8, reset_after=False, go_backwards=True, return_sequences=True),
        keras.layers.SimpleRNN(8, return_sequences=True, use_bias=False),
        keras.layers.RNN([keras.layers.LSTMCell(8), keras.layers.GRUCell(8)], return_sequences=True),
    ]
    endpoints = []
    for n, layer in enumerate(layers):
        layer.build((None, None, UNITS))
        randomise(layer, n, scale=0.3)
        endpoints += [endpoint(layer, f"{n}-{mask}", mask == "masked") for mask in ("masked", "plain")]
    probes = {e.name: drawn(e.inputs) for e in endpoints}
    with converted(endpoints, probes, track=layers) as (found,):
        assert max(found.difference.values()) < 1e-5
        assert found.operations["UNIDIRECTIONAL_SEQUENCE_LSTM"] == 6
