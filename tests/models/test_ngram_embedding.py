import keras
import numpy as np
import pytest

from kseq.data import contiguous_streams
from kseq.errors import UserError
from kseq.losses import NextTokenLoss
from kseq.metrics import TokenLoss
from kseq.models import LanguageModel, NGramEmbedding
from tests.helpers import assert_all_close, length_mask, randomise, to_numpy

VOCABULARY = 9


def tokens(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, VOCABULARY, shape).astype("int32")


def twin(layer, text):
    """Each n-gram by itself, its tokens the digits of a number in the base of the vocabulary."""
    tables = [to_numpy(table) for table in layer.tables]
    vectors = np.zeros((*text.shape, layer.output_dim))
    for row, t in np.ndindex(*text.shape):
        for n, table in enumerate(tables, 2):
            ngram = [int(text[row, t - k]) if t >= k else 0 for k in range(n)]
            number = sum(token * VOCABULARY**k for k, token in enumerate(ngram))
            vectors[row, t] += table[number % len(table)]
    return vectors


@pytest.mark.parametrize("rows", [10_000, 50], ids=["a row each", "rows shared"])
def test_vectors_are_those_of_the_ngrams_that_end_there(rows):
    layer, text = NGramEmbedding(VOCABULARY, 5, 4, rows=rows, seed=1), tokens(3, 11)
    layer.build()
    assert [table.shape[0] for table in layer.tables] == [min(9**n, rows) for n in (2, 3, 4)]
    assert_all_close(layer(text, layer.start(3)), twin(layer, text))


def test_the_context_goes_from_window_to_window_and_stops_at_padding():
    layer, text = NGramEmbedding(VOCABULARY, 5, 3, seed=1), tokens(4, 12)
    layer.build()
    whole, context = to_numpy(layer(text, layer.start(4))), layer.start(4)
    for start, stop in ((0, 1), (1, 2), (2, 9), (9, 12)):
        window = text[:, start:stop]
        assert_all_close(layer(window, context), whole[:, start:stop])
        context = layer.after(context, window)
    np.testing.assert_array_equal(to_numpy(context), text[:, -2:])
    lengths = [12, 0, 1, 5]
    found = to_numpy(layer.after(layer.start(4), text, length_mask(lengths, 12)))
    for row, length in enumerate(lengths):
        assert found[row].tolist() == [0, 0, *text[row, :length]][-2:]


def model_of(**options):
    model = LanguageModel(VOCABULARY, units=6, num_layers=2, input_ngrams=3, seed=2, **options)
    model.build()
    return randomise(model)


@pytest.mark.parametrize("tie_weights", [False, True])
def test_a_language_model_reads_steps_and_reads_on(tie_weights):
    model, text = model_of(tie_weights=tie_weights), tokens(3, 7)
    logits, states = model.forward(text, model.initial_states(3))
    assert_all_close(model(text), logits)
    expected = keras.ops.log_softmax(logits)
    last_ids, carried = model.read(text[:, :4])
    for t in range(3, 7):
        log_probs, carried = model.step(text[:, t], carried)
        assert_all_close(log_probs, expected[:, t])
    assert_all_close(carried, states)
    lengths, garbage = [6, 1, 4], np.where(length_mask([6, 1, 4], 7), text, 0)
    together = model.read(garbage, mask=length_mask(lengths, 7))
    for row, length in enumerate(lengths):
        alone = model.read(text[row : row + 1, :length])
        assert_all_close(keras.tree.map_structure(lambda x, row=row: x[row : row + 1], together), alone)


def test_evaluation_by_windows_is_exact_and_training_uses_the_tables(tmp_path):
    model, ids = model_of(), tokens(120)
    model.compile("adam", NextTokenLoss(), weighted_metrics=[TokenLoss()])
    whole = model.evaluate(contiguous_streams(ids, 1, 120, 2), verbose=0, return_dict=True)["nats"]
    found = model.evaluate(contiguous_streams(ids, 1, 7, 2), verbose=0, return_dict=True)["nats"]
    assert found == pytest.approx(whole, rel=1e-5)
    before = [to_numpy(table).copy() for table in model.ngrams.tables]
    model.fit(contiguous_streams(ids, 4, 10, 2), epochs=2, shuffle=False, verbose=0)
    for old, new in zip(before, model.ngrams.tables, strict=True):
        assert np.abs(old - to_numpy(new)).max() > 1e-4
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(to_numpy(loaded(tokens(2, 5))), to_numpy(model(tokens(2, 5))))
    assert_all_close(loaded.training_carry.get(), model.training_carry.get())


def test_bad_input():
    with pytest.raises(UserError, match="`order` must be 2 or more, got 1"):
        NGramEmbedding(9, 5, 1)
    with pytest.raises(UserError, match="`rows` must be at most 2,147 with 1,000,000 tokens"):
        NGramEmbedding(1_000_000, 5, 2)
