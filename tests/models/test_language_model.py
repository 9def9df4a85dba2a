import keras
import numpy as np
import pytest

from kseq.data import contiguous_streams
from kseq.errors import UserError
from kseq.losses import NextTokenLoss
from kseq.metrics import BitsPerCharacter, Perplexity, TokenLoss
from kseq.models import LanguageModel
from tests.cell_names import every_cell_name
from tests.helpers import assert_all_close, length_mask, normal, randomise, to_numpy

VOCABULARY, UNITS, BOS = 13, 6, 2


def make(cell="lstm", num_layers=2, weights=True, **options):
    model = LanguageModel(VOCABULARY, cell, UNITS, num_layers, **{"seed": 3, **options})
    model.build()
    return randomise(model) if weights else model


def tokens(*shape, seed=0):
    return np.random.default_rng(seed).integers(3, VOCABULARY, shape).astype("int32")


def compiled(model):
    model.compile("adam", NextTokenLoss(), weighted_metrics=[TokenLoss(), Perplexity(), BitsPerCharacter()])
    return model


def log_softmax(logits):
    logits = to_numpy(logits).astype("float64")
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def nats(model, ids):
    """Mean loss of a text in one pass over it."""
    before = np.array([[BOS, *ids[:-1]]], "int32")
    return -np.take_along_axis(log_softmax(model(before)), ids[None, :, None], -1).mean()


@pytest.mark.parametrize("window", [1, 7, 20, 41, 64])
def test_evaluation_in_windows_of_any_length_is_exact(window):
    model, ids = compiled(make()), tokens(41)
    streams = contiguous_streams(ids, 1, window, BOS)
    found = model.evaluate(streams, verbose=0, return_dict=True)
    assert found["nats"] == pytest.approx(nats(model, ids), rel=1e-5)
    assert found["perplexity"] == pytest.approx(np.exp(found["nats"]), rel=1e-5)
    assert found["bpc"] == pytest.approx(found["nats"] / np.log(2), rel=1e-5)
    assert model.evaluate(streams, verbose=0, return_dict=True)["nats"] == found["nats"]  # and again


def test_evaluation_of_several_rows_weighs_their_tokens():
    model, ids = compiled(make()), tokens(41)
    found = model.evaluate(contiguous_streams(ids, 3, 5, BOS), verbose=0, return_dict=True)["nats"]
    total, before = 0.0, BOS
    for row in np.array_split(ids, 3):
        log_probs = log_softmax(model(np.array([[before, *row[:-1]]], "int32")))
        total -= np.take_along_axis(log_probs, row[None, :, None], -1).sum()
        before = row[-1]
    assert found == pytest.approx(total / len(ids), rel=1e-5)


@every_cell_name
def test_every_cell_by_its_name_reads_and_steps(cell):
    """`read` and `step` together are `forward`, whose steps see nothing of the future."""
    model, text = make(cell, residual=True), tokens(3, 7)
    logits, states = model.forward(text, model.initial_states(3))
    assert logits.shape == (3, 7, VOCABULARY) and len(states) == 2
    expected = log_softmax(logits)
    assert_all_close(model(text), logits)
    last_ids, carried = model.read(text[:, :4])
    np.testing.assert_array_equal(to_numpy(last_ids), text[:, 3])
    for t in range(3, 7):
        log_probs, carried = model.step(text[:, t], carried)
        assert_all_close(log_probs, expected[:, t])
    assert_all_close(carried, states)


@every_cell_name
def test_prompts_of_unequal_length_read_together_as_one_by_one(cell):
    model, text, lengths = make(cell), tokens(4, 6), [6, 1, 4, 5]
    garbage = np.where(length_mask(lengths, 6), text, 0)
    together = model.read(garbage, mask=length_mask(lengths, 6))
    for row, length in enumerate(lengths):
        alone = model.read(text[row : row + 1, :length])
        assert_all_close(keras.tree.map_structure(lambda x, row=row: x[row : row + 1], together), alone)
        log_probs = model.step(*alone)[0]
        assert_all_close(log_probs, log_softmax(model(text[row : row + 1, :length]))[:, -1])


@pytest.mark.parametrize("embedding_dim", [None, 4], ids=["same width", "other width"])
def test_tied_weights_are_one_matrix(embedding_dim):
    width = embedding_dim or UNITS
    tied, free = (make(embedding_dim=embedding_dim, tie_weights=t, cell="gru") for t in (True, False))
    between = 0 if embedding_dim is None else UNITS * width + width
    recurrent = tied.rnn.count_params()
    assert tied.count_params() == VOCABULARY * width + recurrent + between + VOCABULARY
    assert free.count_params() == VOCABULARY * width + recurrent + UNITS * VOCABULARY + VOCABULARY
    text = tokens(2, 5)
    text[text == 7] = 8
    before, embeddings = to_numpy(tied(text)), to_numpy(tied.embedding.embeddings)
    embeddings[7] += normal(width, seed=5)
    tied.embedding.embeddings.assign(embeddings)
    changed = np.abs(to_numpy(tied(text)) - before).max(axis=(0, 1)) > 1e-3
    assert np.flatnonzero(changed).tolist() == [7]  # read nowhere, so only its logit can change


