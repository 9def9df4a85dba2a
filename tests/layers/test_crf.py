import keras
import numpy as np
import pytest
from keras import ops

from kseq.errors import UserError
from kseq.layers import CRF, LSTM, Bidirectional, CRFDecoder
from kseq.losses import CRFLoss
from kseq.metrics import CRFAccuracy
from kseq.ops import crf
from tests.gradients import gradients
from tests.helpers import assert_all_close, masks, normal, randomise, soiled, to_numpy

LABELS = ("O", "B-X", "I-X", "B-Y", "I-Y")
BATCH, TIME, TAGS = 5, 6, len(LABELS)


def built(**options):
    layer = CRF(TAGS, **options)
    layer.build((BATCH, TIME, TAGS))
    return randomise(layer)


def toy_data(count=64, time=12, seed=0):
    """Tokens whose tag depends on the token before: only a tagger that looks around knows it."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, time + 1, count)
    tokens = rng.integers(1, 9, (count, time)) * (np.arange(time) < lengths[:, None])
    before = np.pad(tokens, [[0, 0], [1, 0]])[:, :-1]
    tags = np.where(before > 4, np.where(tokens > 4, 2, 1), 0)
    return tokens.astype("int32"), (tags * (tokens > 0)).astype("int32")


def toy_tagger():
    tokens = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(9, 8, mask_zero=True)(tokens)
    x = Bidirectional(LSTM(8, return_sequences=True))(x)
    scores = CRF(3)(keras.layers.Dense(3)(x))
    return keras.Model(tokens, scores), keras.Model(tokens, CRFDecoder()(scores))


@pytest.mark.slow
def test_plain_compile_and_fit(tmp_path):
    keras.utils.set_random_seed(1)
    tokens, tags = toy_data()
    model, tagger = toy_tagger()
    model.compile(keras.optimizers.Adam(0.02), CRFLoss(), metrics=[CRFAccuracy()], jit_compile=False)
    history = model.fit(tokens, tags, batch_size=16, epochs=8, verbose=0).history
    assert history["loss"][-1] < 0.3 * history["loss"][0] and history["accuracy"][-1] > 0.9
    found = tagger.predict(tokens, verbose=0)
    assert found.shape == tags.shape
    accuracy = np.mean(found[tokens > 0] == tags[tokens > 0])
    assert accuracy == pytest.approx(model.evaluate(tokens, tags, verbose=0)[1], abs=1e-6)
    assert np.all(found[tokens == 0] == 0)
    # with loss and metric, and no custom_objects
    model.save(tmp_path / "model.keras")
    tagger.save(tmp_path / "tagger.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.evaluate(tokens, tags, verbose=0) == pytest.approx(model.evaluate(tokens, tags, verbose=0))
    again = keras.models.load_model(tmp_path / "tagger.keras")
    np.testing.assert_array_equal(again.predict(tokens, verbose=0), found)


def test_the_loss_is_the_negative_log_likelihood():
    layer, mask = built(), masks(BATCH, TIME)["gaps"]
    emissions, tags = normal(BATCH, TIME, TAGS), np.random.default_rng(1).integers(0, TAGS, (BATCH, TIME))
    expected = -to_numpy(crf.log_likelihood(layer.scores(emissions, mask), tags))
    packed = layer(emissions, mask=mask)
    assert float(CRFLoss()(tags, packed)) == pytest.approx(expected.mean(), rel=1e-5)
    weights = np.arange(BATCH, dtype="float32")
    weighted = float(CRFLoss(reduction="sum")(tags, packed, sample_weight=weights))
    assert weighted == pytest.approx((expected * weights).sum(), rel=1e-5)


def test_garbage_at_masked_tokens_changes_nothing():
    layer, mask = built(labels=LABELS, scheme="BIO"), masks(BATCH, TIME)["gaps"]
    tags = np.random.default_rng(1).integers(0, TAGS, (BATCH, TIME))
    dirty_tags = np.where(mask, tags, -1)
    x = normal(BATCH, TIME, TAGS)

    def loss_of(tags):
        return lambda x: CRFLoss()(tags, layer(x, mask=mask))

    clean = gradients(loss_of(tags), [x], layer.trainable_variables)
    dirty = gradients(loss_of(dirty_tags), [soiled(x, mask)], layer.trainable_variables)
    assert_all_close(dirty, clean)
    assert not dirty[0][0][~mask].any()
    decode = CRFDecoder()
    assert_all_close(decode(layer(soiled(x, mask), mask=mask)), decode(layer(x, mask=mask)))


@pytest.mark.parametrize("use_transitions", [True, False])
def test_a_scheme_forbids_in_training_and_in_decoding(use_transitions):
    layer = built(labels=LABELS, scheme="BIO", use_transitions=use_transitions)
    x = normal(50, TIME, TAGS) * 3
    tags = to_numpy(CRFDecoder()(layer(x)))
    for row in tags:
        for before, after in zip([0, *row], row, strict=False):
            assert LABELS[after][0] != "I" or LABELS[before][1:] == LABELS[after][1:]
    legal, illegal = np.array([[0, 1, 2, 0, 0, 0]]), np.array([[0, 0, 2, 0, 0, 0]])
    scores = layer.scores(x[:1])
    assert (
        to_numpy(crf.log_likelihood(scores, legal))
        > -100
        > -5000
        > to_numpy(crf.log_likelihood(scores, illegal))
    )


def test_without_transitions_it_is_a_softmax():
    layer = CRF(TAGS, use_transitions=False)
    x, mask = normal(BATCH, TIME, TAGS), masks(BATCH, TIME)["right"]
    packed = layer(x, mask=mask)
    assert not layer.weights
    scores = crf.unpack(packed)
    expected = to_numpy(ops.softmax(x)) * mask[..., None]
    np.testing.assert_allclose(to_numpy(crf.marginals(scores)), expected, atol=1e-5)
    np.testing.assert_array_equal(to_numpy(crf.viterbi(scores)[0]), x.argmax(-1) * mask)


def test_the_k_best():
    layer, x = built(), normal(BATCH, TIME, TAGS)
    packed = layer(x)
    found = CRFDecoder(k=3)(packed)
    assert tuple(found.shape) == CRFDecoder(k=3).compute_output_shape(packed.shape) == (BATCH, 3, TIME)
    np.testing.assert_array_equal(to_numpy(found)[:, 0], to_numpy(CRFDecoder()(packed)))


def test_it_is_computed_in_float32_under_mixed_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layer = built()
    finally:
        keras.config.set_dtype_policy(before)
    packed = layer(ops.cast(normal(BATCH, TIME, TAGS), "bfloat16"))
    assert keras.backend.standardize_dtype(packed.dtype) == "float32"
    assert layer.transitions.dtype == "float32"


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="XLA and SavedModel of TensorFlow")
class TestOnTensorFlow:
    def test_one_step_compiled_by_xla(self):
        tokens, tags = toy_data(16)
        losses = []
        for how in ({"run_eagerly": True}, {"jit_compile": True}):
            keras.utils.set_random_seed(3)
            model, _ = toy_tagger()
            model.compile(keras.optimizers.SGD(0.1), CRFLoss(), **how)
            losses.append([model.train_on_batch(tokens, tags), model.train_on_batch(tokens, tags)])
        np.testing.assert_allclose(*losses, rtol=1e-4)

    def test_saved_model_export(self, tmp_path):
        import tensorflow as tf

        tokens, _ = toy_data(16)
        _, tagger = toy_tagger()
        tagger.export(tmp_path / "saved", verbose=False)
        loaded = tf.saved_model.load(tmp_path / "saved")
        for rows in (1, 16):
            np.testing.assert_array_equal(
                loaded.serve(tokens[:rows]), tagger.predict(tokens[:rows], verbose=0)
            )


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"num_tags": 0}, "`num_tags` must be positive, got 0"),
        ({"num_tags": 2, "labels": ("O",)}, "`labels` must be 2, one a tag, got 1"),
        ({"num_tags": 2, "scheme": "BIO"}, "`scheme` needs `labels`"),
        ({"num_tags": 1, "labels": ("O",), "scheme": "BIOU"}, "`scheme` must be one of"),
        ({"num_tags": 2, "labels": ("O", "S-X"), "scheme": "BIO"}, "not of the scheme BIO"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(UserError, match=message):
        CRF(**arguments)


def test_wrong_width():
    with pytest.raises(UserError, match=r"`emissions` must be \(batch, time, 3\), got \(None, None, 4\)"):
        CRF(3)(keras.Input((None, 4)))
