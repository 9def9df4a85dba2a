import numpy as np
import pytest
from keras import ops

from kseq.errors import UserError
from kseq.models import SequenceEncoder
from kseq.models.characters import CharacterEncoder
from tests.cell_names import every_cell_name
from tests.helpers import assert_all_close, length_mask, normal, randomise, soiled, to_numpy
from tests.models.test_tagger import SIZES, batch


def make(sizes=SIZES, **options):
    encoder = SequenceEncoder(sizes, **{"units": 6, "character_units": 4, "seed": 2, **options})
    encoder.build()
    return randomise(encoder)


@pytest.mark.parametrize("bidirectional", [True, False])
@every_cell_name
def test_batched_is_one_by_one(cell, bidirectional):
    model, x = make(cell=cell, num_layers=2, bidirectional=bidirectional), batch()
    together = model(x)
    assert tuple(together.shape) == model.compute_output_shape({"tokens": (3, 7)}) == (3, 7, model.width)
    for row, length in enumerate((7, 3, 1)):
        alone = {name: ids[row : row + 1, :length] for name, ids in x.items()}
        assert_all_close(together[row, :length], model(alone)[0])


def test_numbers():
    model = SequenceEncoder(units=4, dropout=0.0, seed=1)
    x, mask = normal(3, 5, 2), length_mask([5, 2, 3], 5)
    assert_all_close(model(soiled(x, mask), mask=mask), model(x, mask=mask))
    assert_all_close(model(x, mask=mask)[1:2, :2], model(x[1:2, :2]))
    assert model.compute_output_shape(x.shape) == (3, 5, 8)


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
        ({"units": 0}, "`units` must be positive"),
        ({"dropout": 1.0}, "`dropout` must be at least 0 and below 1"),
        ({"character_encoder": "rnn"}, "`kind` must be one of cnn, lstm"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(UserError, match=message):
        SequenceEncoder(**{"sizes": SIZES, **arguments})


def test_missing_inputs():
    with pytest.raises(UserError, match=r"inputs must have \['tokens'\], got \['tokens', 'words'\]"):
        SequenceEncoder({"tokens": 3})(
            {"tokens": np.ones((1, 2), "int32"), "words": np.ones((1, 2), "int32")}
        )
