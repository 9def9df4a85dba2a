"""What every public cell and layer must do, whatever it computes."""

import copy
import inspect

import keras
import numpy as np
import pytest
from keras import ops

import kseq.cells
import kseq.layers
from kseq.layers import RNN
from tests.conformance.registry import ENTRIES, FEATURES, OTHERS
from tests.gradients import gradients
from tests.helpers import (
    assert_all_close,
    flat,
    length_mask,
    masks,
    normal,
    randomise,
    soiled,
    to_numpy,
)

BATCH, TIME = 4, 5
every_class = pytest.mark.parametrize("entry", [*ENTRIES.values(), *OTHERS.values()], ids=[*ENTRIES, *OTHERS])
every_entry = pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
# Cells run in every layer below, and one by one in tests/cells.
every_layer = pytest.mark.parametrize(
    "entry",
    [entry for entry in ENTRIES.values() if not entry.is_cell],
    ids=[name for name, entry in ENTRIES.items() if not entry.is_cell],
)
# `RNN` of a cell is tested as the layer of that cell where a graph has to be compiled.
every_layer_but_rnn = pytest.mark.parametrize(
    "entry",
    [entry for entry in ENTRIES.values() if not entry.is_cell and entry.layer_class is not RNN],
    ids=[name for name, entry in ENTRIES.items() if not entry.is_cell and name != "RNN"],
)
tensorflow_only = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="a feature of the TensorFlow backend"
)


@pytest.fixture(autouse=True)
def clean_names():
    keras.utils.clear_session(free_memory=False)


def init_arguments(cls):
    """Returns the named `__init__` arguments of `cls` and of the bases it passes `**kwargs` to."""
    found = {}
    for base in cls.__mro__:
        if base is keras.layers.Layer:
            break
        if "__init__" in base.__dict__ or "__signature__" in base.__dict__:
            parameters = inspect.signature(base).parameters.values()
            named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
            found = {**{p.name: p.default for p in named}, **found}
            complete = "__signature__" in base.__dict__
            if complete or all(p.kind is not p.VAR_KEYWORD for p in parameters):
                break
    return found


def built(layer, seed=0):
    layer.build((BATCH, TIME, FEATURES))
    return randomise(layer, seed)


def model_of(layer, **shape):
    """Returns a functional model of one layer."""
    inputs = keras.Input(**(shape or {"shape": (None, FEATURES)}))
    return keras.Model(inputs, layer(inputs))


def test_every_public_class_has_an_entry():
    public = {*kseq.cells.__all__, *kseq.layers.__all__}
    modules = (kseq.cells, kseq.layers)
    classes = {name for name in public if any(isinstance(getattr(m, name, 0), type) for m in modules)}
    assert classes == {*ENTRIES, *OTHERS}


@every_class
def test_every_argument_is_an_attribute_and_a_configuration_key(entry):
    layer = entry.make_with_all_options()
    given = {**entry.arguments(), **entry.options()}
    config = layer.get_config()
    for name, default in init_arguments(entry.layer_class).items():
        if name in entry.excepted:
            continue
        assert name in given, f"the registry gives `{name}` no value"
        assert given[name] != default, f"the registry leaves `{name}` at its default"
        assert name in config, f"`{name}` is no key of the configuration"
        if name != "layer":  # of keras.layers.Bidirectional, which keeps a copy for each direction
            assert hasattr(layer, name), f"`{name}` is no attribute"
        if isinstance(given[name], (bool, int, float)):
            assert config[name] == getattr(layer, name) == given[name]


@every_class
def test_the_configuration_comes_back(entry):
    layer = entry.make_with_all_options()
    config = layer.get_config()
    passed = copy.deepcopy(config)
    again = entry.layer_class.from_config(passed)
    assert again.get_config() == config
    if entry.layer_class.from_config.__func__ is not keras.layers.RNN.from_config.__func__:
        assert passed == config, "`from_config` changes the dictionary it is given"
    serialized = keras.saving.serialize_keras_object(layer)
    assert keras.saving.deserialize_keras_object(serialized).get_config() == config


@every_entry
def test_a_saved_model_comes_back(entry, tmp_path):
    """With all options, and with no `custom_objects`."""
    layer = entry.as_layer(entry.make_with_all_options())
    model = model_of(layer, batch_shape=(BATCH, TIME, FEATURES))
    randomise(model)
    x = normal(BATCH, TIME, FEATURES)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert_all_close(again(x), model(x), rtol=1e-6, atol=1e-6)
    model.save_weights(tmp_path / "a.weights.h5")
    randomise(again, seed=3)
    again.load_weights(tmp_path / "a.weights.h5")
    for ours, theirs in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@every_layer
