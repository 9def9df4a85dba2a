import numpy as np
import pytest

from kseq.data import Pair, Units, bucketed, parallel_batches, read_parallel
from kseq.errors import UserError


def pair(source: str, target: str) -> Pair:
    return Pair(source, target, 1, (target,))


def some(lengths: list[tuple[int, int]]) -> tuple[list[Pair], Units, Units]:
    """Pairs of words by the numbers of words of their sides, all words different."""
    pairs = [
        pair(" ".join(f"s{n}.{k}" for k in range(source)), " ".join(f"t{n}.{k}" for k in range(target)))
        for n, (source, target) in enumerate(lengths)
    ]
    units = (
        Units.build([side], "space")
        for side in (" ".join(p.source for p in pairs), " ".join(p.target for p in pairs))
    )
    return pairs, *units


def rows(batches, source_units: Units, target_units: Units):
    """The pairs of all batches, as texts, and the shapes of sources and targets."""
    found, shapes = [], []
    for inputs, targets in batches.dataset:
        source, fed, wanted = (x.numpy() for x in (inputs["source"], inputs["target_in"], targets))
        assert (
            inputs.keys() == {"source", "target_in"} and source.dtype == fed.dtype == wanted.dtype == np.int32
        )
        assert fed.shape == wanted.shape
        shapes.append((source.shape, wanted.shape))
        for a, b, c in zip(source, fed, wanted, strict=True):
            length = int((c > 0).sum())
            assert b[0] == 2 and c[length - 1] == 3 and not b[length:].any() and not c[length:].any()
            np.testing.assert_array_equal(b[1:length], c[: length - 1])
            number = int((a > 0).sum())
            assert not a[number:].any()
            texts = source_units.decode(a[np.newaxis]), target_units.decode(c[np.newaxis])
            found.append(tuple(text.numpy()[0].decode() for text in texts))
    return found, shapes


@pytest.mark.parametrize("shuffle", [False, True])
def test_every_pair_once(shuffle):
    pairs, *units = some(
        [(1, 3), (30, 2), (8, 9), (9, 8), (2, 60), (7, 7), (120, 100), (31, 30), (8, 8), (7, 8)]
    )
    batches = parallel_batches(pairs, *units, 3, shuffle=shuffle, seed=1)
    found, shapes = rows(batches, *units)
    assert sorted(found) == sorted((p.source, p.target) for p in pairs)
    assert batches.dropped == 0 and len(batches.dataset) == len(shapes)
    assert all(len(found) and shape[0][0] <= 3 for shape in shapes)


def test_like_lengths_share_batches_padded_to_the_longest():
    pairs, *units = some([(5, 2), (100, 3), (4, 6), (3, 100), (6, 1), (101, 90)])
    _, shapes = rows(parallel_batches(pairs, *units, 3), *units)
    assert sorted(shapes) == [((3, 6), (3, 7)), ((3, 101), (3, 101))]


def test_the_end_counts():
    """A target of 8 words takes 9 steps, and goes with the longer ones."""
    pairs, *units = some([(8, 7), (8, 8)])
    _, shapes = rows(parallel_batches(pairs, *units, 2), *units)
    assert sorted(shapes) == [((1, 8), (1, 8)), ((1, 8), (1, 9))]


def test_long_pairs_are_left_out_and_counted():
    pairs, *units = some([(3, 4), (11, 2), (2, 11), (10, 10), (50, 50)])
    batches = parallel_batches(pairs, *units, 4, max_length=10)
    found, _ = rows(batches, *units)
    assert len(found) == 2 and batches.dropped == 3 and len(batches.dataset) == 2
    with pytest.raises(UserError, match=r"none of 5 pairs is left of 2 ids a side at most \(`max_length`\)"):
        parallel_batches(pairs, *units, 4, max_length=2)
    with pytest.raises(UserError, match="none of 0 pairs is left"):
        parallel_batches([], *units, 4)
    with pytest.raises(UserError, match="`batch_size` must be positive, got 0"):
        parallel_batches(pairs, *units, 0)
    with pytest.raises(UserError, match="`max_length` must be positive, got 0"):
        parallel_batches(pairs, *units, 4, max_length=0)


def test_what_is_no_token_is_left_out_too():
    units = Units.build(["a b"], "word")
    batches = parallel_batches([pair("a", "b"), pair("▁", "a")], units, units, 4)
    assert batches.dropped == 1 and rows(batches, units, units)[0] == [("a", "b")]


def test_very_long_pairs_get_small_batches(monkeypatch):
    monkeypatch.setattr(bucketed, "MAX_TOKENS", 2400)
    pairs, *units = some([(2, 1199)] * 3 + [(2, 2)])
    batches = parallel_batches(pairs, *units, 16)
    _, shapes = rows(batches, *units)
    assert sorted(shapes) == [((1, 2), (1, 3)), ((1, 2), (1, 1200)), ((2, 2), (2, 1200))]
    assert len(batches.dataset) == 3


def test_another_order_each_epoch_and_the_same_with_the_same_seed():
    pairs, *units = some([(5, 5)] * 40)

    def order(batches):
        return [inputs["source"][0, 0].numpy() for inputs, _ in batches.dataset]

    one, two = (parallel_batches(pairs, *units, 4, shuffle=True, seed=7) for _ in range(2))
    first = order(one)
    assert first == order(two) and first != order(one)
    still = parallel_batches(pairs, *units, 4)
    assert order(still) == order(still)


def test_encoding_in_chunks_changes_nothing(monkeypatch):
    pairs, *units = some([(3, 4), (2, 2), (5, 1), (1, 1), (2, 6)])
    whole = rows(parallel_batches(pairs, *units, 2), *units)
    monkeypatch.setattr("kseq.data.pair_batches.CHUNK", 2)
    assert rows(parallel_batches(pairs, *units, 2), *units) == whole


def test_multi30k_with_shared_units(real_data):
    corpus = read_parallel(real_data / "multi30k", source_language="en", target_language="de")
    pairs = corpus.train[:8_000]
    units = Units.build([text for pair in pairs for text in (pair.source, pair.target)], "bpe", 4_000)
    batches = parallel_batches(pairs, units, units, 64, max_length=30, shuffle=True, seed=1)
    assert 0 < batches.dropped < 400
    count = 0
    for inputs, targets in batches.dataset.take(20):
        count += 1
        assert inputs["source"].shape[0] == targets.shape[0] <= 64 and targets.shape[1] <= 31
    assert count == 20 and (8_000 - batches.dropped) // 64 <= len(batches.dataset) <= 8_000 // 64 + 16
