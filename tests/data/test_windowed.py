import numpy as np
import pytest
import tensorflow as tf

from kseq.data.windowed import windowed
from kseq.errors import UserError

LENGTHS = [[7, 3, 1], [4, 4, 2], [1]]


def batches(weighted=False):
    """Batches of ids that count up through the set, and of truths and weights that count texts."""
    features = []
    truth = iter(range(100))
    first = 1
    for lengths in LENGTHS:
        ids = np.zeros((len(lengths), max(lengths)), "int32")
        for row, length in zip(ids, lengths, strict=True):
            row[:length] = np.arange(first, first + length)
            first += length
        numbers = np.array([next(truth) for _ in lengths])
        weights = [numbers + 0.5] if weighted else []
        features.append(({"tokens": ids, "characters": np.stack([ids, ids], -1)}, numbers, *weights))
    types = (
        {"tokens": tf.TensorSpec([None, None], tf.int32), "characters": tf.TensorSpec([None] * 3, tf.int32)},
        tf.TensorSpec([None], tf.int64),
        *([tf.TensorSpec([None], tf.float64)] if weighted else []),
    )
    return tf.data.Dataset.from_generator(lambda: iter(features), output_signature=types)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("window", [1, 2, 3, 4, 10])
def test_windows_put_together_are_the_texts(window, shuffle):
    dataset = windowed(batches(), window, shuffle=shuffle, seed=1)
    texts, running, count = {}, None, 0
    for features, truth, _ in dataset:
        ids, reset = features["tokens"].numpy(), features["reset"].numpy()
        np.testing.assert_array_equal(features["characters"][..., 1], ids)
        assert ids.shape[1] <= window and len(set(reset)) == 1
        if reset[0]:
            running = truth.numpy()
        np.testing.assert_array_equal(truth, running)  # windows of one batch follow each other
        for row, number in zip(ids, running, strict=True):
            texts.setdefault(int(number), []).extend(row[row > 0])
        count += 1
    lengths = [n for row in LENGTHS for n in row]
    ends = np.cumsum(lengths)
    assert texts == {n: list(range(ends[n] - k + 1, ends[n] + 1)) for n, k in enumerate(lengths)}
    assert len(dataset) == count == sum(-(-max(row) // window) for row in LENGTHS)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("count", ["all", "last"])
def test_a_text_weighs_the_same_in_any_number_of_windows(count, weighted):
    found = {}
    for features, truth, weight in windowed(batches(weighted), 2, count):
        real = features["tokens"].numpy().any(1)
        assert not weight.numpy()[~real].any()
        for number, one in zip(truth.numpy(), weight.numpy(), strict=True):
            found.setdefault(number, []).append(float(one))
    for number, weights in found.items():
        assert sum(weights) == pytest.approx(number + 0.5 if weighted else 1)
        assert np.count_nonzero(weights) == (1 if count == "last" else -(-sum(LENGTHS, [])[number] // 2))


def test_the_order_changes_from_epoch_to_epoch_and_is_repeatable():
    def order(dataset):
        return [int(truth[0]) for features, truth, _ in dataset if features["reset"][0]]

    dataset = windowed(batches().repeat(5), 2, shuffle=True, seed=3)
    first, second = order(dataset), order(dataset)
    assert first != second and sorted(first) == sorted(second)
    assert order(windowed(batches().repeat(5), 2, shuffle=True, seed=3)) == first


def test_bad_arguments():
    with pytest.raises(UserError, match="`window` must be positive, got 0"):
        windowed(batches(), 0)
    with pytest.raises(UserError, match="`count`"):
        windowed(batches(), 2, "first")