def test_tied_weights_stay_tied_after_reload_and_training(tmp_path):
    model = compiled(make(tie_weights=True))
    model.fit(contiguous_streams(tokens(40), 2, 5, BOS), verbose=0, shuffle=False)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert_all_close(loaded(tokens(2, 5)), model(tokens(2, 5)), rtol=1e-6)
    hidden = loaded.rnn(loaded.embedding(tokens(2, 5)))[0]
    expected = to_numpy(hidden) @ to_numpy(loaded.embedding.embeddings).T + to_numpy(loaded.output_bias)
    assert_all_close(loaded(tokens(2, 5)), expected)


@every_cell_name
def test_config_and_file_round_trip(cell, tmp_path):
    options = {"embedding_dim": 4, "tie_weights": True, "dropout": 0.2, "recurrent_dropout": 0.1}
    model = make(cell, residual=True, **options)
    copy = LanguageModel.from_config(model.get_config())
    assert copy.get_config() == model.get_config()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.get_config() == model.get_config()
    assert_all_close(loaded(tokens(2, 5)), model(tokens(2, 5)), rtol=1e-6)


def test_a_seed_fixes_weights_and_dropout():
    options = {"dropout": 0.5, "recurrent_dropout": 0.3, "weights": False}
    one, same, other, free = (make(seed=seed, **options) for seed in (3, 3, 4, None))
    assert_all_close(one.weights, same.weights, rtol=0, atol=0)
    text = tokens(2, 5)
    for _ in range(2):
        assert_all_close(one(text, training=True), same(text, training=True))
    assert not np.allclose(one(text, training=True), one(text, training=True))
    assert_all_close(one(text), one(text), rtol=0, atol=0)
    for model in (other, free):
        pairs = zip(one.trainable_variables, model.trainable_variables, strict=True)
        assert all(not np.allclose(a, b) for a, b in pairs if "bias" not in a.name)
    layers = [cell.recurrent_kernel for cell in one.rnn.cell.cells]
    assert not np.allclose(*layers)  # each layer has a seed of its own


def test_dropout_masks_are_the_same_at_every_time_step():
    model = make(num_layers=1, dropout=0.5)
    x = to_numpy(model.input_dropout(np.ones((4, 6, UNITS), "float32"), training=True))
    assert set(np.unique(x)) == {0.0, 2.0} and (x == x[:, :1]).all()


@pytest.mark.parametrize(
    "options", [{"dropout": 0.1}, {"tie_weights": True, "recurrent_dropout": 0.1}], ids=str
)
def test_fit_learns_a_repetitive_text(options):
    keras.utils.set_random_seed(0)
    model = LanguageModel(6, "lstm", 16, seed=1, **options)
    model.build()
    model.compile(keras.optimizers.Adam(0.02), NextTokenLoss(), weighted_metrics=[TokenLoss()])
    # what follows a 4 depends on what came 5 tokens before: beyond a window of 4
    streams = contiguous_streams(np.array([3, 4, 5, 5, 5, 4, 4, 3] * 40), 4, 4, BOS)
    history = model.fit(streams, epochs=12, verbose=0, shuffle=False).history["nats"]
    assert history[-1] < 0.5 * history[0] and history[-1] < 0.6
    assert len(model.training_carry.get()[0][0]) == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cell": "lsmt"}, "`cell` must be one of .*got 'lsmt'; did you mean `lstm`"),
        ({"units": 0}, "`units` must be positive, got 0"),
        ({"num_layers": -1}, "`num_layers` must be positive, got -1"),
        ({"embedding_dim": 0}, "`embedding_dim` must be positive, got 0"),
        ({"vocab_size": 0}, "`vocab_size` must be positive, got 0"),
        ({"dropout": 1.0}, "`dropout` must be at least 0 and below 1, got 1.0"),
        ({"recurrent_dropout": -0.1}, "`recurrent_dropout` must be at least 0 and below 1, got -0.1"),
    ],
)
def test_what_cannot_be_is_named(options, message):
    with pytest.raises(UserError, match=message):
        LanguageModel(**{"vocab_size": 5, **options})


def test_unknown_inputs_are_named():
    with pytest.raises(UserError, match=r"tokens and reset, got \['token'\]"):
        make()({"token": tokens(1, 2)})
