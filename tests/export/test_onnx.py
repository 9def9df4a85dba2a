"""ONNX files against their models."""

import keras
import numpy as np
import pytest

from kseq.errors import UserError
from kseq.export import onnx
from kseq.layers import GRU, Bidirectional, PeepholeLSTM
from tests.helpers import normal, randomise


@pytest.mark.slow
def test_a_model_of_any_batch_and_length(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx")
    layers = [Bidirectional(PeepholeLSTM(4, return_sequences=True)), GRU(3), keras.layers.Dense(2)]
    model = randomise(keras.Sequential([keras.Input((None, 3), name="x"), keras.layers.Masking(), *layers]))
    assert max(onnx.convert(model, tmp_path / "model.onnx").values()) < 1e-5
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    x = normal(4, 9, 3)
    x[1, 5:] = 0.0
    np.testing.assert_allclose(session.run(None, {"x": x})[0], model(x), atol=1e-5)


def test_what_is_missing_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tf2onnx", None)
    with pytest.raises(UserError, match=r"pip install 'kseq\[onnx\]'"):
        onnx.convert(keras.Sequential([keras.Input((None, 3)), GRU(3)]), tmp_path / "model.onnx")
