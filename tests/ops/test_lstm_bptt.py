"""The gradient derived by hand against that of the plain loop, and against differences."""

import keras
import numpy as np
import pytest

import kseq.layers
from tests.gradients import finite_differences
from tests.helpers import assert_all_close, masks, normal, numpy_weights, randomise
from tests.reference import loop
from tests.reference import lstm as twin

if keras.backend.backend() != "tensorflow":
    pytest.skip("the derived gradient exists on TensorFlow only", allow_module_level=True)

import tensorflow as tf

BATCH, TIME, FEATURES, UNITS = 8, 6, 3, 5  # 8 rows: two shards of 4 on two cores
MASKS = masks(BATCH, TIME)
X = normal(BATCH, TIME, FEATURES)
STATES = [normal(BATCH, UNITS, seed=1), normal(BATCH, UNITS, seed=2)]
WEIGHTS = [normal(BATCH, TIME, UNITS, seed=3), *(normal(BATCH, UNITS, seed=s) for s in (4, 5, 6))]
LAYERS = ("LSTM", "PeepholeLSTM")
OPTIONS = {
    "plain": {},
    "clip": {"cell_clip": 0.4},
    "backwards": {"go_backwards": True},
    "zeroed": {"zero_output_for_mask": True},
}


def make(name, dtype="float32", **options):
    layer = getattr(kseq.layers, name)(
        UNITS, return_sequences=True, return_state=True, dtype=dtype, **options
    )
    layer.build((None, None, FEATURES))
    return randomise(layer)


def weighted(outputs):
    """A scalar to which every output and every last state adds, each with a weight of its own."""
    return tf.add_n([tf.reduce_sum(o * tf.cast(w, o.dtype)) for o, w in zip(outputs, WEIGHTS, strict=False)])


def gradients(function, weights, x=X, states=STATES, signature=None, compiled=True):
    """The value of `function(x, h, c)`, its gradients by these and by the weights."""

    def run(x, h, c):
        with tf.GradientTape() as tape:
            tape.watch([x, h, c])
            outputs = function(x, h, c)
            value = weighted(outputs)
        return outputs, tape.gradient(value, [x, h, c, *(w.value for w in weights)])

    tensors = [tf.convert_to_tensor(a) for a in (x, *states)]
    return (tf.function(run, input_signature=signature) if compiled else run)(*tensors)


def both(layer, mask, **options):
    def call(training):
        def function(x, h, c):
            return layer(x, initial_state=[h, c], mask=mask, training=training)

        return function

    derived, plain = (gradients(call(t), layer.trainable_variables, **options) for t in (True, False))
    assert all(g is not None for g in derived[1])
    assert_all_close(derived, plain)
    return derived


@pytest.fixture
def derived_is_used(monkeypatch):
    """Counts the calls, so that no test compares the plain loop with itself."""
    from kseq.ops import lstm_bptt

    calls, original = [], lstm_bptt.lstm_sequence
    monkeypatch.setattr(lstm_bptt, "lstm_sequence", lambda *a: calls.append(a) or original(*a))
    yield
    assert calls


@pytest.mark.parametrize(
    ("name", "mask"), [("LSTM", "none"), ("LSTM", "gaps"), *(("PeepholeLSTM", mask) for mask in MASKS)]
)
def test_compiled_and_sharded_under_every_mask(name, mask, derived_is_used):
    both(make(name), MASKS[mask])


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("name", LAYERS)
def test_eager_under_every_option(name, option, derived_is_used):
    both(make(name, **OPTIONS[option]), MASKS["gaps"], compiled=False)


def test_compiled_under_all_options_at_once(derived_is_used):
    options = {"cell_clip": 0.4, "go_backwards": True, "zero_output_for_mask": True, "use_bias": False}
    both(make("PeepholeLSTM", **options), MASKS["left"])


