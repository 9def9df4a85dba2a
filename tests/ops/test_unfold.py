"""The loop over time alone, with a step that mixes states of several shapes."""

import numpy as np
import pytest
from keras import ops

from kseq.ops import unfold
from tests.gradients import gradients
from tests.helpers import assert_all_close, masks, normal

BATCH, TIME, WIDTH = 5, 6, 3
MASKS = masks(BATCH, TIME)
START = {
    "vector": normal(BATCH, WIDTH, seed=1),
    "deeper": [normal(BATCH, 2, WIDTH, seed=2), (normal(BATCH, 1, seed=3),)],
}
PROJECTION = normal(2, WIDTH, seed=4)
FIRST_OUTPUT = normal(BATCH, WIDTH, seed=5)
X = normal(BATCH, TIME, 2, seed=6)

every_mask = pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
both_loops = pytest.mark.parametrize("unroll", [False, True], ids=["loop", "unrolled"])


def step(x, states, tanh=ops.tanh, expand=ops.expand_dims, total=ops.sum):
    """Every new state depends on every old one; works on tensors and, given its functions, on arrays."""
    matrix, (scalar,) = states["deeper"]
    vector = tanh(x + 0.5 * states["vector"] - total(matrix, axis=1) * scalar)
    matrix = 0.5 * matrix + expand(vector, 1)
    return 2.0 * vector + scalar, {"vector": vector, "deeper": [matrix, (scalar - 0.1 * vector[:, :1],)]}


def twin(x, mask, go_backwards=False, zero_output_for_mask=False):
    """One row after the other, the masked steps simply not made."""
    rows = []
    for b in range(BATCH):
        states = {
            "vector": START["vector"][b : b + 1],
            "deeper": [START["deeper"][0][b : b + 1], (START["deeper"][1][0][b : b + 1],)],
        }
        last, outputs = FIRST_OUTPUT[b : b + 1], []
        for t in reversed(range(TIME)) if go_backwards else range(TIME):
            real = mask is None or mask[b, t]
            if real:
                projected = x[b : b + 1, t] @ PROJECTION
                last, states = step(projected, states, np.tanh, np.expand_dims, np.sum)
            outputs.append(last if real or not zero_output_for_mask else 0 * last)
        rows.append((outputs[-1], np.stack(outputs, axis=1), states))
    states = {
        "vector": np.concatenate([s["vector"] for _, _, s in rows]),
        "deeper": [
            np.concatenate([s["deeper"][0] for _, _, s in rows]),
            (np.concatenate([s["deeper"][1][0] for _, _, s in rows]),),
        ],
    }
    last, outputs = (np.concatenate([row[k] for row in rows]) for k in (0, 1))
    return last, outputs, states


def run(x, mask, **options):
    tensor = ops.convert_to_tensor
    start = {
        "vector": tensor(START["vector"]),
        "deeper": [tensor(START["deeper"][0]), (tensor(START["deeper"][1][0]),)],
    }
    return unfold(
        step,
        tensor(x),
        start,
        tensor(FIRST_OUTPUT),
        project=lambda x: ops.matmul(x, PROJECTION),
        mask=None if mask is None else tensor(mask),
        **options,
    )


@both_loops
@pytest.mark.parametrize("zero", [False, True], ids=["hold", "zero"])
@pytest.mark.parametrize("go_backwards", [False, True], ids=["forwards", "backwards"])
@every_mask
def test_equals_a_loop_that_skips_masked_steps(mask, go_backwards, zero, unroll):
    expected = twin(X, mask, go_backwards, zero)
    found = run(X, mask, go_backwards=go_backwards, zero_output_for_mask=zero, unroll=unroll)
    assert_all_close(found, expected)
    assert set(found[2]) == {"vector", "deeper"} and isinstance(found[2]["deeper"][1], tuple)


@both_loops
@pytest.mark.parametrize("zero", [False, True], ids=["hold", "zero"])
def test_without_sequences_the_last_output_and_the_states_are_the_same(zero, unroll):
    options = {"zero_output_for_mask": zero, "unroll": unroll}
    last, outputs, states = run(X, MASKS["gaps"], return_sequences=False, **options)
    assert outputs is None
    expected_last, _, expected_states = run(X, MASKS["gaps"], **options)
    assert_all_close([last, states], [expected_last, expected_states], rtol=0, atol=0)


def flat_step(x, states):
    """A recurrence as `sequence` wants it: the output is the first state."""
    h, c = states
    c = 0.5 * c + ops.tanh(x - h)
    h = ops.tanh(x + c)
    return h, [h, c]


@pytest.mark.parametrize("zero", [False, True], ids=["hold", "zero"])
@pytest.mark.parametrize("collect", [True, False], ids=["sequences", "last"])
@pytest.mark.parametrize("go_backwards", [False, True], ids=["forwards", "backwards"])
def test_a_sequence_function_stands_for_the_loop(go_backwards, collect, zero):
    """It gets inputs and mask batch-major and reversed already, projects by itself, and holds masked states.

    What it gives before the first real step must not matter: here the states themselves.
    """
    tensor, seen = ops.convert_to_tensor, []
    start = [tensor(normal(BATCH, WIDTH, seed=n)) for n in (1, 2)]
    options = {"go_backwards": go_backwards, "zero_output_for_mask": zero, "return_sequences": collect}

    def project(x):
        return ops.matmul(x, PROJECTION)

    def sequence(x, states, mask):
        seen.append((tuple(x.shape), None if mask is None else tuple(mask.shape)))
        _, outputs, states = unfold(
            flat_step, x, states, states[0], project=project, mask=mask, return_sequences=collect
        )
        return outputs, states

    def refuse(*_):
        raise AssertionError("the step or the projection was used")

    for name, mask in MASKS.items():
        arguments = {"mask": None if mask is None else tensor(mask), **options}
        rest = tensor(X), start, tensor(FIRST_OUTPUT)
        expected = unfold(flat_step, *rest, project=project, **arguments)
        found = unfold(refuse, *rest, project=refuse, sequence=sequence, **arguments)
        assert (found[1] is None) == (not collect), name
        assert_all_close([x for x in found if x is not None], [x for x in expected if x is not None])
    assert seen == [((BATCH, TIME, 2), None if m is None else (BATCH, TIME)) for m in MASKS.values()]


@pytest.mark.parametrize("name", ["none", "gaps"])
def test_gradients_of_the_loop_are_those_of_the_steps_written_out(name):
    def loss(unroll):
        def value(x):
            last, outputs, states = run(x, MASKS[name], unroll=unroll)
            return ops.sum(outputs**2) + ops.sum(last) + ops.sum(states["deeper"][0] ** 2)

        return value

    (loop,), _ = gradients(loss(False), [X], compiled=True)
    (unrolled,), _ = gradients(loss(True), [X], compiled=True)
    assert_all_close(loop, unrolled)
    if name == "gaps":
        assert not loop[~MASKS["gaps"]].any()


def test_garbage_where_the_mask_is_false_changes_nothing():
    soiled = np.where(MASKS["gaps"][..., None], X, np.float32(1e6))
    assert_all_close(run(soiled, MASKS["gaps"]), run(X, MASKS["gaps"]), rtol=0, atol=0)
