"""The gradient derived by hand against automatic differentiation, a NumPy twin and finite differences."""

import keras
import numpy as np
import pytest
from keras import ops

import kseq.layers
from kseq.ops.bptt import sequence
from tests.bptt_cases import (
    ALL_OPTIONS,
    CASES,
    DROPPED,
    MASKS,
    ONE_OF_EACH,
    TIME,
    UNITS,
    X,
    assert_equals_plain,
    derived_path,
    double_precision,
    found_by,
    layer_results,
    plain,
    twin_gradients,
    twin_value,
    value_of,
)
from tests.gradients import finite_differences
from tests.helpers import assert_all_close, flat, normal, numpy_weights

every_case = pytest.mark.parametrize("name", CASES)
one_of_each = pytest.mark.parametrize("name", ONE_OF_EACH)
# Masks are applied outside the step, to all recurrences alike; JAX, run op by op, compiles every case anew.
one_that_masks = pytest.mark.parametrize(
    "name", ["peephole"] if keras.backend.backend() == "jax" else ONE_OF_EACH
)
every_mask = pytest.mark.parametrize("mask", MASKS)
both_modes = pytest.mark.parametrize("training", [True, False], ids=["training", "inference"])


@every_case
def test_equals_automatic_differentiation(name, monkeypatch):
    assert_equals_plain(monkeypatch, CASES[name].make(), MASKS["gaps"])


@one_of_each
def test_equals_automatic_differentiation_without_a_mask(name, monkeypatch):
    assert_equals_plain(monkeypatch, CASES[name].make(), None)


@one_of_each
def test_last_output_alone(name, monkeypatch):
    assert_equals_plain(monkeypatch, CASES[name].make(return_sequences=False, **ALL_OPTIONS), MASKS["left"])


@pytest.mark.parametrize("options", [{}, ALL_OPTIONS], ids=["plain", "backwards-zeroed"])
@every_mask
@one_that_masks
def test_equals_the_backward_twin(name, mask, options, monkeypatch):
    case, mask, training = CASES[name], MASKS[mask], not options  # each mode meets every mask
    layer = case.make(**options)
    with derived_path(monkeypatch):
        found = found_by(lambda *a: layer_results(*a, mask, training), layer)
    assert_all_close(found, twin_gradients(case, layer, mask, **options))


@one_of_each
def test_recomputed_in_segments(name, monkeypatch):
    case = CASES[name]
    layer = case.make(recompute=True, **ALL_OPTIONS)
    with derived_path(monkeypatch) as calls:
        found = found_by(lambda *a: layer_results(*a, MASKS["gaps"]), layer)
    assert len(calls) == 1  # its segments are inside
    assert_all_close(found, twin_gradients(case, layer, MASKS["gaps"], **ALL_OPTIONS))


@double_precision
@every_case
def test_equals_the_backward_twin_in_double_precision(name, monkeypatch):
    layer = CASES[name].make(dtype="float64", **ALL_OPTIONS)
    with derived_path(monkeypatch):
        found = found_by(lambda *a: layer_results(*a, MASKS["gaps"]), layer, dtype="float64")
    expected = twin_gradients(CASES[name], layer, MASKS["gaps"], **ALL_OPTIONS)
    assert_all_close(found, expected, rtol=1e-9, atol=1e-11)


SMALL_MASK = np.array([[1, 0, 1, 1], [0, 0, 0, 0], [1, 1, 1, 0]], bool)


@double_precision
@every_case
def test_equals_central_differences_in_double_precision(name, monkeypatch):
    """Differences of the forward twin, which knows nothing of gradients."""
    case, (rows, time) = CASES[name], SMALL_MASK.shape
    layer, x, states = case.make(dtype="float64"), X[:rows, :time], [s[:rows] for s in case.states]
    with derived_path(monkeypatch):
        found = found_by(lambda *a: padded(layer_results(*a, SMALL_MASK)), layer, x, states, dtype="float64")
    weights = numpy_weights(layer)
    dx, *others = finite_differences(
        lambda *arrays: twin_value(case, arrays, weights, SMALL_MASK), [x, *states, *weights.values()]
    )
    dstates, dweights = others[: len(states)], others[len(states) :]
    differences = dx, dstates, dict(zip(weights, dweights, strict=True))
    assert_all_close(found, differences, rtol=1e-6, atol=1e-8)


def padded(results):
    """Results over fewer than `TIME` steps, as `value_of` takes them."""
    y, *states = results
    return ops.pad(y, [[0, 0], [0, TIME - y.shape[1]], [0, 0]]), *states


@one_of_each
def test_recurrent_dropout(name):
    """The mask is drawn once a sequence; here it is given, the same to derived, plain and twin."""
    case, mask = CASES[name], MASKS["gaps"]
    layer, dropped = case.make(), ops.convert_to_tensor(DROPPED)
    started = ops.convert_to_tensor(np.cumsum(mask, axis=1)[..., None] > 0)

    def derived(keep):
        def results(layer, x, states):
            outputs, states = run_sequence(layer.cell, x, states, mask, dropped, keep=keep)
            return [ops.where(started, outputs, ops.zeros_like(outputs)), *states]

        return results

    expected = twin_gradients(case, layer, mask, DROPPED)
    assert_all_close(found_by(lambda *a: plain(*a, mask, dropped), layer), expected)
    for keep in (True, False):
        assert_all_close(found_by(derived(keep), layer), expected)


