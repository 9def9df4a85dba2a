"""Deep recurrence."""

from typing import Any

import keras

from kseq.cells import StackedCell
from kseq.cells.stacked import with_cells
from kseq.layers.recurrent import RNN, forward_to_cell

_OF_CELL = ("cells", "num_layers", "residual", "dropout", "seed")


@keras.saving.register_keras_serializable("kseq")
class Stacked(RNN):
    """A deep recurrent network: layers one above the other, their states in and out together.

        y_1 = rnn_1(x),   y_l = rnn_l(dropout(y_(l-1))) [+ y_(l-1)]        l = 2 .. layers

    Args:
        cells: a list of cells, or one cell that is copied `num_layers` times.
        num_layers: number of copies of a single cell.
        residual: add a layer's input to its output, from the second layer on.
        dropout: fraction of the features dropped between layers, one mask a sequence.
        seed: of the dropout masks.
        **kwargs: as in `kseq.layers.RNN`, whose call arguments hold here too.

    Returns:
        As `kseq.layers.RNN`; with `return_state`, `(output, *states)` with one entry per layer,
        each a list of that layer's states. `initial_state` takes the same structure.

    Example:
        >>> from kseq.cells import LSTMCell
        >>> layer = Stacked(LSTMCell(4), num_layers=2, return_state=True)
        >>> output, (h1, c1), (h2, c2) = layer(keras.ops.ones((2, 5, 3)))
        >>> tuple(h2.shape)
        (2, 4)
    """

    def __init__(
        self,
        cells: Any,
        num_layers: int | None = None,
        *,
        residual: bool = False,
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        cell = StackedCell(
            cells,
            num_layers,
            residual=residual,
            dropout=dropout,
            seed=seed,
            dtype=kwargs.get("dtype"),
        )
        super().__init__(cell, **kwargs)

    def get_config(self) -> dict:
        config = super().get_config()
        del config["cell"]
        stack = self.cell.get_config()
        return {**config, **{name: stack[name] for name in _OF_CELL}}

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> "Stacked":
        return cls(**with_cells(config, custom_objects))


forward_to_cell(Stacked, _OF_CELL)
