import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kseq.errors import UserError
from kseq.models.ngram import NGramModel
from tests.reference.kneser_ney import KneserNey

VARIANTS = [{}, {"modified": True}, {"discount": 0.75}]
VOCAB_SIZE = 7
EMITTED = range(1, VOCAB_SIZE)


def random_text(seed, length, vocab_size=VOCAB_SIZE):
    """Skewed, so that every count from one upwards occurs, and without the last id."""
    rng = np.random.default_rng(seed)
    return 1 + np.minimum(rng.geometric(0.4, length) - 1, vocab_size - 3)


def ids(max_size, min_size=0, highest=VOCAB_SIZE - 1):
    return st.lists(st.integers(1, highest), min_size=min_size, max_size=max_size)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_equals_the_dictionary_model(order, variant):
    text, test = random_text(0, 300).tolist(), [*random_text(1, 60).tolist(), 6, 6, 1, 2, 1]
    model = NGramModel(order, **variant).fit(text, VOCAB_SIZE)
    reference = KneserNey(text, order, EMITTED, **variant)
    np.testing.assert_allclose(model.discounts, np.array(reference.discounts, float), rtol=1e-13)
    np.testing.assert_allclose(np.exp(model.log_probs(test)), reference.probs(test), rtol=1e-12)
    np.testing.assert_allclose(np.exp(model.log_probs(text)), reference.probs(text), rtol=1e-12)
    assert model.num_parameters == sum(len(c) for c in reference.counts)


def test_estimates_are_used_where_they_exist():
    """Else the comparison of the modified discounts would compare fallbacks only."""
    model = NGramModel(3, modified=True).fit(random_text(0, 300), VOCAB_SIZE)
    assert model.discounts[2] != (0.5, 1.0, 1.5)
    assert model.discounts[0] == (0.5, 1.0, 1.5)


@settings(max_examples=60, deadline=None)
@given(
    order=st.integers(1, 4),
    text=ids(30, min_size=4, highest=4),
    test=ids(10),
    variant=st.sampled_from(VARIANTS),
)
def test_equals_the_dictionary_model_on_any_text(order, text, test, variant):
    model = NGramModel(order, **variant).fit(text, VOCAB_SIZE)
    reference = KneserNey(text, order, EMITTED, **variant)
    np.testing.assert_allclose(np.exp(model.log_probs(test)), reference.probs(test), rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    order=st.integers(1, 4),
    text=ids(30, min_size=4, highest=4),
    context=st.lists(st.integers(0, VOCAB_SIZE - 1), max_size=6),
    variant=st.sampled_from(VARIANTS),
)
def test_next_token_distribution(order, text, context, variant):
    """Sums to one after any context, zero only at excluded ids, and is what `log_probs` says."""
    model = NGramModel(order, **variant).fit(text, VOCAB_SIZE, excluded=(0, 2) if 2 not in text else (0,))
    log_probs = model.next_log_probs(context)
    assert log_probs.shape == (VOCAB_SIZE,) and log_probs.dtype == np.float64
    assert abs(np.exp(log_probs).sum() - 1) < 1e-12
    excluded = {0} if 2 in text else {0, 2}
    assert {i for i, value in enumerate(log_probs) if value == -np.inf} == excluded
    single = [model.log_probs([i], context=context)[0] for i in range(VOCAB_SIZE)]
    np.testing.assert_allclose(log_probs, single, rtol=1e-12)


def test_worked_by_hand():
    """The text 1 2 1 2 1 3.

    Pairs: 12 twice, 21 twice, 13 once: D = 1 / (1 + 2 * 2) = 0.2. Left neighbours: 1 has the start
    and 2, 2 has 1, 3 has 1: D = 2 / (2 + 2 * 1) = 0.5. Below them each of the three ids has 1/3.
    """
    model = NGramModel(order=2).fit([1, 2, 1, 2, 1, 3], vocab_size=4)
    assert model.discounts == [(0.5,) * 3, (0.2,) * 3]
    assert model.num_parameters == 6
    single = [0, 1.5 / 4 + 1.5 / 4 / 3, 0.5 / 4 + 1.5 / 4 / 3, 0.5 / 4 + 1.5 / 4 / 3]
    np.testing.assert_allclose(np.exp(model.next_log_probs([])), single, rtol=1e-15)
    after_1 = [0, 0.4 / 3 * 0.5, 1.8 / 3 + 0.4 / 3 * 0.25, 0.8 / 3 + 0.4 / 3 * 0.25]
    np.testing.assert_allclose(np.exp(model.next_log_probs([1])), after_1, rtol=1e-14)
    after_2 = [0, 1.8 / 2 + 0.2 / 2 * 0.5, 0.1 * 0.25, 0.1 * 0.25]
    np.testing.assert_allclose(np.exp(model.next_log_probs([2])), after_2, rtol=1e-14)
    np.testing.assert_allclose(np.exp(model.next_log_probs([3])), single, rtol=1e-15)  # the text's end
    np.testing.assert_allclose(model.perplexity([1, 2]), (single[1] * after_1[2]) ** -0.5, rtol=1e-14)


