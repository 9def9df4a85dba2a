"""Every recurrence whose gradient is derived by hand, with a layer, the plain loop and two NumPy twins."""

import contextlib
import dataclasses
import functools
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

import kseq.layers
from kseq.cells.base import Dropped
from kseq.ops import unfold
from tests.gradients import gradients
from tests.helpers import assert_all_close, masks, normal, numpy_weights, randomise
from tests.reference import bptt, gru, loop, lstm, simple_rnn

BATCH, TIME, FEATURES, UNITS = 8, 6, 3, 5  # 8 rows: two shards of 4 on two cores
MASKS = masks(BATCH, TIME)
X = normal(BATCH, TIME, FEATURES)
STATES = [normal(BATCH, UNITS, seed=1), normal(BATCH, UNITS, seed=2)]
# what every output and every last state is multiplied with in the loss
OUTPUT_WEIGHT = normal(BATCH, TIME, UNITS, seed=3)
STATE_WEIGHTS = [normal(BATCH, UNITS, seed=4), normal(BATCH, UNITS, seed=5)]
DROPPED = np.random.default_rng(8).choice([0.0, 2.0], (BATCH, UNITS)).astype("float32")
ALL_OPTIONS = {"go_backwards": True, "zero_output_for_mask": True}


@dataclasses.dataclass(frozen=True)
class Case:
    """A layer class, its arguments, and the recurrence in NumPy."""

    layer: str
    twin: str
    arguments: dict[str, Any] = dataclasses.field(default_factory=dict)
    form: str | None = None

    @property
    def num_states(self) -> int:
        return 2 if self.twin.endswith("lstm") else 1

    @property
    def states(self) -> list:
        return STATES[: self.num_states]

    def make(self, **options):
        """Returns the layer with random weights."""
        options = {
            "return_sequences": True,
            "return_state": True,
            "use_cudnn": False,
            **self.arguments,
            **options,
        }
        layer = getattr(kseq.layers, self.layer)(UNITS, **options)
        layer.build((None, None, FEATURES))
        return randomise(layer)

    @property
    def twin_options(self) -> dict:
        own = {} if self.form is None else {"form": self.form}
        return {**own, **{k: v for k, v in self.arguments.items() if k in _SHARED}}

    def twin_step(self, weights, dropped=1.0):
        """Returns the step of the forward twin, which knows nothing of gradients."""
        options = {k: bptt.ACTIVATIONS[v][0] if k in _FUNCTIONS else v for k, v in self.twin_options.items()}
        step = {"simple_rnn": simple_rnn, "lstm": lstm, "coupled_lstm": lstm, "gru": gru}[self.twin].step
        return functools.partial(step, weights=weights, recurrent_mask=dropped, **options)


_FUNCTIONS = ("activation", "recurrent_activation")
_SHARED = (*_FUNCTIONS, "cell_clip")
_ODD = {"activation": "relu", "recurrent_activation": "hard_sigmoid"}
_CLIP, _NO_BIAS = {"cell_clip": 0.4}, {"use_bias": False}
_COUPLED = {"coupled_gates": True}
_BEFORE, _SIMPLE = {"reset_after": False}, {"use_reset_gate": False}

CASES = {
    "simple_rnn": Case("SimpleRNN", "simple_rnn"),
    "simple_rnn-relu": Case("SimpleRNN", "simple_rnn", {"activation": "relu"}),
    "simple_rnn-linear-no_bias": Case("SimpleRNN", "simple_rnn", {"activation": "linear", **_NO_BIAS}),
    "lstm": Case("LSTM", "lstm"),
    "lstm-clip": Case("LSTM", "lstm", _CLIP),
    "lstm-odd-no_bias": Case("LSTM", "lstm", {**_ODD, **_NO_BIAS}),
    "peephole": Case("PeepholeLSTM", "lstm"),
    "peephole-clip": Case("PeepholeLSTM", "lstm", _CLIP),
    "peephole-odd-clip": Case("PeepholeLSTM", "lstm", {**_ODD, **_CLIP}),
    "coupled": Case("LSTM", "coupled_lstm", {**_COUPLED, **_CLIP}),
    "coupled-peephole-no_bias": Case("PeepholeLSTM", "coupled_lstm", {**_COUPLED, **_NO_BIAS}),
    "gru-after": Case("GRU", "gru", form="after"),
    "gru-after-no_bias": Case("GRU", "gru", _NO_BIAS, "after"),
    "gru-after-odd": Case("GRU", "gru", _ODD, "after"),
    "gru-before": Case("GRU", "gru", _BEFORE, "before"),
    "gru-before-odd-no_bias": Case("GRU", "gru", {**_BEFORE, **_ODD, **_NO_BIAS}, "before"),
    "gru-simple": Case("GRU", "gru", _SIMPLE, "simplified"),
    "gru-simple-odd-no_bias": Case("GRU", "gru", {**_SIMPLE, **_ODD, **_NO_BIAS}, "simplified"),
}
ONE_OF_EACH = ("simple_rnn", "lstm-clip", "peephole", "gru-after", "gru-before", "gru-simple")


