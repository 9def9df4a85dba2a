"""CRF quantities against the listing of every tag sequence, and against pytorch-crf."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from kseq.errors import UserError
from kseq.ops import crf
from tests.gradients import finite_differences, gradients
from tests.helpers import masks, to_numpy
from tests.reference import crf as reference

TIME, TAGS, BATCH = 5, 3, 5
MASKS = list(masks(BATCH, TIME))


def random_scores(mask=None, scale=1.0, seed=0, batch=BATCH, time=TIME, tags=TAGS):
    rng = np.random.default_rng(seed)
    shapes = [(batch, time, tags), (tags, tags), (tags,), (tags,)]
    tensors = [rng.normal(0, scale, shape).astype("float32") for shape in shapes]
    if mask is not None:
        tensors[0][~mask] = 1e3  # garbage
    return crf.Scores(*tensors, mask)


def rows(function, scores, *arguments):
    return np.array([function(scores, row, *arguments) for row in range(len(scores.emissions))])


# moderate scores go through matrix products, wide ones through logarithms
@pytest.mark.parametrize("scale", [1.0, 100.0])
@pytest.mark.parametrize("kind", MASKS)
class TestAgainstListing:
    def make(self, kind, scale):
        return random_scores(masks(BATCH, TIME)[kind], scale)

    def test_log_partition(self, kind, scale):
        scores = self.make(kind, scale)
        expected = rows(reference.log_partition, scores)
        np.testing.assert_allclose(to_numpy(crf.log_partition(scores)), expected, rtol=1e-5, atol=1e-5)

    def test_marginals(self, kind, scale):
        scores = self.make(kind, scale)
        np.testing.assert_allclose(
            to_numpy(crf.marginals(scores)),
            rows(reference.marginals, scores),
            atol=1e-4 if scale > 1 else 1e-5,
        )

    def test_score_and_likelihood(self, kind, scale):
        scores = self.make(kind, scale)
        tags = np.random.default_rng(3).integers(0, TAGS, (BATCH, TIME))
        real = [tags[row][reference.real_tokens(scores, row)[1]] for row in range(BATCH)]
        expected = np.array([reference.score(scores, row, real[row]) for row in range(BATCH)])
        np.testing.assert_allclose(to_numpy(crf.score(scores, tags)), expected, rtol=1e-5, atol=1e-5)
        expected = expected - rows(reference.log_partition, scores)
        found = to_numpy(crf.log_likelihood(scores, tags))
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * scale)

    def test_viterbi(self, kind, scale):
        scores = self.make(kind, scale)
        tags, values = (to_numpy(x) for x in crf.viterbi(scores))
        for row in range(BATCH):
            sequences, expected = reference.every_sequence(scores, row)
            np.testing.assert_array_equal(tags[row], reference.spread_out(scores, row, sequences[0]))
            np.testing.assert_allclose(values[row], expected[0], rtol=1e-5, atol=1e-5)

    def test_k_best(self, kind, scale):
        k, scores = 30, self.make(kind, scale)
        tags, values = (to_numpy(x) for x in crf.k_best(scores, k))
        assert tags.shape == (BATCH, k, TIME)
        for row in range(BATCH):
            sequences, expected = reference.every_sequence(scores, row)
            count = min(k, len(sequences))
            np.testing.assert_allclose(values[row, :count], expected[:count], rtol=1e-5, atol=1e-4)
            assert np.all(np.isneginf(values[row, count:]))
            for n in range(count):
                np.testing.assert_array_equal(tags[row, n], reference.spread_out(scores, row, sequences[n]))

    def test_gradient_of_the_log_partition(self, kind, scale):
        if scale > 1:
            pytest.skip("finite differences do not resolve such scores; the marginals test covers them")
        scores = self.make(kind, scale)
        weights = np.random.default_rng(5).normal(size=BATCH).astype("float32")

        def loss(*args):
            return ops.sum(weights * crf.log_partition(crf.Scores(*args, scores.mask)))

        def listed(*args):
            listed_scores = crf.Scores(*args, scores.mask)
            return np.sum(weights * rows(reference.log_partition, listed_scores))

        found, _ = gradients(loss, scores[:4])
        for ours, expected in zip(found, finite_differences(listed, scores[:4]), strict=True):
            np.testing.assert_allclose(ours, expected, atol=1e-5)


@given(st.data())
@settings(max_examples=20, deadline=None)
def test_any_mask(data):
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=8, max_size=8))).reshape(2, 4)
    scores = random_scores(mask, batch=2, time=4)
    np.testing.assert_allclose(
        to_numpy(crf.log_partition(scores)), rows(reference.log_partition, scores), atol=1e-5
    )
    tags = to_numpy(crf.viterbi(scores)[0])
    for row in range(2):
        best = reference.every_sequence(scores, row)[0][0]
        np.testing.assert_array_equal(tags[row], reference.spread_out(scores, row, best))


@pytest.mark.parametrize("scale", [1.0, 60.0])
def test_forbidden_transitions_have_no_probability(scale):
    scores = random_scores(scale=scale)
    transitions = scores.transitions.copy()
    transitions[0, 1] = transitions[2, 2] = crf.FORBIDDEN
    start = scores.start.copy()
    start[1] = crf.FORBIDDEN
    scores = scores._replace(transitions=transitions, start=start)
    np.testing.assert_allclose(
        to_numpy(crf.log_partition(scores)), rows(reference.log_partition, scores), rtol=1e-5
    )
    (found,), _ = gradients(
        lambda t: ops.sum(crf.log_partition(scores._replace(transitions=t))), [transitions]
    )
    assert to_numpy(found)[0, 1] == to_numpy(found)[2, 2] == 0
    tags = to_numpy(crf.viterbi(scores)[0])
    pairs = set(zip(tags[:, :-1].ravel().tolist(), tags[:, 1:].ravel().tolist(), strict=True))
    assert not pairs & {(0, 1), (2, 2)} and not np.any(tags[:, 0] == 1)


def test_an_impossible_tag_sequence_has_a_large_but_finite_loss():
    scores = random_scores()
    transitions = np.full_like(scores.transitions, crf.FORBIDDEN)
    transitions[0, 0] = 0
    scores = scores._replace(transitions=transitions)
    found = to_numpy(crf.log_likelihood(scores, np.full((BATCH, TIME), 1)))
    assert np.all(np.isfinite(found)) and np.all(found < 0.5 * crf.FORBIDDEN)


def test_a_long_sequence_stays_exact():
    # elsewhere the tests run operations one by one
    time = 600 if keras.backend.backend() == "tensorflow" else 60
    scores = random_scores(batch=1, time=time, scale=3.0)
    tags, value = crf.viterbi(scores)
    np.testing.assert_allclose(to_numpy(crf.score(scores, tags)), to_numpy(value), rtol=1e-5)
    probabilities = to_numpy(crf.marginals(scores))
    np.testing.assert_allclose(probabilities.sum(-1), 1, atol=1e-5)
    assert np.all(to_numpy(crf.log_likelihood(scores, tags)) < 0)


def test_pack_and_unpack():
    scores = random_scores(masks(BATCH, TIME)["gaps"])
    packed = crf.pack(scores)
    assert tuple(packed.shape) == (BATCH, 2 + TAGS + TIME, TAGS + 1)
    for ours, theirs in zip(scores, crf.unpack(packed), strict=True):
        np.testing.assert_array_equal(ours, to_numpy(theirs))


def test_k_must_be_positive():
    with pytest.raises(UserError, match="`k` must be positive, got 0"):
        crf.k_best(random_scores(), 0)


@pytest.mark.parametrize("scale", [1.0, 10.0])
def test_against_pytorch_crf(scale):
    torchcrf = pytest.importorskip("torchcrf", reason="pytorch-crf is not installed")
    import torch

    batch, time, tags = 6, 12, 7
    lengths = np.array([12, 1, 7, 9, 12, 2])
    mask = np.arange(time) < lengths[:, None]
    scores = random_scores(mask, scale, batch=batch, time=time, tags=tags)
    theirs = torchcrf.CRF(tags, batch_first=True).double()  # in float32 it is the less exact one
    with torch.no_grad():
        for name, value in zip(
            ("transitions", "start_transitions", "end_transitions"), scores[1:4], strict=True
        ):
            getattr(theirs, name).copy_(torch.tensor(value))
    clean = np.where(mask[..., None], scores.emissions, 0).astype("float64")
    emissions = torch.tensor(clean, requires_grad=True)
    gold = np.random.default_rng(1).integers(0, tags, (batch, time))
    likelihood = theirs(emissions, torch.tensor(gold), torch.tensor(mask), reduction="none")
    np.testing.assert_allclose(
        to_numpy(crf.log_likelihood(scores, gold)), likelihood.detach().numpy(), rtol=1e-5, atol=1e-5 * scale
    )
    likelihood.sum().backward()

    def loss(*args):
        return ops.sum(crf.log_likelihood(crf.Scores(*args, mask), gold))

    found, _ = gradients(loss, scores[:4], compiled=True)
    weights = (theirs.transitions, theirs.start_transitions, theirs.end_transitions)
    for ours, other in zip(found, (emissions, *weights), strict=True):
        np.testing.assert_allclose(to_numpy(ours), other.grad.numpy(), rtol=1e-5, atol=1e-5)
    best = theirs.decode(emissions, torch.tensor(mask))
    ours = to_numpy(crf.viterbi(scores)[0])
    for row, length in enumerate(lengths):
        assert ours[row, :length].tolist() == best[row]


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="shapes and XLA of TensorFlow")
@pytest.mark.parametrize("static", [True, False])
def test_in_a_traced_function(static):
    import tensorflow as tf

    mask = masks(BATCH, TIME)["right"]
    scores = random_scores(mask)
    gold = np.random.default_rng(1).integers(0, TAGS, (BATCH, TIME))
    shape = [BATCH, TIME] if static else [None, None]

    @tf.function(input_signature=[tf.TensorSpec([*shape, TAGS]), tf.TensorSpec(shape, tf.bool)])
    def traced(emissions, mask):
        given = scores._replace(emissions=emissions, mask=mask)
        with tf.GradientTape() as tape:
            tape.watch(emissions)
            likelihood = crf.log_likelihood(given, gold)
        return likelihood, tape.gradient(likelihood, emissions), *crf.viterbi(given), *crf.k_best(given, 2)

    found = traced(scores.emissions, mask)
    loss = lambda x: ops.sum(crf.log_likelihood(scores._replace(emissions=x), gold))  # noqa: E731
    expected, _ = gradients(loss, [scores.emissions])
    np.testing.assert_allclose(found[0], to_numpy(crf.log_likelihood(scores, gold)), atol=1e-5)
    np.testing.assert_allclose(found[1], to_numpy(expected[0]), atol=1e-5)
    np.testing.assert_array_equal(found[2], to_numpy(crf.viterbi(scores)[0]))
    np.testing.assert_array_equal(found[4], to_numpy(crf.k_best(scores, 2)[0]))
