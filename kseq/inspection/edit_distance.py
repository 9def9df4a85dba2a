"""How many edits make one sequence another."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import numpy as np

# Pairs that are computed side by side.
CHUNK = 1024


def edit_distances(first: Sequence[Sequence[Hashable]], second: Sequence[Sequence[Hashable]]) -> np.ndarray:
    """The edit distance of each pair of sequences: insertions, deletions and substitutions.

        D(i, 0) = i
        D(0, j) = j
        D(i, j) = min(D(i-1, j) + 1, D(i, j-1) + 1, D(i-1, j-1) + [a(i) != b(j)])

    A row of `D` is computed at once, for many pairs: with `m(j)` the least of what comes from the row before,

        D(i, j) - j = min over k <= j of m(k) - k

    Args:
        first: characters of texts, or lists of words.
        second: as many.

    Returns:
        int `(pairs,)`.

    Example:
        >>> edit_distances(["kitten", "abc"], ["sitting", "abc"])
        array([3, 0])

    Reference:
        Levenshtein, "Binary codes capable of correcting deletions, insertions, and reversals", 1966.
    """
    ids: dict[Hashable, int] = {}
    rows = [
        [np.array([ids.setdefault(item, len(ids)) for item in row], np.int32) for row in side]
        for side in (first, second)
    ]
    found = np.zeros(len(first), np.int64)
    order = np.argsort([len(row) for row in rows[0]], kind="stable")
    for start in range(0, len(order), CHUNK):
        chunk = order[start : start + CHUNK]
        found[chunk] = _side_by_side(*([side[place] for place in chunk] for side in rows))
    return found


def _side_by_side(first: list[np.ndarray], second: list[np.ndarray]) -> np.ndarray:
    a, b = _padded(first, -1), _padded(second, -2)
    lengths = np.array([len(row) for row in first])
    steps = np.arange(b.shape[1] + 1)
    distance = np.tile(steps, (len(a), 1))  # (pairs, items of the second + 1)
    for i in range(a.shape[1]):
        least = np.minimum(distance[:, 1:] + 1, distance[:, :-1] + (b != a[:, i : i + 1]))
        least = np.pad(least, ((0, 0), (1, 0)), constant_values=i + 1)
        row = np.minimum.accumulate(least - steps, axis=1) + steps
        distance = np.where((i < lengths)[:, np.newaxis], row, distance)
    return distance[np.arange(len(a)), [len(row) for row in second]]


def _padded(rows: Iterable[np.ndarray], filler: int) -> np.ndarray:
    rows = list(rows)
    padded = np.full((len(rows), max(map(len, rows))), filler, np.int32)
    for place, row in enumerate(rows):
        padded[place, : len(row)] = row
    return padded
