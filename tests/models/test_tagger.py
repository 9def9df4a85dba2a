import keras
import numpy as np
import pytest
from keras import ops

from kseq import cells
from kseq.errors import UserError
from kseq.layers import CRFDecoder
from kseq.losses import CRFLoss
from kseq.models import Tagger
from kseq.models.characters import CharacterEncoder
from kseq.ops import crf
from tests.helpers import assert_all_close, normal, randomise, to_numpy

SIZES = {"tokens": 20, "characters": 9, "casing": 5, "bigrams": 11}
LABELS = ("O", "B-X", "E-X", "I-X", "S-X")


def make(sizes=SIZES, **options):
    model = Tagger(sizes, LABELS, "BIOES", **{"units": 6, "character_units": 4, "seed": 2, **options})
    model.build()
    return randomise(model)


def batch(lengths=(7, 3, 1), time=7, sizes=SIZES, seed=0):
    rng = np.random.default_rng(seed)
    real = np.arange(time) < np.array(lengths)[:, None]
    shapes = {name: (*real.shape, 5) if name == "characters" else real.shape for name in sizes}
    found = {name: rng.integers(1, sizes[name], shape) for name, shape in shapes.items()}
    return {n: (x * real.reshape(real.shape + (1,) * (x.ndim - 2))).astype("int32") for n, x in found.items()}


@pytest.mark.parametrize("cell", cells.NAMES)
def test_batched_is_one_by_one(cell):
    # JordanRNN's output is as wide as its state
    model, x = make(cell=cell, num_layers=2), batch()
    together = crf.unpack(model(x)).emissions
    for row, length in enumerate((7, 3, 1)):
        alone = {name: ids[row : row + 1, :length] for name, ids in x.items()}
        assert_all_close(together[row, :length], crf.unpack(model(alone)).emissions[0])


@pytest.mark.parametrize(
    "options", [{}, {"head": "softmax"}, {"character_encoder": "lstm"}, {"scheme": None}]
)
def test_it_learns_and_comes_back(options, tmp_path):
    keras.utils.set_random_seed(1)
    scheme = {"scheme": options.pop("scheme", "BIO")}
    sizes = {"tokens": 20, "characters": 9}
    model = Tagger(
        sizes, ("O", "B-X", "I-X"), **scheme, units=8, dropout=0.1, word_dropout=0.1, seed=1, **options
    )
    x = batch(np.tile([7, 3, 5, 6], 8), sizes=sizes)
    tags = np.where(x["tokens"] > 14, 1, 0)
    tags[:, 1:] += tags[:, :-1] * tags[:, 1:]
    model.compile(keras.optimizers.Adam(0.03), CRFLoss())
    losses = model.fit(x, np.minimum(tags, 2), batch_size=8, epochs=12, verbose=0).history["loss"]
    assert losses[-1] < 0.4 * losses[0]
    model.save(tmp_path / "tagger.keras")
    again = keras.models.load_model(tmp_path / "tagger.keras")
    assert again.get_config() == model.get_config()
    assert_all_close(again(x), model(x), rtol=1e-6, atol=1e-6)


def test_tags_and_confidence():
    model, x = make(), batch()
    tags, confidence = (to_numpy(y) for y in model.tag(x))
    packed = model(x)
    np.testing.assert_array_equal(tags, to_numpy(CRFDecoder()(packed)))
    marginals = to_numpy(crf.marginals(crf.unpack(packed)))
    expected = np.take_along_axis(marginals, tags[..., None], -1)[..., 0]
    np.testing.assert_allclose(confidence, expected, atol=1e-6)
    real = x["tokens"] > 0
    assert not tags[~real].any() and not confidence[~real].any() and confidence[real].min() > 0


def test_word_dropout_is_in_training_only_and_of_words_only():
    model, x = make(word_dropout=0.6, dropout=0.0), batch()
    np.testing.assert_array_equal(to_numpy(model(x)), to_numpy(model(x)))
    assert np.abs(to_numpy(model(x, training=True)) - to_numpy(model(x))).max() > 0.1
    seen = to_numpy(model._seen("tokens", ops.convert_to_tensor(x["tokens"]), True))
    changed = seen != x["tokens"]
    assert 0 < changed.sum() < (x["tokens"] > 1).sum() and set(seen[changed]) == {1}
    casing = ops.convert_to_tensor(x["casing"])
    assert model._seen("casing", casing, True) is casing


def test_pretrained_vectors():
    model = make()
    before = to_numpy(model.embeddings["tokens"].embeddings).copy()
    matrix, found = normal(20, 100), np.arange(20) % 3 == 0
    model.set_vectors("tokens", matrix, found)
    after = to_numpy(model.embeddings["tokens"].embeddings)
    np.testing.assert_array_equal(after[found], matrix[found])
    np.testing.assert_array_equal(after[~found], before[~found])


def test_characters_behind_the_end_do_not_matter():
    for kind in ("cnn", "lstm"):
        encoder = CharacterEncoder(9, 4, kind, seed=1)
        encoder.build((None, None, None))
        randomise(encoder)
        ids = np.array([[[3, 4, 0, 0], [5, 0, 0, 0], [0, 0, 0, 0]]], "int32")
        wide = to_numpy(encoder(ids))
        np.testing.assert_allclose(wide[:, :2], to_numpy(encoder(ids[:, :2, :2])), atol=1e-6)
        assert not wide[0, 2].any() and wide.shape == encoder.compute_output_shape(ids.shape)


def test_the_convolution_by_hand():
    encoder = CharacterEncoder(9, 4, "cnn", embedding_dim=3)
    encoder.build((None, None, None))
    randomise(encoder)
    table = to_numpy(encoder.embedding.embeddings)
    kernel, bias = (to_numpy(w) for w in encoder.encoder.weights)
    word = [3, 8, 5]
    padded = np.concatenate([np.zeros((1, 3)), table[word], np.zeros((1, 3))])
    places = [np.einsum("kc,kcu->u", padded[t : t + 3], kernel) + bias for t in range(3)]
    found = to_numpy(encoder(np.array([[word + [0, 0]]], "int32")))[0, 0]
    np.testing.assert_allclose(found, np.max(places, axis=0), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"sizes": {"casing": 3}}, r"`sizes` must have `tokens`, got \['casing'\]"),
        ({"cell": "lsmt"}, "`cell` must be one of .* did you mean `lstm`"),
        ({"head": "hmm"}, "`head` must be one of crf, softmax, got 'hmm'"),
        ({"units": 0}, "`units` must be positive"),
        ({"dropout": 1.0}, "`dropout` must be at least 0 and below 1"),
        ({"character_encoder": "rnn"}, "`kind` must be one of cnn, lstm"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(UserError, match=message):
        Tagger(**{"sizes": SIZES, "labels": LABELS, **arguments})


def test_missing_inputs():
    with pytest.raises(UserError, match=r"inputs must have \['tokens'\], got \['words'\]"):
        Tagger({"tokens": 3}, LABELS)({"words": np.ones((1, 2), "int32")})
