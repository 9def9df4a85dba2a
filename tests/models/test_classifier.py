import keras
import numpy as np
import pytest
import tensorflow as tf

from kseq.data.windowed import windowed
from kseq.errors import UserError
from kseq.models import Classifier, SequenceEncoder
from tests.helpers import assert_all_close, length_mask, normal, randomise, to_numpy
from tests.models.test_tagger import batch

SIZES = {"tokens": 20, "characters": 9}
POOLINGS = ("last", "mean", "max", "all", "attention")


def make(targets=("no", "yes"), sizes=SIZES, bidirectional=True, cell="lstm", **options):
    encoder = SequenceEncoder(
        sizes, cell=cell, units=6, character_units=4, bidirectional=bidirectional, dropout=0.1, seed=2
    )
    return Classifier(encoder, targets, seed=3, **options)


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_batched_is_one_by_one(pooling, bidirectional):
    model, x = make(pooling=pooling, bidirectional=bidirectional), batch(sizes=SIZES)
    model.build()
    randomise(model)
    together = model(x)
    for row, length in enumerate((7, 3, 1)):
        alone = {name: ids[row : row + 1, :length] for name, ids in x.items()}
        assert_all_close(together[row], model(alone)[0])


@pytest.mark.parametrize(
    "task, pooling",
    [
        ("label", "attention"),
        pytest.param("label", "max", marks=pytest.mark.slow),
        pytest.param("labels", "all", marks=pytest.mark.slow),
        pytest.param("number", "mean", marks=pytest.mark.slow),
    ],
)
def test_it_learns_and_comes_back(task, pooling, tmp_path):
    keras.utils.set_random_seed(1)
    targets = {"label": ("no", "yes"), "labels": ("a", "b"), "number": 1}[task]
    model = make(targets, task=task, pooling=pooling)
    x = batch(np.tile([7, 3, 5, 6], 8), sizes=SIZES)
    has = np.stack([(x["tokens"] == 15).any(1), (x["tokens"] > 17).any(1)], axis=1).astype("float32")
    y = {"label": has[:, 1].astype("int32"), "labels": has, "number": has[:, 1:]}[task]
    model.compile(keras.optimizers.Adam(0.03), model.make_loss())
    losses = model.fit(x, y, batch_size=8, epochs=15, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]
    probabilities = to_numpy(model.probabilities(model(x)))
    if task != "number":
        assert probabilities.min() >= 0 and probabilities.max() <= 1
    if task == "label":
        np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert (again.targets, again.task, again.pooling) == (model.targets, task, pooling)
    assert_all_close(again(x), model(x), rtol=1e-6, atol=1e-6)


@pytest.mark.slow
def test_measurements():
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(0)
    x = normal(64, 20, 2)
    y = rng.integers(0, 2, 64)
    x[:, :, 0] += np.where(y[:, None] == 1, np.sin(np.arange(20)), 0) * 2
    lengths = rng.integers(10, 21, 64)
    mask = length_mask(lengths, 20)
    inputs = keras.Input((None, 2))
    model = make(sizes=None, cell="gru", pooling="mean")
    outputs = model(keras.layers.Masking()(inputs))
    whole = keras.Model(inputs, outputs)
    whole.compile(keras.optimizers.Adam(0.02), model.make_loss(), metrics=["accuracy"])
    whole.fit(x * mask[..., None], y, epochs=12, verbose=0)
    assert whole.evaluate(x * mask[..., None], y, verbose=0)[1] > 0.9
    assert_all_close(whole(x * mask[..., None]), model(x, mask=mask))


def test_attention_says_what_weighed():
    model, x = make(pooling="attention"), batch(sizes=SIZES)
    model.build()
    weights = to_numpy(model.attention(x))
    real = x["tokens"] > 0
    np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-5)
    assert weights.shape == real.shape and not weights[~real].any() and (weights[real] > 0).all()
    with pytest.raises(UserError, match="`pooling` must be 'attention' for weights, got 'max'"):
        make().attention(x)


