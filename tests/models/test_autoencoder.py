"""An autoencoder gives back what it has learned, and its weights go where they are wanted."""

import keras
import numpy as np
import pytest

from kseq.errors import UserError
from kseq.losses import NextTokenLoss
from kseq.models import LanguageModel, SequenceAutoencoder, SequenceEncoder
from kseq.models.transfer import initialise
from tests.helpers import to_numpy

TOKENS = np.array([[4, 5, 6], [6, 4, 0], [5, 0, 0]])


def autoencoder(**options):
    encoder = SequenceEncoder({"tokens": 8}, units=16, dropout=0.0, widths={"tokens": 8}, seed=1)
    return SequenceAutoencoder(encoder, "gru", 24, seed=1, **options)


@pytest.mark.slow
def test_it_gives_back_what_it_has_learned(tmp_path):
    rng = np.random.default_rng(0)
    lines = rng.integers(2, 8, (64, 4)) * (np.arange(4) < rng.integers(1, 5, (64, 1)))
    model = autoencoder()
    model.compile(keras.optimizers.Adam(0.02), NextTokenLoss())
    inputs, targets, weights = model.examples(lines)
    before = model.reconstruction(lines)
    model.fit(inputs, targets, sample_weight=weights, epochs=40, batch_size=64, verbose=0)
    after = model.reconstruction(lines)
    assert after["tokens"] > 0.9 > 0.5 > before["tokens"] and after["sequences"] > 0.6
    model.save(tmp_path / "auto.keras")
    loaded = keras.saving.load_model(tmp_path / "auto.keras")
    np.testing.assert_array_equal(to_numpy(loaded.reconstruct(lines)), to_numpy(model.reconstruct(lines)))
    assert loaded.get_config().keys() == model.get_config().keys()
    assert tuple(model.encode_tokens(lines).shape) == (64, 64)  # h and c of both directions


def test_scores_count_tokens_in_place_and_whole_sequences():
    from kseq.models.autoencoder import reconstruction_scores

    written = [[4, 5, 6, 0], [6, 5, 0, 0], [5, 4, 0, 0]]
    assert reconstruction_scores(written, TOKENS) == {"tokens": 5 / 6, "sequences": 1 / 3}


def test_what_an_autoencoder_cannot_read():
    with pytest.raises(UserError, match="`encoder` must be a SequenceEncoder of tokens"):
        SequenceAutoencoder(SequenceEncoder(units=4))
    with pytest.raises(UserError, match="must read tokens alone"):
        SequenceAutoencoder(SequenceEncoder({"tokens": 8, "casing": 5}, units=4))


def target(**options):
    given = {"units": 5, "widths": {"tokens": 4}, "num_layers": 2, "seed": 7, **options}
    encoder = SequenceEncoder({"casing": 6, "tokens": 9}, **given)
    encoder.build()
    return encoder


def test_a_language_model_begins_an_encoder():
    source = LanguageModel(7, units=5, embedding_dim=4, num_layers=2, seed=3)
    source.build()
    encoder = target()
    before = {v.path: to_numpy(v) for v in encoder.weights}
    rows = [0, 1, 5, -1, 2, 6, -1, -1, 3]
    done = initialise(encoder, source, rows)
    assert (done.words, done.of, done.layers) == (6, 9, ("forward 1", "forward 2"))
    table, theirs = (to_numpy(e.embeddings) for e in (encoder.embeddings["tokens"], source.embedding))
    for row, place in enumerate(rows):
        kept = before[encoder.embeddings["tokens"].embeddings.path][row]
        np.testing.assert_array_equal(table[row], kept if place < 0 else theirs[place])
    first, second = (layer.forward_layer.cell for layer in encoder.recurrent)
    given = [cell.get_weights() for cell in source.rnn.cell.cells]
    kernel = first.get_weights()[0]
    np.testing.assert_array_equal(kernel[10:], given[0][0])  # behind the casing
    np.testing.assert_array_equal(kernel[:10], before[first.kernel.path][:10])
    np.testing.assert_array_equal(first.get_weights()[1], given[0][1])
    np.testing.assert_array_equal(second.get_weights()[0][:5], given[1][0])  # the forward half
    np.testing.assert_array_equal(second.get_weights()[2], given[1][2])
    backward = encoder.recurrent[0].backward_layer.cell
    np.testing.assert_array_equal(backward.get_weights()[0], before[backward.kernel.path])


def test_an_encoder_begins_an_encoder():
    source, encoder = target(seed=9), target()
    done = initialise(encoder, source, range(9))
    assert done.layers == ("forward 1", "backward 1", "forward 2", "backward 2")
    words = encoder.embeddings["tokens"].embeddings
    np.testing.assert_array_equal(to_numpy(words), to_numpy(source.embeddings["tokens"].embeddings))
    ours, theirs = (e.recurrent[1].backward_layer.cell.get_weights() for e in (encoder, source))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"units": 6}, "`units` must be 5 as in what is taken, got 6"),
        ({"cell": "gru"}, "`cell` must be lstm as in what is taken, got gru"),
        ({"widths": {"tokens": 3}}, "`embedding_dim` must be 4 as in what is taken, got 3"),
    ],
)
def test_what_does_not_fit(options, message):
    with pytest.raises(UserError, match=message):
        initialise(target(**options), target(), range(9))