def run_sequence(cell, x, states, mask=None, dropped=None, **options):
    """The derived path itself."""
    bias = cell.input_bias()
    weights = {
        "kernel": ops.cast(cell.kernel, "float32"),
        "bias": None if bias is None else ops.cast(bias, "float32"),
        "recurrent": cell.recurrent_weights(),
    }
    mask = None if mask is None else ops.convert_to_tensor(mask)
    return sequence(cell.recurrence, x, tuple(states), weights, mask=mask, dropped=dropped, **options)


def test_recurrent_dropout_of_the_layer_is_one_mask_a_sequence(monkeypatch):
    """A feature that is dropped at every step gives no gradient to its row of the recurrent kernel."""
    silent, states = [], [normal(1, UNITS, seed=s) for s in (1, 2)]
    for seed in range(3):
        layer = CASES["lstm"].make(recurrent_dropout=0.5, seed=seed)
        with derived_path(monkeypatch):
            _, _, by_weights = found_by(layer_results, layer, X[:1], states)
        silent.append((~by_weights["recurrent_kernel"].any(axis=1)).sum())
    assert any(0 < n < UNITS for n in silent)


def test_clipping_binds_and_holds_back_the_gradient():
    """Otherwise the tests of clipping would test nothing."""
    (x, *states) = map(ops.convert_to_tensor, (X, *CASES["lstm"].states))
    free, clipped = CASES["lstm"].make(), CASES["lstm-clip"].make()
    c_free, c_clipped = (flat(layer_results(layer, x, states))[-1] for layer in (free, clipped))
    assert np.abs(c_free).max() > 0.5 and np.abs(c_clipped).max() <= np.float32(0.4)
    assert 0.1 < (np.abs(c_clipped) == np.float32(0.4)).mean() < 0.9
    by_free, by_clipped = (found_by(layer_results, layer)[0] for layer in (free, clipped))
    assert not np.allclose(by_free, by_clipped)


@both_modes
@one_of_each
def test_nan_in_the_padding_changes_neither_results_nor_gradients(name, training, monkeypatch):
    case, mask = CASES[name], MASKS["gaps"]  # its first row is empty
    layer, poisoned = case.make(), np.where(mask[..., None], X, np.float32(np.nan))
    states = [ops.convert_to_tensor(s) for s in case.states]
    with derived_path(monkeypatch):
        clean, results = (
            layer_results(layer, ops.convert_to_tensor(x), states, mask, training) for x in (X, poisoned)
        )
        expected, found = (
            found_by(lambda *a: layer_results(*a, mask, training), layer, x) for x in (X, poisoned)
        )
    assert all(np.isfinite(a).all() for a in flat([results, found]))
    assert_all_close([results, found], [clean, expected], rtol=0, atol=0)
    assert not found[0][~mask].any()


@pytest.mark.parametrize("name", ["simple_rnn", "peephole", "gru-before"])
def test_one_step_of_one_row(name, monkeypatch):
    case = CASES[name]
    layer, states = case.make(), [s[:1] for s in case.states]
    with derived_path(monkeypatch):
        found = found_by(lambda *a: padded(layer_results(*a)), layer, X[:1, :1], states)
    assert_all_close(found, found_by(lambda *a: padded(plain(*a)), layer, X[:1, :1], states))


@pytest.mark.skipif(
    keras.backend.backend() == "jax", reason="slow one by one: tests/ops/test_bptt_compiled.py"
)
@both_modes
@pytest.mark.parametrize("name", ["lstm", "peephole-odd-clip", "gru-before"])
def test_mixed_bfloat16_is_close_to_float32(name, training, monkeypatch):
    layer = CASES[name].make(dtype="mixed_bfloat16")
    with derived_path(monkeypatch):
        found = found_by(lambda *a: layer_results(*a, MASKS["gaps"], training), layer)
    for ours, theirs in zip(
        flat(found), flat(twin_gradients(CASES[name], layer, MASKS["gaps"])), strict=True
    ):
        assert np.linalg.norm(ours - theirs) < 0.05 * np.linalg.norm(theirs)


def test_the_loss_of_these_tests_sees_every_result():
    y, h, c = normal(8, TIME, UNITS), normal(8, UNITS), normal(8, UNITS)
    values = [
        float(value_of([ops.convert_to_tensor(a) for a in results]))
        for results in ((y, h, c), (y + 1, h, c), (y, h + 1, c), (y, h, c + 1))
    ]
    assert keras.ops.min(keras.ops.abs(np.subtract(values[1:], values[0]))) > 1e-2


@pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="elsewhere second derivatives are right or raise"
)
def test_a_second_derivative_raises_where_it_would_be_wrong():
    import torch

    x = torch.tensor(X, requires_grad=True)
    value = torch.sum(kseq.layers.GRU(UNITS)(x) ** 3)
    with pytest.raises(RuntimeError, match="use `unroll=True`"):
        torch.autograd.grad(value, x, create_graph=True)
