"""What goes into a Keras model."""

from kseq.layers.bidirectional import Bidirectional
from kseq.layers.recurrent import GRU, LSTM, RNN, JordanRNN, PeepholeLSTM, SimpleRNN
from kseq.layers.stacked import Stacked

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Bidirectional",
    "JordanRNN",
    "PeepholeLSTM",
    "SimpleRNN",
    "Stacked",
]