def test_clipping_binds_and_holds_back_the_gradient():
    free, clipped = make("LSTM"), make("LSTM", cell_clip=0.4)
    (_, _, c_free), gradient_free = both(free, None, compiled=False)
    (_, _, c_clipped), gradient_clipped = both(clipped, None, compiled=False)
    assert np.abs(c_free).max() > 0.5 and np.abs(c_clipped).max() <= np.float32(0.4)
    assert not np.allclose(gradient_free[0], gradient_clipped[0])


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_recurrent_dropout(name, compiled):
    """The mask is drawn once a sequence; here it is given, the same to both ways."""
    layer = make(name)
    cell, mask = layer.cell, tf.transpose(MASKS["gaps"])[..., None]
    dropped = tf.constant(np.random.default_rng(8).choice([0.0, 2.0], (BATCH, UNITS)).astype("float32"))

    def derived(x, h, c):
        y, states = cell.sequence(dropped)(cell.project(tf.transpose(x, [1, 0, 2])), [h, c], mask)
        return tf.transpose(y, [1, 0, 2]), *states

    def plain(x, h, c):
        outputs = []
        for t in range(TIME):
            _, (h_new, c_new) = cell.step(cell.project(x[:, t]), [h, c], dropped)
            h, c = tf.where(mask[t], h_new, h), tf.where(mask[t], c_new, c)
            outputs.append(h)
        return tf.stack(outputs, axis=1), h, c

    ways = (gradients(f, layer.trainable_variables, compiled=compiled) for f in (derived, plain))
    assert_all_close(*ways)


@pytest.mark.parametrize(
    ("batch", "time", "mask"), [(None, TIME, "right"), (BATCH, None, "none"), (None, None, "right")]
)
def test_unknown_dimensions(batch, time, mask, derived_is_used):
    layer, mask = make("PeepholeLSTM"), MASKS[mask]
    state = tf.TensorSpec([batch, UNITS])
    signature = [tf.TensorSpec([batch, time, FEATURES]), state, state]
    both(layer, mask, signature=signature)


@pytest.mark.parametrize("batch", [3, 12])
def test_batches_that_split_evenly_and_do_not(batch, derived_is_used):
    layer = make("LSTM")
    x, states = normal(batch, TIME, FEATURES), [normal(batch, UNITS, seed=s) for s in (1, 2)]

    def call(training):
        def function(x, h, c):
            y, h, c = layer(x, initial_state=[h, c], training=training)
            return y**2 / 3, h, c**2

        return function

    def gradient(training):
        @tf.function
        def run(x, h, c):
            with tf.GradientTape() as tape:
                tape.watch([x, h, c])
                value = tf.add_n([tf.reduce_sum(o) for o in call(training)(x, h, c)])
            return value, tape.gradient(value, [x, h, c, *(w.value for w in layer.trainable_variables)])

        return run(*map(tf.constant, (x, *states)))

    assert_all_close(gradient(True), gradient(False))


@pytest.mark.parametrize("name", LAYERS)
def test_central_differences_of_the_numpy_twin(name):
    layer = make(name, dtype="float64", cell_clip=0.7)
    rows, time = 3, 4
    arrays = [X[:rows, :time], *(s[:rows] for s in STATES)]
    arrays = [a.astype("float64") for a in arrays]
    mask = np.array([[1, 0, 1, 1], [0, 0, 0, 0], [1, 1, 1, 0]], bool)
    names = [w.name for w in layer.trainable_variables]
    weights = numpy_weights(layer)

    def value(x, h, c, *values):
        twin_weights = dict(zip(names, values, strict=True))
        outputs, last, (_, c) = loop.run(
            lambda x, states: twin.step(x, states, twin_weights, cell_clip=0.7), x, [h, c], mask
        )
        return sum((o**2).sum() for o in (outputs, last, c))

    def ours(x, h, c):
        y, _, c = layer(x, initial_state=[h, c], mask=mask, training=True)
        return tf.reduce_sum(y**2) + tf.reduce_sum(y[:, -1] ** 2) + tf.reduce_sum(c**2)

    tensors = [tf.constant(a) for a in arrays]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        result = ours(*tensors)
    found = tape.gradient(result, [*tensors, *(w.value for w in layer.trainable_variables)])
    values = [*arrays, *(weights[n] for n in names)]
    np.testing.assert_allclose(result, value(*values), rtol=1e-9)
    assert_all_close(found, finite_differences(value, values), rtol=1e-5, atol=1e-7)
