"""Which loop a layer takes: what it says, and that each gives the same numbers."""

import keras
import numpy as np
import pytest
from keras import ops

from kseq.layers import GRU, LSTM, RNN, Bidirectional, JordanRNN, PeepholeLSTM, SimpleRNN, Stacked, cudnn
from kseq.ops.plan import portable
from tests.gradients import gradients
from tests.helpers import assert_all_close, masks, normal, randomise, to_numpy

BATCH, TIME, FEATURES, UNITS = 8, 11, 3, 5
MASKS = masks(BATCH, TIME)
X = normal(BATCH, TIME, FEATURES)
on_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the other backends have one path"
)


def pair(cls, change, **options):
    """Two layers with the same weights that differ in one option."""
    one = cls(UNITS, **options)
    one.build((None, None, FEATURES))
    randomise(one)
    other = cls(UNITS, **{**options, **change})
    other.build((None, None, FEATURES))
    other.set_weights(one.get_weights())
    return one, other


@on_tensorflow
@pytest.mark.parametrize(
    ("layer", "shape", "said"),
    [
        (LSTM(8), (32, 10), "2 loops over parts of the batch, compiled by XLA: the batch is split"),
        (LSTM(8), (None, 10), "one loop, not compiled on its own: the batch size or"),
        (LSTM(600), (32, 10), "one loop, compiled by XLA: the matrix products"),
        (SimpleRNN(8), (32, 10), "one loop, compiled by XLA: the matrix products"),
        (LSTM(8, activation="softplus"), (32, 10), "the derivative of an activation is not known"),
        (JordanRNN(8, 2), (32, 10), "no gradient is derived for JordanRNNCell"),
        (RNN(keras.layers.LSTMCell(8)), (32, 10), "a loop over `call`"),
        (GRU(8, unroll=True), (32, 10), "steps written out one by one"),
    ],
    ids=lambda value: value.name if isinstance(value, keras.Layer) else None,
)
def test_a_layer_says_which_loop_runs_and_why(layer, shape, said, monkeypatch):
    monkeypatch.setattr("kseq.ops.plan.num_cores", lambda: 2)
    assert said in layer.explain(*shape)


def test_a_deep_layer_speaks_for_each_of_its_layers():
    lines = Stacked([LSTM(4).cell, JordanRNN(4, 4).cell]).explain(8, 5).splitlines()
    assert [line.split(":")[0] for line in lines] == ["layer 1, LSTMCell", "layer 2, JordanRNNCell"]


def test_both_directions_speak():
    lines = Bidirectional(PeepholeLSTM(4)).explain(8, 5).splitlines()
    assert [line.split(":")[0] for line in lines] == ["forward", "backward"]


@pytest.mark.slow
@pytest.mark.parametrize("mask", ["none", "right", "gaps"])
@pytest.mark.parametrize("sequences", [True, False], ids=["sequences", "last"])
@pytest.mark.parametrize("cls", [LSTM, GRU])
def test_recompute_changes_no_number(cls, sequences, mask):
    options = {"return_sequences": sequences, "go_backwards": True}
    plain, segmented = pair(cls, {"recompute": True}, **options)
    mask = None if MASKS[mask] is None else ops.convert_to_tensor(MASKS[mask])

    def of(layer):
        def value(x):
            return ops.sum(ops.square(layer(x, mask=mask, training=True)))

        return gradients(value, [X], layer.trainable_variables, compiled=True)

    assert_all_close(of(segmented), of(plain))


def test_recompute_keeps_the_states_between_segments_only(monkeypatch):
    """Eleven steps make three segments of four at most; none keeps a history on the way forward."""
    from kseq.ops import bptt

    seen = []
    original = bptt.forward

    def forward(recurrence, part, weights, **options):
        seen.append((part["inputs"].shape[1], options["keep"]))
        return original(recurrence, part, weights, **options)

    monkeypatch.setattr(bptt, "forward", forward)
    LSTM(UNITS, recompute=True)(X, training=True)
    assert seen == [(4, False), (4, False), (3, False)]


@on_tensorflow
def test_recompute_waits_for_the_way_back(monkeypatch):
    """What runs a segment again depends on the gradient; otherwise all could run on the way forward."""
    import tensorflow as tf

    from kseq.ops import plan

    monkeypatch.setattr(plan, "num_cores", lambda: 2)

    layer = LSTM(UNITS, recompute=True)
    layer.build((None, None, FEATURES))

    @tf.function
    def train(x):
        with tf.GradientTape() as tape:
            value = tf.reduce_sum(layer(x, training=True))
        return tape.gradient(value, layer.trainable_variables[0].value)

    graph = train.get_concrete_function(tf.constant(X)).graph
    calls = [op for op in graph.get_operations() if op.type.endswith("PartitionedCall")]
    again = [op for op in calls if any(x.op.control_inputs for x in op.inputs)]
    shards = 2  # of four rows each
    assert len(calls) == 9 * shards and len(again) == 3 * shards  # three segments: forward, again, back
    programs = {op.get_attr("f").name for op in calls}
    assert len(programs) == 6  # forward, again and back, for four steps and for three