def test_batched_is_one_by_one(entry):
    layer = built(entry.as_layer())
    lengths = [TIME, 1, 3, 4]
    x, mask = normal(BATCH, TIME, FEATURES), length_mask(lengths, TIME)
    together = to_numpy(layer(soiled(x, mask), mask=mask))
    for row, length in enumerate(lengths):
        alone = to_numpy(layer(x[row : row + 1, :length]))
        np.testing.assert_allclose(together[row, :length], alone[0], rtol=1e-4, atol=1e-5)


@every_layer
def test_garbage_in_the_padding(entry):
    layer = built(entry.as_layer())
    mask = masks(BATCH, TIME)["gaps"]
    x = normal(BATCH, TIME, FEATURES)
    weights = normal(*layer(x).shape, seed=1)

    def loss(x):
        return ops.sum(layer(x, mask=mask, training=True) * weights)

    dirty = soiled(x, mask)
    assert_all_close(layer(dirty, mask=mask), layer(x, mask=mask))
    by_dirty = gradients(loss, [dirty], layer.trainable_variables)
    assert_all_close(by_dirty, gradients(loss, [x], layer.trainable_variables))
    assert not by_dirty[0][0][~mask].any()
    assert all(np.abs(gradient).max() > 0 for gradient in by_dirty[1]), "a weight without use"


@every_entry
def test_mixed_bfloat16(entry):
    x, mask = normal(BATCH, TIME, FEATURES), length_mask([5, 2, 4, 1], TIME)
    exact = built(entry.as_layer())
    expected = to_numpy(exact(x, mask=mask))
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layer = built(entry.as_layer())
        layer.set_weights(exact.get_weights())
        output = layer(x, mask=mask)
    finally:
        keras.config.set_dtype_policy(before)
    assert keras.backend.standardize_dtype(output.dtype) == "bfloat16"
    assert {v.dtype for v in layer.weights} == {"float32"}
    np.testing.assert_allclose(to_numpy(output), expected, rtol=0.1, atol=0.08)


@every_entry
def test_shapes_are_known_before_the_call(entry):
    layer = entry.as_layer()
    x = normal(BATCH, TIME, FEATURES)
    expected = tuple(layer(x).shape)
    assert tuple(layer.compute_output_shape(x.shape)) == expected
    symbolic = layer(keras.Input((None, FEATURES)))
    assert tuple(symbolic.shape) == (None, None, expected[-1])


@every_layer
def test_batch_and_time_may_vary(entry):
    layer = entry.as_layer()
    model = model_of(layer)
    randomise(model)
    for batch, time in ((1, 1), (3, 7)):
        x = normal(batch, time, FEATURES)
        assert_all_close(model.predict(x, verbose=0), layer(x))


@every_layer_but_rnn
def test_it_learns(entry):
    layer = entry.make()
    model = keras.Sequential([layer, keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.03), "mse", jit_compile=False)
    x = normal(16, TIME, FEATURES)
    y = np.cumsum(x, axis=1).sum(axis=-1, keepdims=True) / 4.0
    losses = model.fit(x, y, batch_size=16, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < 0.95 * losses[0]
    assert all(np.isfinite(array).all() for array in flat(model.weights))


@every_layer
def test_it_trains_with_all_options(entry):
    layer = entry.make_with_all_options()
    inputs = keras.Input(batch_shape=(BATCH, TIME, FEATURES))
    output = keras.tree.flatten(layer(inputs))[0]
    model = keras.Model(inputs, keras.layers.Dense(1)(output))
    model.compile("sgd", "mse", jit_compile=False)
    x, y = normal(2 * BATCH, TIME, FEATURES), normal(2 * BATCH, TIME, 1)
    loss = model.fit(x, y, batch_size=BATCH, verbose=0).history["loss"]
    assert np.isfinite(loss).all()


@tensorflow_only
@every_layer_but_rnn
def test_one_step_compiled_by_xla(entry):
    results = []
    for how in ({"run_eagerly": True}, {"jit_compile": True}):
        layer = built(entry.make())
        model = keras.Sequential([layer])
        model.compile(keras.optimizers.SGD(0.1), "mse", **how)
        x = normal(BATCH, TIME, FEATURES)
        target = normal(*layer(x).shape, seed=1)
        results.append([model.train_on_batch(x, target), *model.get_weights()])
    for plain, compiled in zip(*results, strict=True):
        np.testing.assert_allclose(compiled, plain, rtol=1e-3, atol=1e-5)


@tensorflow_only
@every_layer_but_rnn
def test_saved_model_export(entry, tmp_path):
    import tensorflow as tf

    inputs = keras.Input((None, FEATURES))
    masked = keras.layers.Masking()(inputs)
    model = keras.Model(inputs, entry.as_layer()(masked))
    randomise(model)
    model.export(tmp_path / "saved", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "saved")
    for batch, time in ((1, 3), (BATCH, TIME)):
        x = normal(batch, time, FEATURES)
        x[0, -1] = 0.0  # a step that Masking hides
        assert_all_close(loaded.serve(x), model(x))