def test_an_id_seen_after_one_neighbour_only_is_unlikely_elsewhere():
    """What Kneser-Ney is for: 4 is as frequent as 3, but always follows 1."""
    model = NGramModel(order=2).fit([1, 4, 2, 3, 1, 4, 5, 3, 1, 4, 3, 3, 1, 4, 6, 3], vocab_size=8)
    single = model.next_log_probs([])
    assert single[4] < single[3]
    assert single[4] > single[7]


def test_order_1_counts_occurrences():
    """(count - D) / 6 + D * 3 / 6 / 4 with n_1 = 1, n_2 = 1: D = 1 / 3; id 4 unseen."""
    model = NGramModel(order=1).fit([1, 1, 1, 2, 2, 3], vocab_size=5)
    expected = np.array([0, 3 - 1 / 3, 2 - 1 / 3, 1 - 1 / 3, 0]) / 6 + [0, *[1 / 24] * 4]
    np.testing.assert_allclose(np.exp(model.next_log_probs([3, 3])), expected, rtol=1e-14)
    np.testing.assert_allclose(np.exp(model.log_probs([4, 1])), expected[[4, 1]], rtol=1e-14)


def test_context_continues_a_text():
    text = random_text(3, 200)
    model = NGramModel(4).fit(text, VOCAB_SIZE)
    test = random_text(4, 40)
    whole = model.log_probs(test)
    for cut in (0, 1, 2, 3, 20, 40):
        halves = np.concatenate([whole[:cut], model.log_probs(test[cut:], context=test[:cut])])
        np.testing.assert_array_equal(halves, whole)
    assert model.perplexity(test) == pytest.approx(np.exp(-whole.mean()), rel=1e-14)


def test_large_vocabulary_and_order_do_not_overflow():
    """A key packed from eight ids below 2**20 would need 160 bits."""
    vocab_size, order = 2**20, 8
    text = random_text(8, 150) * (vocab_size // VOCAB_SIZE)
    model = NGramModel(order).fit(text, vocab_size)
    reference = KneserNey(text.tolist(), order, range(1, vocab_size))
    test = np.concatenate([text[50:80], [vocab_size - 1], text[:9]])
    expected = reference.probs(test.tolist())
    np.testing.assert_allclose(np.exp(model.log_probs(test.astype(np.int32))), expected, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.int64])
def test_any_integer_type(dtype):
    text = random_text(5, 100)
    expected = NGramModel(3).fit(text, 250).log_probs(text)
    model = NGramModel(3).fit(text.astype(dtype), 250)
    np.testing.assert_array_equal(model.log_probs(text.astype(dtype)), expected)


def test_shapes_of_short_texts():
    model = NGramModel(3).fit([1, 2, 3], VOCAB_SIZE)
    assert model.log_probs([]).shape == (0,)
    assert model.log_probs([5]).shape == (1,)
    assert np.isfinite(model.log_probs([1, 2, 3, 4, 5, 6])).all()
    assert model.log_probs([0])[0] == -np.inf


def test_fit_forgets_the_text_before():
    text, other = random_text(6, 100), random_text(7, 50)
    model = NGramModel(3).fit(other, 100).fit(text, VOCAB_SIZE)
    expected = NGramModel(3).fit(text, VOCAB_SIZE)
    assert model.num_parameters == expected.num_parameters
    np.testing.assert_array_equal(model.log_probs(other), expected.log_probs(other))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"order": 0}, "`order` must be a positive integer, got 0"),
        ({"order": 2.5}, "`order` must be a positive integer, got 2.5"),
        ({"discount": 1.0}, "`discount` must be between 0 and 1, got 1.0"),
        ({"discount": 0.5, "modified": True}, "leave out `modified`"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(UserError, match=message):
        NGramModel(**arguments)


@pytest.mark.parametrize(
    ("text", "vocab_size", "excluded", "message"),
    [
        ([], 5, (0,), "at least `order` = 3 tokens, got 0"),
        ([1, 2], 5, (0,), "at least `order` = 3 tokens, got 2"),
        ([1, 2, 5], 5, (0,), "`ids` must lie in 0 .. vocab_size - 1 = 4, got 5"),
        ([1, 2, -1], 5, (0,), "`ids` must lie in 0 .. vocab_size - 1 = 4, got -1"),
        ([1, 2, 0], 5, (0,), "`ids` contains 0, which `excluded`"),
        ([1.0, 2.0, 3.0], 5, (0,), r"`ids` must be integers of shape \(n,\), got float64"),
        ([[1, 2, 3]], 5, (0,), r"of shape \(1, 3\)"),
        ([1, 2, 3], 5, (7,), "`excluded` must lie in"),
        ([1, 2, 3], 0, (), "`vocab_size` must be positive, got 0"),
        ([0, 1, 0], 2, (0, 1), "`excluded` must leave at least one id"),
    ],
)
def test_wrong_texts(text, vocab_size, excluded, message):
    with pytest.raises(UserError, match=message):
        NGramModel(3).fit(text, vocab_size, excluded)


def test_wrong_use_after_fit():
    with pytest.raises(RuntimeError, match="call `fit` first"):
        NGramModel(3).log_probs([1])
    model = NGramModel(3).fit([1, 2, 3], 5)
    with pytest.raises(UserError, match="at least one token"):
        model.perplexity([])
    with pytest.raises(UserError, match="`ids` must lie in"):
        model.log_probs([5])
    with pytest.raises(UserError, match="`context` must lie in"):
        model.next_log_probs([9])
