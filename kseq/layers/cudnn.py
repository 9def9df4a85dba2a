"""When cuDNN runs a recurrent layer, and how."""

from typing import Any

import keras
from keras import ops

from kseq.cells import GRUCell, LSTMCell
from kseq.ops.plan import has_gpu, is_portable

Tensor = Any


def why_not(layer: Any, *, masked: bool, training: bool) -> str | None:
    """None if cuDNN computes what the layer does, otherwise the first reason why it does not.

    With a mask the answer still depends on the mask: `fits` tells, when it is known.
    """
    cell = layer.cell
    if not layer.use_cudnn:
        return "use_cudnn is False"
    if type(cell) not in (LSTMCell, GRUCell):
        return f"cuDNN does not know {type(cell).__name__}"
    activations = keras.activations.tanh, keras.activations.sigmoid
    if (cell.activation, cell.recurrent_activation) != activations or not cell.use_bias:
        return "cuDNN knows tanh and sigmoid with biases only"
    if isinstance(cell, GRUCell) and not (cell.reset_after and cell.use_reset_gate):
        return "cuDNN knows the GRU with reset_after=True only"
    if isinstance(cell, LSTMCell) and cell.cell_clip is not None:
        return "cuDNN does not clip the cell"
    if isinstance(cell, LSTMCell) and cell.coupled_gates:
        return "cuDNN does not couple gates"
    if training and cell.recurrent_dropout:
        return "cuDNN has no recurrent dropout"
    if training and cell.weight_dropout:
        return "cuDNN has no weight dropout"
    if layer.unroll:
        return "unroll is True"
    if masked and layer.go_backwards:
        return "cuDNN does not read padded sequences from their end"
    if masked and layer.return_sequences and not layer.zero_output_for_mask:
        return "cuDNN gives zeros at masked steps"
    return _no_device()


def _no_device() -> str | None:
    if is_portable():
        return "an export must run anywhere"
    if keras.backend.backend() != "tensorflow":
        return f"the {keras.backend.backend()} backend compiles the loop"
    return None if has_gpu() else "there is no GPU"


def fits(mask: Tensor) -> Tensor:
    """Whether cuDNN can read a mask `(batch, time)`: padding on the right only, and no empty row."""
    mask = ops.cast(mask, "bool")
    right = ops.all(ops.logical_or(mask[:, :-1], ops.logical_not(mask[:, 1:])))
    return ops.logical_and(right, ops.all(mask[:, 0]))


def stock_layer(layer: Any) -> Any:
    """The layer of Keras that takes the cuDNN path for `layer`, without weights; None if there is none."""
    kinds = {LSTMCell: keras.layers.LSTM, GRUCell: keras.layers.GRU}
    kind = kinds.get(type(layer.cell))
    if kind is None or _no_device():
        return None
    return kind(layer.cell.units, use_cudnn="auto", dtype=layer.dtype_policy)


def run(
    layer: Any, stock: Any, sequences: Tensor, states: list, mask: Tensor | None, training: bool
) -> tuple:
    """The inner loop of `layer`, run by `stock` on the weights of `layer`."""
    cell = layer.cell
    for name in ("kernel", "recurrent_kernel", "bias"):
        setattr(stock.cell, name, getattr(cell, name))
    stock.cell.built = True
    stock.return_sequences, stock.go_backwards = layer.return_sequences, layer.go_backwards
    inputs = cell.drop_inputs(ops.cast(sequences, layer.compute_dtype), training)
    last, outputs, states = stock.inner_loop(inputs, states, mask, training=False)
    if mask is not None and layer.zero_output_for_mask:
        last = ops.where(mask[:, -1:], last, ops.zeros_like(last))
        outputs = ops.where(mask[..., None], outputs, ops.zeros_like(outputs))
    return last, outputs, list(states)
