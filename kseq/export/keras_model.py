"""A Keras model as a signature."""

from typing import Any

import keras
import tensorflow as tf

from kseq.errors import UserError
from kseq.export.saved_model import Endpoint


def endpoint_of(model: keras.Model, inputs: Any, batch: int | None, time: int | None) -> Endpoint:
    """The signature `serve`, with the names of the inputs that the model was built from.

    Args:
        model: a built model.
        inputs: structure of what it takes, batch first; None: of what it was built from.
        batch: rows of a batch; None: any number.
        time: steps of a sequence where the model leaves them free; None: any number.

    Raises:
        UserError: nobody says what the model takes.
    """
    if inputs is None:
        inputs = _built_from(model)
    flat = keras.tree.flatten(inputs)
    specs = []
    for n, x in enumerate(flat):
        shape = [batch, *x.shape[1:]]
        if len(shape) > 1 and shape[1] is None:
            shape[1] = time
        specs.append(tf.TensorSpec(shape, x.dtype, x.name or f"input_{n}"))

    def serve(*tensors: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = model(keras.tree.pack_sequence_as(inputs, list(tensors)), training=False)
        if isinstance(outputs, dict):
            return outputs
        flat = keras.tree.flatten(outputs)
        return {"output" if len(flat) == 1 else f"output_{n}": x for n, x in enumerate(flat)}

    return Endpoint("serve", serve, specs)


def _built_from(model: keras.Model) -> Any:
    try:
        return model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    except (AttributeError, TypeError, ValueError):  # each kind of model says so in its own way
        raise UserError(
            "`inputs` must say what the model takes: it was not built from `keras.Input`"
        ) from None
