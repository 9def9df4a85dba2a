import numpy as np
import pytest

from kseq.data import bucketed as module
from kseq.data.bucketed import bucketed_batches
from kseq.data.token_features import TokenFeatures


def corpus(lengths):
    sentences = [[f"w{n}.{k}" for k in range(length)] for n, length in enumerate(lengths)]
    tags = [[(n + k) % 5 for k in range(length)] for n, length in enumerate(lengths)]
    return TokenFeatures.build(sentences, characters=True), sentences, tags


def rows(dataset, features):
    """Returns sentence to tags, and the shapes of the batches."""
    found, shapes = {}, []
    for x, y in dataset:
        x = {name: ids.numpy() for name, ids in x.items()}
        shapes.append(x["tokens"].shape)
        assert x["characters"].shape[:2] == y.shape == x["tokens"].shape
        for ids, tags in zip(x["tokens"], y.numpy(), strict=True):
            real = ids > 0
            assert not tags[~real].any() and real.sum() == np.flatnonzero(real).max() + 1
            key = tuple(features.words[i] for i in ids[real])
            assert key not in found
            found[key] = tags[real].tolist()
    return found, shapes


@pytest.mark.parametrize("shuffle", [False, True])
def test_every_sentence_once_with_its_tags(shuffle):
    lengths = [1, 30, 8, 9, 0, 8, 2, 120, 31, 7, 8]
    features, sentences, tags = corpus(lengths)
    dataset = bucketed_batches(features, sentences, tags, 3, shuffle=shuffle, seed=1)
    found, shapes = rows(dataset, features)
    expected = {tuple(s): t for s, t in zip(sentences, tags, strict=True) if s}
    assert found == expected
    assert len(dataset) == len(shapes)
    assert all(count <= 3 for count, _ in shapes)


def test_like_lengths_share_batches():
    features, sentences, tags = corpus([5, 100, 5, 100, 6, 100, 7, 100])
    _, shapes = rows(bucketed_batches(features, sentences, tags, 4), features)
    assert sorted(shapes) == [(4, 7), (4, 100)]


def test_very_long_sentences_get_small_batches(monkeypatch):
    monkeypatch.setattr(module, "MAX_TOKENS", 2400)
    features, sentences, tags = corpus([1200] * 5 + [3])
    dataset = bucketed_batches(features, sentences, tags, 16)
    _, shapes = rows(dataset, features)
    assert sorted(shapes) == [(1, 3), (1, 1200), (2, 1200), (2, 1200)] and len(dataset) == 4


def test_another_order_each_epoch_and_the_same_with_the_same_seed():
    features, sentences, tags = corpus([5] * 40)

    def order(dataset):
        return [x["tokens"][0, 0].numpy() for x, _ in dataset]

    one, two = (bucketed_batches(features, sentences, tags, 4, shuffle=True, seed=7) for _ in range(2))
    first = order(one)
    assert first == order(two) and first != order(one)


@pytest.mark.parametrize("vector", [False, True])
def test_one_truth_a_sentence(vector):
    features, sentences, _ = corpus([3, 20, 4, 0, 21, 5])
    truth = [[0.5 * n, 1.0] if vector else n for n in range(6)]
    truth = np.array(truth) if vector else truth
    found = {}
    for x, y in bucketed_batches(features, sentences, truth, 2):
        for ids, value in zip(x["tokens"].numpy(), y.numpy(), strict=True):
            found[features.words[ids[0]]] = value.tolist()
    assert found == {s[0]: np.asarray(truth[n]).tolist() for n, s in enumerate(sentences) if s}
