"""Conversion: what comes out, what is refused, and what is told."""

import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from kseq.errors import UserError
from kseq.export.litert import child, flatbuffer
from kseq.export.litert.convert import convert, converted
from kseq.export.litert.fuse import fuse
from kseq.export.litert.variants import variant
from kseq.export.saved_model import Endpoint, ExportError
from kseq.layers import LSTM, Bidirectional, PeepholeLSTM
from tests.helpers import normal, randomise


def sequential(*layers, features=3):
    model = keras.Sequential([keras.Input((None, features), name="x"), *layers])
    return randomise(model, scale=0.5)


def test_a_model_of_our_layers_and_of_keras_in_a_child_process(tmp_path):
    model = sequential(
        keras.layers.Masking(),
        Bidirectional(PeepholeLSTM(4, return_sequences=True, peephole_initializer="normal")),
        keras.layers.LSTM(5, return_sequences=True),
        LSTM(4, activation="relu"),
        keras.layers.Dense(2),
    )
    probes = [{"x": normal(1, time, 3, seed=time)} for time in (6, 9)]
    probes[0]["x"][:, 4:] = 0.0  # padding
    probes[1]["x"][:, 2:4] = 0.0
    done = convert(model, tmp_path / "deep" / "model.tflite", probes=probes)
    assert done.path.stat().st_size == done.bytes
    assert done.operations["UNIDIRECTIONAL_SEQUENCE_LSTM"] == 4
    assert max(done.difference.values()) < 1e-5
    assert not any(name.startswith(("Flex", "[")) for name in done.operations)
    lines = done.explain().splitlines()
    assert len(lines) == 4 and "LSTM with peepholes, fused" in lines[0]
    run = Interpreter(str(done.path)).get_signature_runner("serve")
    for x in probes * 2:
        np.testing.assert_allclose(run(**x)["output"], model(x["x"]), atol=1e-5)


def stepper(layer):
    """A layer as a stream: states in and out."""
    specs = [
        tf.TensorSpec(shape, name=name) for name, shape in (("x", [1, None, 3]), ("h", [1, 4]), ("c", [1, 4]))
    ]

    def step(x, h, c):
        y, h, c = layer(x, initial_state=[h, c])
        return {"y": y, "h": h, "c": c}

    return Endpoint("step", step, specs)


def test_states_go_in_and_out_of_the_fused_operation(in_process, tmp_path):
    layer = PeepholeLSTM(4, return_sequences=True, return_state=True)
    layer.build((1, None, 3))
    randomise(layer)
    endpoint = stepper(layer)
    probes = [{"x": normal(1, n, 3, seed=n), "h": normal(1, 4), "c": normal(1, 4, seed=2)} for n in (1, 5)]
    with converted([endpoint], {"step": probes}, track=[layer]) as (found,):
        assert found.operations["UNIDIRECTIONAL_SEQUENCE_LSTM"] == 1
        assert max(found.difference.values()) < 1e-5
        run = Interpreter(str(found.path)).get_signature_runner("step")
        x = normal(1, 9, 3, seed=3)
        states = {"h": np.zeros((1, 4), "float32"), "c": np.zeros((1, 4), "float32")}
        pieces = []
        for part in (x[:, :4], x[:, 4:5], x[:, 5:]):
            states = {name: np.array(value) for name, value in run(x=part, **states).items()}
            pieces.append(states.pop("y"))
    np.testing.assert_allclose(np.concatenate(pieces, axis=1), layer(x)[0], atol=1e-5)


def test_numbers_that_are_none_leave_no_trace(in_process, tmp_path):
    model = sequential(LSTM(4, return_sequences=True))
    done = convert(model, tmp_path / "model.tflite")
    run = Interpreter(str(done.path)).get_signature_runner("serve")
    x = normal(1, 5, 3)
    assert np.isnan(run(x=np.full((1, 5, 3), np.nan, "float32"))["output"]).any()
    np.testing.assert_allclose(run(x=x)["output"], model(x), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("layer", "options", "reason"),
    [
        (LSTM(4, recurrent_activation="hard_sigmoid"), {}, "LiteRT's gates are sigmoids"),
        (LSTM(4, activation="sigmoid"), {}, "LiteRT knows the activations tanh and relu"),
        (LSTM(4), {"form": "loop"}, "asked for"),
    ],
)
def test_what_stays_a_loop_says_why(in_process, tmp_path, layer, options, reason):
    done = convert(sequential(layer), tmp_path / "model.tflite", **options)
    assert reason in done.explain()
    assert done.operations["WHILE"] == 1 and "UNIDIRECTIONAL_SEQUENCE_LSTM" not in done.operations