def test_a_cell_with_a_call_of_its_own_is_called():
    class Doubled(LSTM.cell_class):
        def call(self, inputs, states, training=None):
            output, states = super().call(inputs, states, training)
            return 2 * output, states

    layer, cell = RNN(Doubled(4, seed=1)), LSTM.cell_class(4, seed=1)
    layer.build((None, None, FEATURES))
    plain = RNN(cell)
    plain.build((None, None, FEATURES))
    plain.set_weights(layer.get_weights())
    assert_all_close(layer(X), 2 * plain(X))
    assert "a `call` of its own" in layer.explain()


def test_recompute_is_said_where_it_has_an_effect():
    assert "history recomputed" in LSTM(4, recompute=True).explain(8, 5)
    assert "history recomputed" not in LSTM(4, recompute=True).explain(8, 5, training=False)
    assert "recomputed" not in JordanRNN(4, 2, recompute=True).explain(8, 5)
    assert RNN(keras.layers.LSTMCell(4), recompute=True)(X, training=True).shape == (BATCH, 4)


CUDNN_CANNOT = {
    "use_cudnn is False": LSTM(4, use_cudnn=False),
    "does not know PeepholeLSTMCell": PeepholeLSTM(4),
    "tanh and sigmoid": LSTM(4, activation="relu"),
    "with biases": GRU(4, use_bias=False),
    "reset_after": GRU(4, reset_after=False),
    "clip": LSTM(4, cell_clip=1.0),
    "recurrent dropout": LSTM(4, recurrent_dropout=0.1),
    "weight dropout": LSTM(4, weight_dropout=0.1),
    "unroll": LSTM(4, unroll=True),
    "from their end": LSTM(4, go_backwards=True),
    "zeros at masked steps": LSTM(4, return_sequences=True),
}


@pytest.mark.parametrize("reason", CUDNN_CANNOT)
def test_what_cudnn_does_not_compute_takes_our_loop(reason, monkeypatch):
    monkeypatch.setattr(cudnn, "_no_device", lambda: None)
    assert reason in cudnn.why_not(CUDNN_CANNOT[reason], masked=True, training=True)


def test_cudnn_takes_what_it_computes_but_not_in_an_export(monkeypatch):
    monkeypatch.setattr(cudnn, "_no_device", lambda: None)
    assert cudnn.why_not(LSTM(4, return_sequences=True), masked=False, training=True) is None
    assert cudnn.why_not(GRU(4), masked=True, training=True) is None
    assert LSTM(4).explain() == "LSTMCell: cuDNN where the mask allows it"
    monkeypatch.undo()
    with portable():
        assert cudnn.why_not(LSTM(4), masked=False, training=False) == "an export must run anywhere"


@on_tensorflow
def test_nothing_is_compiled_in_an_export():
    layer = LSTM(UNITS)
    layer(X)
    calls = [op for op in _operations(layer) if op.type.endswith("PartitionedCall")]
    assert calls
    with portable():
        assert not [op for op in _operations(layer) if op.type.endswith("PartitionedCall")]


def _operations(layer):
    import tensorflow as tf

    return tf.function(lambda x: layer(x)).get_concrete_function(tf.constant(X)).graph.get_operations()


def test_masks_that_cudnn_reads():
    fits = [bool(cudnn.fits(ops.convert_to_tensor([row, [True] * 3]))) for row in np.ndindex(2, 2, 2)]
    assert fits == [row in ((1, 0, 0), (1, 1, 0), (1, 1, 1)) for row in np.ndindex(2, 2, 2)]


