import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from keras import ops

from kseq.decoding import choose, filter_log_probs
from tests.helpers import normal, to_numpy

VOCABULARY = 7
REMOVED = -1e8  # removed ids are below


def log_softmax(x):
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def twin(row, temperature=1.0, top_k=0, top_p=1.0, min_p=0.0):
    """Probabilities of one row, ids taken in order until k or p is reached; whether rounding decides."""
    p = np.exp(log_softmax(row.astype("float64") / temperature))
    order = np.argsort(-row, kind="stable")[: top_k or None]
    total, mass, kept, close = p[order].sum(), 0.0, [], False
    for k in order:
        if kept and ((mass / total >= top_p and top_p < 1) or p[k] < min_p * p.max()):
            break
        close = (
            close or (top_p < 1 and abs(mass / total - top_p) < 1e-4) or abs(p[k] / p.max() - min_p) < 1e-4
        )
        kept.append(k)
        mass += p[k]
    kept = row >= row[kept].min()  # ties stay
    found = np.where(kept, p, 0.0)
    return found / found.sum(), close


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    ties=st.booleans(),
    temperature=st.sampled_from([0.3, 0.7, 1.0, 1.5, 4.0]),
    top_k=st.integers(0, VOCABULARY + 2),
    top_p=st.one_of(st.just(1.0), st.floats(0.01, 1.0)),
    min_p=st.one_of(st.just(0.0), st.floats(0.01, 1.0)),
    tensors=st.booleans(),
)
@example(seed=0, ties=True, temperature=1.0, top_k=1, top_p=0.01, min_p=0.0, tensors=False)
def test_filters_as_the_twin(seed, ties, temperature, top_k, top_p, min_p, tensors):
    rows = 2 * normal(3, VOCABULARY, seed=seed)
    rows = np.round(rows) if ties else rows
    options = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p}
    expected, close = zip(*[twin(row, **options) for row in rows], strict=True)
    assume(not any(close))
    if tensors:
        options = {name: ops.convert_to_tensor(value) for name, value in options.items()}
    found = to_numpy(filter_log_probs(ops.convert_to_tensor(rows), **options))
    np.testing.assert_allclose(np.exp(found), np.stack(expected), rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(np.exp(found).sum(-1), 1.0, rtol=1e-5)
    assert ((found < REMOVED) == (np.stack(expected) == 0)).all()


def kept(probabilities, **options):
    found = filter_log_probs(ops.log(ops.convert_to_tensor([probabilities])), **options)
    return np.flatnonzero(to_numpy(found)[0] > REMOVED).tolist()


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ({}, [0, 1, 2, 3]),
        ({"top_k": 1}, [2]),
        ({"top_k": 2}, [0, 1, 2]),  # 0 and 1 tie
        ({"top_k": 9}, [0, 1, 2, 3]),
        ({"top_p": 0.39}, [2]),
        ({"top_p": 0.41}, [0, 1, 2]),
        ({"top_p": 1e-9}, [2]),
        ({"top_p": 0.45, "top_k": 1}, [2]),
        ({"top_p": 0.45, "temperature": 0.5}, [2]),
        ({"min_p": 0.6}, [0, 1, 2]),
        ({"min_p": 0.65}, [2]),
        ({"min_p": 1.0}, [2]),
        ({"min_p": 0.2}, [0, 1, 2, 3]),
        ({"min_p": 0.6, "temperature": 0.5}, [2]),
        ({"min_p": 0.6, "top_p": 0.39}, [2]),
        ({"min_p": 0.65, "top_k": 3}, [2]),
    ],
    ids=str,
)
def test_which_ids_stay_of_four(options, ids):
    assert kept([0.25, 0.25, 0.4, 0.1], **options) == ids


def test_without_options_nothing_is_removed():
    rows = np.array([[0.0, -20.0, -25.0, -60.0], [-3.0, -3.0, -3.0, -30.0]], "float32")
    found = to_numpy(filter_log_probs(ops.convert_to_tensor(rows)))
    np.testing.assert_allclose(found, log_softmax(rows.astype("float64")), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "options", [{}, {"temperature": 0.5}, {"top_k": 3}, {"top_p": 0.9}, {"min_p": 0.05}], ids=str
)
def test_draws_are_distributed_as_they_should(options):
    draws, row = 20_000, 1.5 * normal(VOCABULARY, seed=3)
    expected, _ = twin(row, **options)
    filtered = filter_log_probs(ops.convert_to_tensor(row[None]), **options)
    uniform = np.random.default_rng(4).random(draws, "float32")
    found = to_numpy(choose(ops.repeat(filtered, draws, axis=0), ops.convert_to_tensor(uniform)))
    assert found.dtype == np.int32
    counts = np.bincount(found, minlength=VOCABULARY)
    assert counts[expected == 0].sum() == 0
    possible = expected > 0
    difference = counts[possible] - draws * expected[possible]
    chi_square = (difference**2 / (draws * expected[possible])).sum()
    freedom = possible.sum() - 1
    assert chi_square < freedom + 4 * np.sqrt(2 * freedom)


def test_no_removed_id_at_the_edges_of_the_distribution_function():
    """Where rounding decides: at each value of the distribution function, and one step beside."""
    row = normal(1, 500, seed=5)
    removed = np.random.default_rng(6).choice(500, 250, replace=False)
    row[0, removed] = -1e9
    filtered = ops.convert_to_tensor(row)
    edges = to_numpy(ops.cumsum(ops.softmax(filtered), axis=-1))[0]
    edges = edges / edges[-1]
    uniform = np.concatenate([edges, np.nextafter(edges, 0.0), np.nextafter(edges, 2.0), [0.0, 1 - 2**-24]])
    uniform = uniform[uniform < 1].astype("float32")
    found = to_numpy(choose(ops.repeat(filtered, len(uniform), axis=0), ops.convert_to_tensor(uniform)))
    assert not set(found.tolist()) & set(removed.tolist())
    assert found.min() >= 0 and found.max() < 500
