"""A Keras model as an ONNX file, checked with onnxruntime; needs `pip install kseq[onnx]`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kseq.environment import quiet_tensorflow
from kseq.errors import UserError
from kseq.export.keras_model import endpoint_of
from kseq.export.probes import drawn, gap
from kseq.export.saved_model import refuse
from kseq.files import replacing
from kseq.ops.lowering import Target, traced_for
from kseq.ops.plan import portable

OPSET = 17


def convert(
    model: keras.Model,
    path: str | Path,
    *,
    inputs: Any = None,
    probes: Sequence[Mapping[str, np.ndarray]] | None = None,
) -> dict[str, float]:
    """Write a Keras model as an ONNX file of any batch size and any number of steps, equal to the model.

    Args:
        model: a built model, of our layers or of Keras's.
        path: of the file.
        inputs: structure of what the model takes, where it does not tell, batch first.
        probes: inputs by name on which model and file are compared; random ones if None.

    Returns:
        The largest difference of each output, relative to the larger of 1 and the value.

    Raises:
        UserError: tf2onnx or onnxruntime is not there, or the model is not built.
        ExportError: the file does not give the model's numbers.
    """
    try:
        import onnxruntime
        import tf2onnx
    except ImportError as error:
        raise UserError(f"an ONNX export needs {error.name}: pip install 'kseq[onnx]'") from None
    endpoint = endpoint_of(model, inputs, None, None)
    names = [spec.name for spec in endpoint.inputs]
    probes = drawn(endpoint.inputs) if probes is None else list(probes)
    expected = [endpoint.function(*(tf.constant(x[name]) for name in names)) for x in probes]
    function = tf.function(endpoint.function, input_signature=endpoint.inputs)
    with quiet_tensorflow(), portable(), traced_for(Target(double=False)):
        made, _ = tf2onnx.convert.from_function(function, input_signature=endpoint.inputs, opset=OPSET)
    session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    answers = [dict(zip(expected[0], session.run(list(expected[0]), x), strict=True)) for x in probes]
    found = {
        key: max(gap(a[key], np.asarray(b[key])) for a, b in zip(answers, expected, strict=True))
        for key in expected[0]
    }
    refuse(found, "ONNX model")
    with replacing(path) as temporary:
        temporary.write_bytes(made.SerializeToString())
    return found