@on_tensorflow
@pytest.mark.parametrize("mask", ["none", "right", "left"])
@pytest.mark.parametrize("sequences", [True, False], ids=["sequences", "last"])
@pytest.mark.parametrize("cls", [LSTM, GRU])
def test_the_way_to_cudnn_gives_our_numbers(cls, sequences, mask, monkeypatch):
    """Without a GPU the stock layer at its end falls back to a loop of its own; all before it is real."""
    import tensorflow as tf

    monkeypatch.setattr(cudnn, "_no_device", lambda: None)
    taken, original = [], cudnn.run
    monkeypatch.setattr(cudnn, "run", lambda *a: taken.append(a) or original(*a))
    options = {"return_sequences": sequences, "zero_output_for_mask": sequences, "return_state": True}
    theirs, ours = pair(cls, {"use_cudnn": False}, **options)
    mask = {"none": None, "right": MASKS["right"] | (np.arange(TIME) == 0), "left": MASKS["left"]}[mask]
    found = tf.function(lambda x, mask: theirs(x, mask=mask))(X, mask)
    assert taken
    assert_all_close(found, ours(X, mask=mask))
    assert len(theirs.weights) == len(ours.weights)  # the stock layer is no part of the layer


@on_tensorflow
@pytest.mark.parametrize("mask", ["right", "left"])
def test_gradients_through_the_choice_of_cudnn(mask, monkeypatch):
    """With a mask the path is chosen when the mask is seen: the gradient goes back through the one taken."""
    monkeypatch.setattr(cudnn, "_no_device", lambda: None)
    theirs, ours = pair(LSTM, {"use_cudnn": False}, return_sequences=True, zero_output_for_mask=True)
    mask = {"right": MASKS["right"] | (np.arange(TIME) == 0), "left": MASKS["left"]}[mask]
    mask = ops.convert_to_tensor(mask)

    def of(layer):
        def value(x):
            return ops.sum(ops.square(layer(x, mask=mask, training=True)))

        return gradients(value, [X], layer.trainable_variables, compiled=True)

    assert_all_close(of(theirs), of(ours))


@pytest.mark.parametrize("deep", [False, True], ids=["Bidirectional", "Stacked"])
@pytest.mark.slow
def test_wrappers_of_layers_that_recompute(deep):
    def make(recompute):
        if deep:
            cells = [PeepholeLSTM(UNITS).cell, GRU(UNITS).cell]
            return Stacked(cells, return_sequences=True, recompute=recompute)
        return Bidirectional(PeepholeLSTM(UNITS, return_sequences=True, recompute=recompute))

    plain, segmented = make(False), make(True)
    for layer in (plain, segmented):
        layer.build((BATCH, TIME, FEATURES))
    randomise(plain)
    segmented.set_weights(plain.get_weights())
    mask = ops.convert_to_tensor(MASKS["gaps"])

    def of(layer):
        def value(x):
            return ops.sum(ops.square(layer(x, mask=mask, training=True)))

        return gradients(value, [X], layer.trainable_variables, compiled=True)

    assert_all_close(of(segmented), of(plain))


@pytest.mark.parametrize("recompute", [False, True], ids=["kept", "recomputed"])
def test_one_mask_of_recurrent_dropout_on_the_way_there_and_back(recompute):
    layer = SimpleRNN(
        UNITS, activation="linear", recurrent_dropout=0.5, recompute=recompute, seed=3, use_bias=False
    )
    layer.build((None, None, FEATURES))
    randomise(layer)

    def value(x):
        return ops.sum(layer(x, training=True) * weights)

    weights = normal(BATCH, UNITS, seed=5)
    # linear in the inputs: with the mask of the forward pass, sum of inputs times gradient is the value
    drawn = to_numpy(layer.cell.seed_generator.state)
    (by_inputs,), _ = gradients(value, [X], compiled=keras.backend.backend() == "tensorflow")
    layer.cell.seed_generator.state.assign(drawn)
    np.testing.assert_allclose(np.sum(by_inputs * X), float(value(X)), rtol=1e-4, atol=1e-4)


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="Keras drops updates in `fit` there")
def test_stateful_training_goes_back_through_the_states_it_began_with():
    """On PyTorch the states are variables, which the forward pass changes before the way back."""
    stateful = LSTM(UNITS, stateful=True)
    plain = LSTM(UNITS)
    stateful.build((BATCH, TIME, FEATURES))
    plain.build((BATCH, TIME, FEATURES))
    randomise(stateful)
    plain.set_weights([w for w in stateful.get_weights()[: len(plain.weights)]])
    h, c = normal(BATCH, UNITS, seed=1), normal(BATCH, UNITS, seed=2)
    stateful.reset_state()
    stateful.states[0].assign(h)
    stateful.states[1].assign(c)

    def carried(x):
        return ops.sum(ops.square(stateful(x, training=True)))

    def given(x):
        states = [ops.convert_to_tensor(h), ops.convert_to_tensor(c)]
        return ops.sum(ops.square(plain(x, initial_state=states, training=True)))

    found = gradients(carried, [X], stateful.trainable_variables)
    assert_all_close(found, gradients(given, [X], plain.trainable_variables))
