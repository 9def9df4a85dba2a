"""The recurrent layers of `keras.layers` in the loops of `kseq`, for the time of a trace."""

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import keras
from keras import ops

from kseq.ops.bptt import sequence
from kseq.ops.gru import GRU, GRUResetBefore
from kseq.ops.lstm import LSTM
from kseq.ops.recurrence import Recurrence
from kseq.ops.simple_rnn import SimpleRNN
from kseq.ops.unfold import unfold


@contextlib.contextmanager
def in_our_loops() -> Iterator[None]:
    """Inside, Keras's LSTM, GRU and SimpleRNN project their inputs at once, and may become one operation."""
    layers = (keras.layers.LSTM, keras.layers.GRU, keras.layers.SimpleRNN)
    before = {layer: layer.__dict__.get("inner_loop") for layer in layers}
    for layer in layers:
        layer.inner_loop = _inner_loop(layer.inner_loop)
    try:
        yield
    finally:
        for layer, method in before.items():
            if method is None:
                del layer.inner_loop
            else:
                layer.inner_loop = method


def _inner_loop(theirs: Callable) -> Callable:
    def run(layer: Any, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> tuple:
        known = _RECURRENCES.get(type(layer.cell))
        if known is None or layer.unroll:
            return theirs(layer, sequences, initial_state, mask, training)
        recurrence, weights = known(layer.cell)
        states = tuple(initial_state) if isinstance(initial_state, (list, tuple)) else (initial_state,)
        collect = layer.return_sequences
        last, outputs, states = unfold(
            recurrence.step,
            sequences,
            states,
            ops.zeros_like(states[0]),
            sequence=functools.partial(_sequence, recurrence, weights, collect),
            mask=mask,
            go_backwards=layer.go_backwards,
            zero_output_for_mask=layer.zero_output_for_mask,
            return_sequences=collect,
        )
        return last, last if outputs is None else outputs, list(states)

    return run


def _sequence(
    recurrence: Recurrence, weights: dict, collect: bool, inputs: Any, states: tuple, mask: Any
) -> tuple:
    return sequence(recurrence, inputs, states, weights, mask=mask, keep=False, collect=collect)


def _lstm(cell: Any) -> tuple[Recurrence, dict]:
    return LSTM(cell.activation, cell.recurrent_activation), _weights(cell, cell.bias)


def _gru(cell: Any) -> tuple[Recurrence, dict]:
    form = GRU if cell.reset_after else GRUResetBefore
    two = cell.use_bias and cell.reset_after
    weights = _weights(cell, cell.bias[0] if two else cell.bias)
    if two:
        weights["recurrent"] += (ops.convert_to_tensor(cell.bias)[1],)
    return form(cell.activation, cell.recurrent_activation), weights


def _simple_rnn(cell: Any) -> tuple[Recurrence, dict]:
    return SimpleRNN(cell.activation), _weights(cell, cell.bias)


def _weights(cell: Any, bias: Any) -> dict:
    bias = None if bias is None else ops.convert_to_tensor(bias)
    recurrent = (ops.convert_to_tensor(cell.recurrent_kernel),)
    return {"kernel": ops.convert_to_tensor(cell.kernel), "bias": bias, "recurrent": recurrent}


_RECURRENCES = {
    keras.layers.LSTMCell: _lstm,
    keras.layers.GRUCell: _gru,
    keras.layers.SimpleRNNCell: _simple_rnn,
}
