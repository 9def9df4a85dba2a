"""A stack is its layers run one after the other."""

import keras
import numpy as np
import pytest
from keras import ops

from kseq.cells import GRUCell, JordanRNNCell, LSTMCell, PeepholeLSTMCell, StackedCell
from kseq.layers import RNN, Stacked
from tests.cell_cases import BY_NAME, FEATURES, UNITS
from tests.dropout import possible_masks
from tests.gradients import gradients
from tests.helpers import assert_all_close, masks, normal, randomise, soiled, to_numpy
from tests.reference import loop
from tests.reference.unrolled import unrolled

BATCH, TIME = 5, 6
MASKS = masks(BATCH, TIME)

#: the names of cell cases from the bottom layer to the top
STACKS = {
    "two of a kind": ["lstm", "lstm"],
    "mixed": ["peephole", "gru-after", "jordan", "simple_rnn"],
    "alone": ["gru-before"],
}
every_stack = pytest.mark.parametrize("names", STACKS.values(), ids=STACKS)


def make_cells(names):
    widths = [FEATURES] + [UNITS] * len(names)
    return [BY_NAME[name].make(k, widths[k]) for k, name in enumerate(names)]


def zeros_of(cell, batch=BATCH):
    return [np.zeros((batch, size)) for size in keras.tree.flatten(cell.state_size)]


def layer_by_layer(names, cells, x, mask, initial_states=None, go_backwards=False, residual=False):
    """Returns the outputs of the top layer, held over masked steps, and the states of each."""
    below, states = np.asarray(x, "float64"), []
    for k, (name, cell) in enumerate(zip(names, cells, strict=True)):
        initial = zeros_of(cell, len(x)) if initial_states is None else initial_states[k]
        twin = BY_NAME[name].twin_of(cell)
        backwards = go_backwards and k == 0
        outputs, _, last = loop.run(twin, below, initial, mask, backwards)
        if backwards:
            mask = None if mask is None else mask[:, ::-1]
        below = outputs + below if residual and k else outputs
        states.append(last)
    return below, states


@pytest.mark.parametrize(
    ("mask", "go_backwards", "residual"),
    [
        ("none", False, False),
        ("none", True, True),
        ("right", False, True),
        ("left", True, False),
        ("gaps", True, True),
    ],
)
@every_stack
def test_a_stack_is_its_layers_one_after_the_other(names, mask, go_backwards, residual):
    mask = MASKS[mask]
    cells, x = make_cells(names), normal(BATCH, TIME, FEATURES)
    initial = [
        [normal(BATCH, UNITS, seed=10 * k + j) for j in range(len(zeros_of(cell)))]
        for k, cell in enumerate(cells)
    ]
    expected, states = layer_by_layer(names, cells, x, mask, initial, go_backwards, residual)
    options = {"return_state": True, "go_backwards": go_backwards, "residual": residual}
    given = keras.tree.map_structure(ops.convert_to_tensor, initial)
    layer = Stacked(cells, return_sequences=True, **options)
    output, *found = layer(x, mask=mask, initial_state=given)
    assert [len(own) for own in found] == [len(own) for own in states]
    assert_all_close([output, found], [expected, states])
    layer = Stacked(cells, **options)
    assert_all_close(layer(x, mask=mask, initial_state=given), [expected[:, -1], states])


@every_stack
def test_zero_output_for_mask(names):
    cells, x, mask = make_cells(names), normal(BATCH, TIME, FEATURES), MASKS["gaps"]
    expected, states = layer_by_layer(names, cells, x, mask, residual=True)
    layer = Stacked(cells, residual=True, return_sequences=True, return_state=True, zero_output_for_mask=True)
    assert_all_close(layer(x, mask=mask), [expected * mask[..., None], states])


@every_stack
def test_a_stack_of_cells_steps_as_the_layer_does(names):
    """The cell goes through all layers at each step; the layer goes through time for each layer."""
    cells, x, mask = make_cells(names), normal(BATCH, TIME, FEATURES), MASKS["gaps"]
    layer = RNN(StackedCell(cells, residual=True), return_sequences=True, return_state=True)
    layer.build(x.shape)
    zeros = layer.get_initial_state(BATCH)
    assert_all_close(layer(x, mask=mask), unrolled(layer.cell, x, zeros, mask))
    assert_all_close(
        keras.layers.RNN(layer.cell, return_sequences=True)(x),
        unrolled(layer.cell, x, zeros)[0],
    )

    def loss_of(run):
        def loss(x):
            outputs = keras.tree.flatten(run(x))
            return sum(ops.sum(y * normal(*y.shape, seed=k)) for k, y in enumerate(outputs))

        return loss

    found, expected = (
        gradients(loss_of(run), [x], layer.trainable_variables)
        for run in (
            lambda x: layer(x, mask=mask, training=True),
            lambda x: unrolled(layer.cell, x, zeros, mask),
        )
    )
    assert_all_close(found, expected, rtol=1e-3, atol=1e-4)