@pytest.mark.slow
def test_a_wanted_memory_cell_of_a_masked_sequence_makes_it_a_loop(in_process, tmp_path):
    x = keras.Input((None, 3), name="x")
    _, _, c = LSTM(4, return_state=True)(keras.layers.Masking()(x))
    done = convert(randomise(keras.Model(x, c)), tmp_path / "model.tflite")
    assert "memory cell" in done.explain() and done.operations["WHILE"] == 1


@keras.saving.register_keras_serializable("tests")
class Determinant(keras.layers.Layer):
    def call(self, x):
        return tf.linalg.det(tf.matmul(x, x, transpose_a=True))


def test_an_operation_that_litert_lacks_is_named(in_process, tmp_path):
    with pytest.raises(ExportError, match="no builtin operation for MatrixDeterminant"):
        convert(sequential(Determinant()), tmp_path / "model.tflite")
    assert not list(tmp_path.iterdir())


def test_a_crash_a_failure_and_a_slow_conversion_are_errors(tmp_path, monkeypatch):
    codes = {
        "crashed, by signal 11": f"import os; os.kill(os.getpid(), {signal.SIGSEGV})",
        "failed: RuntimeError: no luck": "raise RuntimeError('no luck')",
        "longer than 0.5 seconds": "import time; time.sleep(20)",
    }
    original = subprocess.run
    for message, code in codes.items():
        monkeypatch.setattr(
            child.subprocess, "run", lambda _, code=code, **kw: original([sys.executable, "-c", code], **kw)
        )
        with pytest.raises(ExportError, match=message):
            child.run_worker(tmp_path, 0.5 if "sleep" in code else 60.0)


def test_options_that_make_no_sense(tmp_path):
    model, path = sequential(LSTM(4)), tmp_path / "model.tflite"
    for options, message in (
        ({"variant": "int9"}, "`variant` must be one of"),
        ({"variant": "int8"}, "`form` must be 'unrolled' for the variant int8"),
        ({"form": "unrolled"}, "`time` must be given for the form 'unrolled'"),
        ({"probes": [{"y": normal(1, 2, 3)}]}, "`probes` must have the inputs"),
        ({"form": "fast"}, "`form` must be one of"),
        ({"batch": 0}, "`batch` must be positive"),
        ({"time": -1}, "`time` must be positive"),
    ):
        with pytest.raises(UserError, match=message):
            convert(model, path, **options)
    with pytest.raises(UserError, match="`inputs` must say what the model takes"):
        convert(keras.Sequential([LSTM(4)]), path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["float16", "dynamic_range", "int8"])
def test_variants(in_process, tmp_path, name):
    model = sequential(PeepholeLSTM(32, return_sequences=True), features=32)
    plain = convert(model, tmp_path / "plain.tflite", time=6)
    form = "unrolled" if variant(name).calibrated else "fused"
    done = convert(model, tmp_path / "model.tflite", time=6, variant=name, form=form)
    assert 0 < max(done.difference.values()) < {"float16": 5e-3, "dynamic_range": 0.05, "int8": 0.3}[name]
    if form == "fused":
        assert done.bytes < {"float16": 0.65, "dynamic_range": 0.45}[name] * plain.bytes


@pytest.mark.slow
def test_a_batch_of_several_rows(in_process, tmp_path):
    done = convert(
        sequential(keras.layers.Masking(), LSTM(4, cell_clip=0.3)), tmp_path / "model.tflite", batch=3, time=5
    )
    assert done.operations["UNIDIRECTIONAL_SEQUENCE_LSTM"] == 1 and max(done.difference.values()) < 1e-5


@pytest.mark.slow
def test_a_file_goes_through_objects_unchanged(in_process, tmp_path):
    done = convert(sequential(LSTM(4)), tmp_path / "model.tflite")
    content = done.path.read_bytes()
    model = flatbuffer.read(content)
    assert fuse(model, {}) == []
    assert flatbuffer.write(model) == content
