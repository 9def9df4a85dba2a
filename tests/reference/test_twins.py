"""The twins of the way back through time against finite differences and against each other."""

import numpy as np
import pytest

from tests.bptt_cases import CASES, DROPPED, OUTPUT_WEIGHT, STATE_WEIGHTS, X, twin_value
from tests.gradients import finite_differences
from tests.reference import bptt, rtrl
from tests.reference.rtrl_cost import backwards, multiplications, peak_memory, problem

MASK = np.array([[1, 0, 1, 1], [0, 0, 0, 0], [0, 1, 1, 0]], bool)


@pytest.mark.parametrize(
    "options", [{}, {"go_backwards": True, "zero_output_for_mask": True}], ids=["plain", "all"]
)
@pytest.mark.parametrize("name", CASES)
def test_backward_twin_equals_central_differences(name, options):
    case, (rows, time) = CASES[name], MASK.shape
    shapes = {w.name: tuple(w.shape) for w in case.make().trainable_variables}
    rng = np.random.default_rng(3)
    weights = {name: rng.normal(0.0, 0.6, shape) for name, shape in shapes.items()}
    x, states = X[:rows, :time].astype("float64"), [s[:rows].astype("float64") for s in case.states]
    dropped = DROPPED[:rows] if options else 1.0
    dx, dstates, dweights = bptt.gradients(
        case.twin,
        x,
        states,
        weights,
        OUTPUT_WEIGHT[:rows, :time].astype("float64"),
        [w[:rows].astype("float64") for w in STATE_WEIGHTS[: case.num_states]],
        mask=MASK,
        dropped=dropped,
        **case.twin_options,
        **options,
    )
    differences = finite_differences(
        lambda *arrays: twin_value(case, arrays, weights, MASK, dropped, **options),
        [x, *states, *weights.values()],
    )
    for ours, theirs in zip([dx, *dstates, *dweights.values()], differences, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(("units", "steps", "features", "batch"), [(5, 7, 3, 2), (1, 1, 1, 1), (8, 30, 2, 3)])
def test_forward_mode_equals_backward_mode(units, steps, features, batch):
    x, h, weights, doutputs = problem(units, steps, features, batch)
    found, expected = rtrl.gradients(x, h, weights, doutputs), backwards(x, h, weights, doutputs)
    assert set(found) == set(expected)
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-10, atol=1e-10)


def test_the_memory_of_forward_mode_does_not_depend_on_time_and_that_of_backward_mode_does():
    short, long = problem(8, 50), problem(8, 200)
    carried = sum(a.nbytes for a in rtrl.start(short[1], 1))
    assert carried == 8 * (8 + 8 * (8 * (8 + 1 + 1)))  # h, and 80 weights for each of 8 units
    forwards = [peak_memory(rtrl.gradients, *p) for p in (short, long)]
    assert forwards[1] < 1.1 * forwards[0]
    assert peak_memory(backwards, *long) > 3 * peak_memory(backwards, *short)


def test_the_work_of_forward_mode_grows_with_the_fourth_power_of_the_units():
    ratios = {
        function: multiplications(function, *problem(64, 2)) / multiplications(function, *problem(32, 2))
        for function in (rtrl.gradients, backwards)
    }
    assert 2**3.9 < ratios[rtrl.gradients] < 2**4.1
    assert 2**1.9 < ratios[backwards] < 2**2.1


@pytest.mark.parametrize("function", [rtrl.gradients, backwards])
def test_the_work_of_both_is_proportional_to_time(function):
    assert multiplications(function, *problem(8, 40)) == 10 * multiplications(function, *problem(8, 4))
