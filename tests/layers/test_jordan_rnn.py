"""Teacher forcing and open loop of the Jordan network."""

import keras
import numpy as np
import pytest
from keras import ops

from kseq.layers import JordanRNN
from tests.cell_cases import FEATURES
from tests.gradients import gradients
from tests.helpers import assert_all_close, masks, normal, numpy_weights, randomise, soiled
from tests.reference import jordan, loop

BATCH, TIME, OUTPUTS = 5, 6, 3
MASKS = masks(BATCH, TIME)
every_mask = pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)


def make(**options):
    layer = JordanRNN(4, OUTPUTS, return_sequences=True, return_state=True, **options)
    layer.build((BATCH, TIME, FEATURES))
    return randomise(layer)


@pytest.fixture
def arrays():
    return (
        normal(BATCH, TIME, FEATURES),
        normal(BATCH, TIME, OUTPUTS, seed=1),
        normal(BATCH, OUTPUTS, seed=2),
    )


@every_mask
def test_teacher_forcing_is_the_loop_with_targets_fed(mask, arrays):
    x, targets, initial = arrays
    layer = make()
    found = layer(x, targets=targets, mask=mask, initial_state=[ops.convert_to_tensor(initial)])
    expected = jordan.teacher_forced(x, targets, numpy_weights(layer), initial, mask)
    assert_all_close(found, expected)
    without_state = jordan.teacher_forced(x, targets, numpy_weights(layer), 0.0 * initial, mask)
    assert_all_close(layer(x, targets=targets, mask=mask), without_state)


@every_mask
def test_open_loop_feeds_back_its_own_output(mask, arrays):
    x, _, initial = arrays
    layer = make()
    step = lambda x, states: jordan.step(x, states, numpy_weights(layer))  # noqa: E731
    expected, _, states = loop.run(step, x, [initial], mask)
    assert_all_close(layer(x, mask=mask, initial_state=[ops.convert_to_tensor(initial)]), [expected, *states])


def test_its_own_outputs_as_targets_change_nothing(arrays):
    x, *_ = arrays
    layer = make(output_activation="tanh")
    outputs, state = layer(x)
    assert_all_close(layer(x, targets=outputs), [outputs, state])


def test_last_output_only(arrays):
    x, targets, _ = arrays
    layer = JordanRNN(4, OUTPUTS)
    layer(x)
    randomise(layer)
    _, last = jordan.teacher_forced(
        x, targets, numpy_weights(layer), np.zeros((BATCH, OUTPUTS)), MASKS["right"]
    )
    assert_all_close(layer(x, targets=targets, mask=MASKS["right"]), last)


@pytest.mark.parametrize("name", ["right", "left", "gaps"])
def test_garbage_in_padded_inputs_and_targets(name, arrays):
    x, targets, _ = arrays
    layer, mask = make(), MASKS[name]

    def loss(x, targets):
        outputs, state = layer(x, targets=targets, mask=mask)
        return ops.sum(outputs**2) + ops.sum(state**2)

    clean = gradients(loss, [x, targets], layer.trainable_variables)
    dirty = gradients(loss, [soiled(x, mask), soiled(targets, mask)], layer.trainable_variables)
    assert_all_close(dirty, clean)
    assert_all_close(
        layer(soiled(x, mask), targets=soiled(targets, mask), mask=mask),
        layer(x, targets=targets, mask=mask),
    )


def test_no_gradient_flows_from_a_step_to_an_earlier_one_under_teacher_forcing(arrays):
    x, targets, _ = arrays
    layer = make()
    (by_input, by_target), _ = gradients(
        lambda x, targets: ops.sum(layer(x, targets=targets)[0][:, 3]), [x, targets]
    )
    assert [t for t in range(TIME) if np.abs(by_input[:, t]).max() > 0] == [3]
    assert [t for t in range(TIME) if np.abs(by_target[:, t]).max() > 0] == [2]


def test_targets_of_a_functional_model(arrays, tmp_path):
    x, targets, _ = arrays
    inputs, fed = keras.Input((None, FEATURES)), keras.Input((None, OUTPUTS))
    layer = JordanRNN(4, OUTPUTS, return_sequences=True)
    model = keras.Model([inputs, fed], layer(inputs, targets=fed))
    assert_all_close(model([x, targets]), layer(x, targets=targets))
    model.compile("sgd", "mse")
    model.fit([x, targets], targets, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert_all_close(again([x, targets]), model([x, targets]))


def test_targets_of_another_width_are_refused(arrays):
    x, *_ = arrays
    with pytest.raises(ValueError, match="targets"):
        make()(x, targets=normal(BATCH, TIME, OUTPUTS + 1))