def value_of(results):
    """A scalar to which every output and every last state adds, each with a weight of its own."""
    y, *states = results
    weight = OUTPUT_WEIGHT if len(y.shape) == 3 else OUTPUT_WEIGHT[:, -1]
    weighted = [(y, weight), *zip(states, STATE_WEIGHTS, strict=False)]
    return sum(ops.sum(x * ops.cast(ops.convert_to_tensor(w[: x.shape[0]]), x.dtype)) for x, w in weighted)


def plain(layer, x, states, mask=None, dropped=None):
    """The results of the layer, from a loop over `cell.step` that is left to automatic differentiation."""
    cell = layer.cell
    last, outputs, states = unfold(
        lambda z, states: cell.step(z, states, None if dropped is None else Dropped(dropped)),
        x,
        list(states),
        ops.zeros((x.shape[0], UNITS), dtype=cell.compute_dtype),
        project=cell.project,
        mask=None if mask is None else ops.convert_to_tensor(mask),
        go_backwards=layer.go_backwards,
        zero_output_for_mask=layer.zero_output_for_mask,
        return_sequences=layer.return_sequences,
    )
    return [last if outputs is None else outputs, *states]


def layer_results(layer, x, states, mask=None, training=True):
    mask = None if mask is None else ops.convert_to_tensor(mask)
    return layer(x, initial_state=list(states), mask=mask, training=training)


def found_by(function, layer, x=X, states=None, dtype="float32", compiled=False, loss=value_of):
    """The gradients of `loss(function(layer, x, states))`, by inputs, states and the weights by name."""
    arrays = [np.asarray(a, dtype) for a in (x, *(states or STATES[: num_states(layer)]))]
    by_inputs, by_weights = gradients(
        lambda x, *states: loss(function(layer, x, states)),
        arrays,
        layer.trainable_variables,
        compiled,
    )
    names = [w.name for w in layer.trainable_variables]
    return by_inputs[0], by_inputs[1:], dict(zip(names, by_weights, strict=True))


def num_states(layer):
    return len(keras.tree.flatten(layer.cell.state_size))


@contextlib.contextmanager
def derived_path(monkeypatch):
    """Counts the runs of the derived path, and demands that there are some."""
    from kseq.cells import base

    calls, original = [], base.sequence
    with monkeypatch.context() as patch:
        patch.setattr(base, "sequence", lambda *args, **kw: calls.append(args[0]) or original(*args, **kw))
        yield calls
    assert calls, "the derived path was not used"


@contextlib.contextmanager
def no_derived_path(monkeypatch):
    """Fails where the derived path runs."""
    from kseq.cells import base

    def refuse(*args, **kwargs):
        raise AssertionError("the derived path was used")

    with monkeypatch.context() as patch:
        patch.setattr(base, "sequence", refuse)
        yield


def assert_equals_plain(monkeypatch, layer, mask=None, *, training=(True, False), compiled=False, **options):
    """Compares results and gradients of a layer, derived, with those of the plain loop."""
    with no_derived_path(monkeypatch):
        expected = found_by(lambda *a: plain(*a, mask), layer, compiled=compiled, **options)
    for mode in training:
        with derived_path(monkeypatch):
            found = found_by(lambda *a: layer_results(*a, mask, mode), layer, compiled=compiled, **options)  # noqa: B023
        assert_all_close(found, expected)


double_precision = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="elsewhere Keras multiplies matrices in single precision"
)


def twin_gradients(case, layer, mask=None, dropped=1.0, x=X, **options):
    """What the backward twin finds, in the form of `found_by`."""
    weights = numpy_weights(layer)
    return bptt.gradients(
        case.twin,
        np.asarray(x, "float64"),
        [np.asarray(s, "float64") for s in case.states],
        weights,
        OUTPUT_WEIGHT.astype("float64"),
        [w.astype("float64") for w in STATE_WEIGHTS[: case.num_states]],
        mask=mask,
        dropped=dropped,
        **case.twin_options,
        **options,
    )


def twin_value(case, arrays, names, mask=None, dropped=1.0, **options):
    """The loss in the forward twin; `arrays` are x, the states and the weights in the order of `names`."""
    x, states, weights = arrays[0], arrays[1 : 1 + case.num_states], arrays[1 + case.num_states :]
    step = case.twin_step(dict(zip(names, weights, strict=True)), dropped)
    rows, time = x.shape[:2]
    outputs, _, states = loop.run(step, x, states, mask, **options)
    pairs = [(outputs, OUTPUT_WEIGHT[:rows, :time]), *zip(states, STATE_WEIGHTS, strict=False)]
    return sum((a * w[:rows]).sum() for a, w in pairs)
