import keras
import numpy as np
import pytest

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