def windows(x, window, reset=True):
    """The batches of a model that carries its state."""
    time = x["tokens"].shape[1]
    for start in range(0, time, window):
        part = {name: ids[:, start : start + window] for name, ids in x.items()}
        yield {**part, "reset": np.full(len(x["tokens"]), reset and start == 0)}


@pytest.mark.parametrize("cell", ["lstm", pytest.param("gru", marks=pytest.mark.slow)])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_windows_read_what_one_pass_reads(pooling, cell):
    model, x = make(pooling=pooling, bidirectional=False, cell=cell), batch(sizes=SIZES)
    model.build()
    randomise(model)
    expected = model(x)
    for window in (1, 3, 7, 10):
        assert_all_close(model.by_windows(x, window), expected)
        assert_all_close([model(part) for part in windows(x, window)][-1], expected)


def test_both_directions_read_backwards_inside_a_window():
    model, x = make(pooling="max"), batch((6, 6, 6), time=6, sizes=SIZES)
    model.build()
    randomise(model)
    assert_all_close(model.by_windows(x, 6), model(x))
    outputs, states = [], None
    for part in windows(x, 2):
        part.pop("reset")
        y, states = model.encoder.read(part, states)
        alone = model.encoder(part)
        assert_all_close(y[..., 6:], alone[..., 6:])  # backwards: as if there were nothing else
        outputs.append(y)
    x_forwards = model.encoder(x)[..., :6]
    y = np.concatenate(outputs, axis=1)
    assert_all_close(y[..., :6], x_forwards)
    assert_all_close(model.by_windows(x, 2), model.head(y.max(axis=1)))


def test_measurements_by_windows():
    model, x = make(sizes=None, cell="gru", pooling="mean", bidirectional=False), normal(3, 11, 2)
    mask = length_mask([11, 4, 1], 11)
    assert_all_close(model.by_windows(x, 4), model(x))
    assert_all_close(model.by_windows(x, 4, mask), model(x, mask=mask))
    with pytest.raises(UserError, match="`window` must be positive, got 0"):
        model.by_windows(x, 0)


def test_training_on_windows_reaches_back_one_window():
    model, x = make(pooling="last", bidirectional=False), batch((6, 6, 6), time=6, sizes=SIZES)
    model.build()
    randomise(model)
    first, second = windows(x, 3)
    model(first, training=True)
    table = model.encoder.embeddings["tokens"].embeddings
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(second, training=True) ** 2)
    touched = np.unique(tape.gradient(loss, table.value).indices)
    assert set(touched) <= set(second["tokens"].ravel())
    assert not np.allclose(model(second, training=False), model(first, training=False))  # a carry for each


@pytest.mark.slow
def test_it_learns_from_windows():
    keras.utils.set_random_seed(1)
    model = make(pooling="max", bidirectional=False)
    x = batch(np.tile([12, 7, 9, 4], 8), time=12, sizes=SIZES)
    y = (x["tokens"] > 17).any(1).astype("int32")
    batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(8)
    training, evaluation = windowed(batches, 4, shuffle=True, seed=1), windowed(batches, 4, "last")
    model.compile(keras.optimizers.Adam(0.03), model.make_loss(), weighted_metrics=["accuracy"])
    model.fit(training, epochs=15, shuffle=False, verbose=0)
    assert model.evaluate(evaluation, verbose=0)[1] == (to_numpy(model(x)).argmax(1) == y).mean() > 0.9


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"targets": 1}, "`targets` must be two labels or more for the task 'label', got 1"),
        ({"targets": ()}, "`targets` must be positive"),
        ({"task": "tag"}, "`task` must be one of label, labels, number, got 'tag'"),
        ({"pooling": "sum"}, "`pooling` must be one of all, attention, last, max, mean, got 'sum'"),
        ({"dropout": 1}, "`dropout` must be at least 0 and below 1"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(UserError, match=message):
        make(**arguments)
