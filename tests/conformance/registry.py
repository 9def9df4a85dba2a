"""One entry for every public cell and layer: how to make a small instance of it.

A new public class without an entry fails `test_conformance.py`.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras

import kseq.cells
import kseq.layers
from kseq.cells import GRUCell, LSTMCell, PeepholeLSTMCell, StackedCell

#: input features of every entry
FEATURES = 3


@dataclasses.dataclass(frozen=True)
class Entry:
    """A public class and how to call it.

    Attributes:
        layer_class: the class.
        arguments: makes the arguments of a plain instance, for numeric checks.
        options: makes further arguments, so that the two together give every argument of the
            class a value that is not its default.
        excepted: arguments of a base class that are none of this class's configuration.
    """

    layer_class: type
    arguments: Callable[[], dict[str, Any]]
    options: Callable[[], dict[str, Any]]
    excepted: tuple[str, ...] = ()

    @property
    def is_cell(self):
        return self.layer_class.__name__ in kseq.cells.__all__

    def make(self, **arguments):
        """Returns a plain instance."""
        return self.layer_class(**{**self.arguments(), **arguments})

    def make_with_all_options(self):
        """Returns an instance with no argument at its default."""
        return self.layer_class(**{**self.arguments(), **self.options()})

    def as_layer(self, thing=None, **arguments):
        """Returns a layer that maps (batch, time, features) to (batch, time, k)."""
        thing = self.make(**arguments) if thing is None else thing
        return kseq.layers.RNN(thing, return_sequences=True) if self.is_cell else thing


def _cell_options():
    return {
        "use_bias": False,
        "kernel_initializer": keras.initializers.RandomNormal(stddev=0.3, seed=1),
        "recurrent_initializer": "he_normal",
        "bias_initializer": keras.initializers.Constant(0.5),
        "kernel_regularizer": keras.regularizers.L2(0.02),
        "recurrent_regularizer": "l1",
        "bias_regularizer": keras.regularizers.L1(0.03),
        "kernel_constraint": keras.constraints.MaxNorm(1.5),
        "recurrent_constraint": "unit_norm",
        "bias_constraint": "non_neg",
        "dropout": 0.25,
        "recurrent_dropout": 0.125,
        "weight_dropout": 0.375,
        "seed": 4,
    }


def _layer_options():
    return {
        "return_state": True,
        "go_backwards": True,
        "stateful": True,
        "unroll": True,
        "zero_output_for_mask": True,
        "recompute": True,
    }


_OWN = {
    "SimpleRNN": ({}, {"activation": "relu"}),
    "JordanRNN": (
        {"output_units": 2},
        {"activation": "relu", "output_activation": "softmax"},
    ),
    "LSTM": (
        {},
        {
            "activation": "softsign",
            "recurrent_activation": "hard_sigmoid",
            "unit_forget_bias": False,
            "cell_clip": 0.7,
            "coupled_gates": True,
        },
    ),
    "GRU": (
        {},
        {
            "activation": "softsign",
            "recurrent_activation": "hard_sigmoid",
            "reset_after": False,
            "use_reset_gate": False,
        },
    ),
}
_OWN |= {
    "PeepholeLSTM": (
        {},
        {**_OWN["LSTM"][1], "peephole_initializer": keras.initializers.RandomNormal(seed=2)},
    ),
    "LayerNormLSTM": _OWN["LSTM"],
    "NAS": ({}, {}),
    "EchoState": (
        {"seed": 3, "kernel_initializer": keras.initializers.GlorotUniform(3)},  # the same in all instances
        {"leak": 0.5, "spectral_radius": 1.1, "connectivity": 0.75, "activation": "softsign"},
    ),
}


def _pairs():
    for name, (arguments, options) in _OWN.items():
        yield Entry(
            getattr(kseq.cells, name + "Cell"),
            lambda arguments=arguments: {"units": 4, **arguments},
            lambda options=options: {**options, **_cell_options()},
        )
        yield Entry(
            getattr(kseq.layers, name),
            lambda arguments=arguments: {"units": 4, "return_sequences": True, **arguments},
            lambda options=options: {**options, **_cell_options(), **_layer_options(), "use_cudnn": False},
        )


def _stack():
    return {"cells": [PeepholeLSTMCell(4), GRUCell(4)]}


def _stack_options():
    return {"num_layers": 2, "residual": True, "dropout": 0.25, "seed": 4}


ENTRIES = {
    entry.layer_class.__name__: entry
    for entry in (
        *_pairs(),
        Entry(StackedCell, _stack, _stack_options),
        Entry(
            kseq.layers.Stacked,
            lambda: {**_stack(), "return_sequences": True},
            lambda: {**_stack_options(), **_layer_options()},
            ("cell",),
        ),
        Entry(
            kseq.layers.RNN,
            lambda: {"cell": PeepholeLSTMCell(4), "return_sequences": True},
            _layer_options,
        ),
        Entry(
            kseq.layers.Bidirectional,
            lambda: {"layer": kseq.layers.PeepholeLSTM(4, return_sequences=True), "merge_mode": "concat"},
            lambda: {
                "merge_mode": "sum",
                "backward_layer": kseq.layers.RNN(LSTMCell(4), return_sequences=True, go_backwards=True),
            },
            ("weights",),
        ),
    )
}


def _head_options():
    return {"labels": ("O", "B-X", "I-X"), "scheme": "BIO", "use_transitions": False, "regularizer": "l2"}


#: layers that are no recurrence: their configuration is tested here, the rest with each of them
OTHERS = {
    entry.layer_class.__name__: entry
    for entry in (
        Entry(
            kseq.layers.CRF,
            lambda: {"num_tags": 3},
            lambda: {**_head_options(), "initializer": keras.initializers.RandomNormal(seed=2)},
        ),
        Entry(kseq.layers.CRFDecoder, dict, lambda: {"k": 2}),
        Entry(kseq.layers.SequencePooling, dict, lambda: {"mode": "all", "both_ends": True}),
        Entry(
            kseq.layers.AttentionPooling,
            dict,
            lambda: {"units": 5, "initializer": keras.initializers.RandomNormal(seed=2)},
        ),
        Entry(
            kseq.layers.Attention,
            dict,
            lambda: {
                "units": 5,
                "coverage": True,
                "initializer": keras.initializers.RandomNormal(seed=2),
            },
            ("score",),  # coverage is of the default alone; each score is saved in tests/layers
        ),
    )
}