def test_copies_of_one_cell():
    layer = Stacked(LSTMCell(3, dropout=0.1, name="mine"), num_layers=3, return_state=True)
    x = normal(BATCH, TIME, 3)
    output, *states = layer(x)
    assert [len(own) for own in states] == [2, 2, 2]
    assert len({id(cell) for cell in layer.cells}) == 3
    assert all(cell.dropout == 0.1 for cell in layer.cells)
    kernels = [to_numpy(cell.kernel) for cell in layer.cells]
    assert np.abs(kernels[0] - kernels[1]).max() > 1e-3
    assert np.abs(kernels[1] - kernels[2]).max() > 1e-3
    assert len({variable.path for variable in layer.trainable_variables}) == 9


def test_copies_of_a_seeded_cell_do_not_share_their_dropout():
    cell = LSTMCell(3, recurrent_dropout=0.5, dropout=0.5, seed=5)
    first, second = Stacked(cell, num_layers=2).cells
    ones = np.ones((64, 3), "float32")
    zeros = cell.get_initial_state(64)
    for each in (first, second):
        each.build((None, 3))
    second.set_weights(first.get_weights())
    drawn = [to_numpy(each(ones, zeros, training=True)[0]) for each in (first, second)]
    assert np.abs(drawn[0] - drawn[1]).max() > 1e-3


def test_dropout_between_the_layers_draws_one_mask_for_each_sequence():
    names, rate, batch = ["gru-after", "lstm"], 0.5, 8
    cells, x = make_cells(names), normal(batch, TIME, FEATURES)
    layer = Stacked(cells, dropout=rate, seed=2, return_sequences=True)
    output = to_numpy(layer(x, training=True))
    below, _ = layer_by_layer(names[:1], cells[:1], x, None)
    found = [set() for _ in range(batch)]
    for mask in possible_masks(rate, UNITS):
        twin = BY_NAME["lstm"].twin_of(cells[1])
        candidate, *_ = loop.run(twin, below * mask, zeros_of(cells[1], batch))
        for row in range(batch):
            if np.allclose(candidate[row], output[row], rtol=1e-3, atol=1e-5):
                found[row].add(tuple(mask))
    assert all(len(explanations) == 1 for explanations in found)
    assert len(set.union(*found)) > 1
    assert np.abs(to_numpy(layer(x, training=True)) - output).max() > 1e-3
    expected, _ = layer_by_layer(names, cells, x, None)
    assert_all_close(layer(x, training=False), expected)


def test_garbage_in_the_padding():
    cells, x = make_cells(["peephole", "gru-after"]), normal(BATCH, TIME, FEATURES)
    layer = Stacked(cells, residual=True, return_sequences=True)
    for name in ("right", "left", "gaps"):
        mask = MASKS[name]
        dirty = soiled(x, mask)

        def loss(x, mask=mask):
            return ops.sum(layer(x, mask=mask, training=True) ** 2)

        assert_all_close(layer(dirty, mask=mask), layer(x, mask=mask))
        by_dirty = gradients(loss, [dirty], layer.trainable_variables)
        assert_all_close(by_dirty, gradients(loss, [x], layer.trainable_variables))
        assert not by_dirty[0][0][~mask].any()


def test_states_in_and_out_continue_a_sequence():
    x = normal(BATCH, TIME, FEATURES)
    layer = Stacked(make_cells(["lstm", "gru-after"]), return_sequences=True, return_state=True)
    whole, *states = layer(x)
    first, *middle = layer(x[:, :2])
    second, *end = layer(x[:, 2:], initial_state=middle)
    assert_all_close([ops.concatenate([first, second], axis=1), end], [whole, states])


def test_stateful():
    x, cells = normal(BATCH, TIME, FEATURES), make_cells(["lstm", "gru-after"])
    whole = to_numpy(Stacked(cells, return_sequences=True)(x))
    layer = Stacked(cells, return_sequences=True, stateful=True)
    for _ in range(2):
        parts = [to_numpy(layer(x[:, t : t + 2])) for t in range(0, TIME, 2)]
        np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, rtol=1e-4, atol=1e-5)
        layer.reset_state()


def test_stacks_in_stacks_and_cells_of_keras():
    inner = StackedCell([GRUCell(3), keras.layers.LSTMCell(3)], residual=True)
    cells = [JordanRNNCell(4, 3), inner, keras.layers.SimpleRNNCell(3)]
    layer = Stacked(cells, return_sequences=True, return_state=True)
    x, mask = normal(BATCH, TIME, FEATURES), MASKS["left"]
    layer.build(x.shape)
    randomise(layer)
    expected = unrolled(layer.cell, x, layer.get_initial_state(BATCH), mask)
    assert_all_close(layer(x, mask=mask), expected)


def test_bad_arguments():
    with pytest.raises(ValueError, match="num_layers"):
        Stacked(LSTMCell(3), num_layers=0)
    with pytest.raises(ValueError, match="num_layers"):
        Stacked([LSTMCell(3)], num_layers=2)
    with pytest.raises(ValueError, match="cells"):
        Stacked([])
    with pytest.raises(ValueError, match="cells"):
        Stacked([LSTMCell(3), "lstm"])
    with pytest.raises(ValueError, match="dropout"):
        Stacked(LSTMCell(3), num_layers=2, dropout=1.5)
    with pytest.raises(ValueError, match=r"residual.* 3 .*4"):
        Stacked([PeepholeLSTMCell(3), GRUCell(4)], residual=True)(normal(2, 3, 4))
