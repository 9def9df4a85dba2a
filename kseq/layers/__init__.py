"""What goes into a Keras model."""

from kseq.layers.attention import Attention
from kseq.layers.bidirectional import Bidirectional
from kseq.layers.crf import CRF, CRFDecoder
from kseq.layers.pooling import AttentionPooling, SequencePooling
from kseq.layers.recurrent import GRU, LSTM, RNN, JordanRNN, PeepholeLSTM, SimpleRNN
from kseq.layers.stacked import Stacked

__all__ = [
    "CRF",
    "GRU",
    "LSTM",
    "RNN",
    "Attention",
    "AttentionPooling",
    "Bidirectional",
    "CRFDecoder",
    "JordanRNN",
    "PeepholeLSTM",
    "SequencePooling",
    "SimpleRNN",
    "Stacked",
]
