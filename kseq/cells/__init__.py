"""One step of time, one cell a file."""

from typing import Any

from kseq.cells.base import Cell
from kseq.cells.echo_state import EchoStateCell
from kseq.cells.gru import GRUCell
from kseq.cells.jordan_rnn import JordanRNNCell
from kseq.cells.layer_norm_lstm import LayerNormLSTMCell
from kseq.cells.lstm import LSTMCell, PeepholeLSTMCell
from kseq.cells.nas import NASCell
from kseq.cells.simple_rnn import SimpleRNNCell
from kseq.cells.stacked import StackedCell
from kseq.errors import one_of

__all__ = [
    "EchoStateCell",
    "GRUCell",
    "JordanRNNCell",
    "LSTMCell",
    "LayerNormLSTMCell",
    "NASCell",
    "PeepholeLSTMCell",
    "SimpleRNNCell",
    "StackedCell",
]

#: cells by the name that configurations use, each with the options that the name stands for
NAMES: dict[str, tuple[type[Cell], dict[str, Any]]] = {
    "simple_rnn": (SimpleRNNCell, {}),
    "jordan_rnn": (JordanRNNCell, {}),
    "lstm": (LSTMCell, {}),
    "coupled_lstm": (LSTMCell, {"coupled_gates": True}),
    "peephole_lstm": (PeepholeLSTMCell, {}),
    "layer_norm_lstm": (LayerNormLSTMCell, {}),
    "nas": (NASCell, {}),
    "gru": (GRUCell, {}),
    "simple_gru": (GRUCell, {"use_reset_gate": False}),
}


def get(name: str, units: int, **options: Any) -> Cell:
    """Make a cell by its name.

    Args:
        name: one of `kseq.cells.NAMES`.
        units: width of the cell.
        **options: further arguments of the cell.

    Raises:
        UserError: on a name that is no cell's.

    Example:
        >>> get("peephole_lstm", 8).state_size
        [8, 8]
    """
    cell_class, preset = NAMES[one_of("cell", name, NAMES)]
    return cell_class(units, **{**preset, **options})
