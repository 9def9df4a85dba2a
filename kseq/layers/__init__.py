"""What goes into a Keras model."""

from kseq.layers.attention import Attention
from kseq.layers.bidirectional import Bidirectional
from kseq.layers.crf import CRF, CRFDecoder
from kseq.layers.jordan_rnn import JordanRNN
from kseq.layers.pooling import AttentionPooling, SequencePooling
from kseq.layers.recurrent import GRU, LSTM, NAS, RNN, EchoState, LayerNormLSTM, PeepholeLSTM, SimpleRNN
from kseq.layers.stacked import Stacked

__all__ = [
    "CRF",
    "GRU",
    "LSTM",
    "NAS",
    "RNN",
    "Attention",
    "AttentionPooling",
    "Bidirectional",
    "CRFDecoder",
    "EchoState",
    "JordanRNN",
    "LayerNormLSTM",
    "PeepholeLSTM",
    "SequencePooling",
    "SimpleRNN",
    "Stacked",
]
