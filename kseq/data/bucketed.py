"""Sentences of many lengths to batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from kseq.data.token_features import TokenFeatures

#: lengths up to which sentences share batches
BOUNDARIES = (8, 12, 16, 20, 25, 30, 36, 43, 52, 64, 80, 110, 160, 250, 500, 1000)
#: tokens of a batch, padding included, at which long sentences get smaller batches
MAX_TOKENS = 16_384


def bucketed_batches(
    features: TokenFeatures,
    sentences: Sequence[Sequence[str]],
    truth: Sequence[Any],
    batch_size: int,
    *,
    shuffle: bool = False,
    seed: int | None = None,
) -> tf.data.Dataset:
    """Batches of sentences of like lengths.

    ```
    ({"tokens": [[7, 5, 3], [9, 4, 0]]}, [[0, 2, 0], [1, 0, 0]])      truth for each token
    ({"tokens": [[7, 5, 3], [9, 4, 0]]}, [1, 0])                      truth for each sentence
    ```

    Args:
        features: what a model sees of a token.
        sentences: tokens of each; empty ones are left out.
        truth: of each sentence a list with a number a token, or one thing: a number or a vector.
        batch_size: sentences a batch; fewer where they are very long.
        shuffle: whether sentences change places from epoch to epoch.
        seed: of the shuffling.

    Returns:
        Dataset of `(features, truth)`, padded with 0 to the longest sentence of the batch.
    """
    kept = [n for n, tokens in enumerate(sentences) if len(tokens)]
    lengths = [len(sentences[n]) for n in kept]
    words = tf.RaggedTensor.from_row_lengths([word for n in kept for word in sentences[n]], lengths)
    by_token = bool(kept) and isinstance(truth[kept[0]], list)
    if by_token:
        targets = words.with_flat_values(tf.constant([tag for n in kept for tag in truth[n]], tf.int32))
    else:
        targets = np.array([truth[n] for n in kept])
    dataset = tf.data.Dataset.from_tensor_slices((features.ids(words), targets))
    # what is sliced off a ragged tensor is dense, which the dataset learns by a map only
    dataset = dataset.map(lambda features, truth: (features, truth))
    if shuffle:
        dataset = dataset.shuffle(len(kept), seed=seed, reshuffle_each_iteration=True)
    return by_length(dataset, lambda features, _: tf.shape(features["tokens"])[0], lengths, batch_size)


def by_length(
    dataset: tf.data.Dataset, length: Callable[..., tf.Tensor], lengths: Sequence[int], batch_size: int
) -> tf.data.Dataset:
    """Batches of elements of like lengths, padded with 0 to the longest of each batch.

    Args:
        dataset: of the elements.
        length: the length of an element, int32, from its components.
        lengths: of all elements, in any order, from which the number of batches follows.
        batch_size: elements a batch; fewer where they are very long.
    """
    sizes = [max(1, min(batch_size, MAX_TOKENS // top)) for top in (*BOUNDARIES, max(lengths, default=1))]
    dataset = dataset.bucket_by_sequence_length(length, [boundary + 1 for boundary in BOUNDARIES], sizes)
    buckets = np.bincount(np.searchsorted(BOUNDARIES, lengths), minlength=len(sizes))
    count = sum(-(-int(n) // size) for n, size in zip(buckets, sizes, strict=True))
    return dataset.apply(tf.data.experimental.assert_cardinality(count)).prefetch(tf.data.AUTOTUNE)
