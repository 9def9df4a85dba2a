"""The recurrent layers of `keras.layers` as those of `kseq`, for the time of a trace."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from kseq.cells import GRUCell, LSTMCell, SimpleRNNCell
from kseq.cells.base import Cell, unfold_cell

_TWINS = {keras.layers.LSTM: LSTMCell, keras.layers.GRU: GRUCell, keras.layers.SimpleRNN: SimpleRNNCell}
_OPTIONS = ("units", "use_bias", "activation", "recurrent_activation", "reset_after")
_WEIGHTS = ("kernel", "recurrent_kernel", "bias")


@contextlib.contextmanager
def as_ours() -> Iterator[None]:
    """Inside, Keras's LSTM, GRU and SimpleRNN run the loops of `kseq`, on the same weights."""
    before = {stock: stock.__dict__.get("inner_loop") for stock in _TWINS}
    for stock in _TWINS:
        stock.inner_loop = _inner_loop
    try:
        yield
    finally:
        for stock, method in before.items():
            if method is None:
                del stock.inner_loop
            else:
                stock.inner_loop = method


def _inner_loop(layer: Any, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> tuple:
    states = initial_state if isinstance(initial_state, (list, tuple)) else [initial_state]
    last, outputs, states = unfold_cell(
        _twin(layer),
        sequences,
        list(states),
        training=False,
        mask=mask,
        go_backwards=layer.go_backwards,
        zero_output_for_mask=layer.zero_output_for_mask,
        return_sequences=layer.return_sequences,
        unroll=layer.unroll,
    )
    return last, last if outputs is None else outputs, states


def _twin(layer: Any) -> Cell:
    kind = next(ours for stock, ours in _TWINS.items() if isinstance(layer, stock))
    options = {name: getattr(layer.cell, name) for name in _OPTIONS if hasattr(layer.cell, name)}
    with tf.init_scope():  # what a cell makes for dropout must not be born inside the graph
        cell = kind(**options, dtype=layer.dtype_policy)
    for name in _WEIGHTS:
        setattr(cell, name, getattr(layer.cell, name, None))
    cell.built = True
    return cell
