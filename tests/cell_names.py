"""The names of cells that models take, those that repeat what another one tests marked slow."""

import pytest

from kseq import cells

QUICK = ("simple_rnn", "jordan_rnn", "lstm", "gru")

every_cell_name = pytest.mark.parametrize(
    "cell", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in cells.NAMES]
)
