"""Batches of long texts to batches of their windows."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from kseq.errors import one_of, positive

COUNTED = ("all", "last")


def windowed(
    batches: tf.data.Dataset,
    window: int,
    count: str = "all",
    *,
    shuffle: bool = False,
    seed: int | None = None,
) -> tf.data.Dataset:
    """Cut batches along time into windows that follow each other, for truncated back-propagation.

    ```
    ({"tokens": [[7, 5, 3], [9, 4, 0]]}, [1, 0])                                          window 2:
    ({"tokens": [[7, 5], [9, 4]], "reset": [True, True]}, [1, 0], [.5, 1.])
    ({"tokens": [[3, 0], [0, 0]], "reset": [False, False]}, [1, 0], [.5, 0.])
    ```

    The model that carries its state over them reads each text to its end; padding behind a text changes
    nothing, and its windows weigh nothing. The batches are gone through once to count their windows.

    Args:
        batches: `(features, truth)` as `bucketed_batches` gives for one truth a text, the same batches
            each time; a third entry is the weight of each text.
        window: tokens of a window; shorter batches are one window.
        count: `"all"` for every window of a text to weigh the same, together as much as the text;
            `"last"` for only the last, after which all is read, to count.
        shuffle: whether batches change places from epoch to epoch.
        seed: of the shuffling.

    Returns:
        Dataset of `(features and "reset", truth, weight)`.
    """
    positive("window", window)
    one_of("count", count, COUNTED)

    def cut(features: dict[str, tf.Tensor], truth: tf.Tensor, weight: Any = 1.0) -> tf.data.Dataset:
        number = _windows(features, window)
        padded = {name: _padded(ids, window) for name, ids in features.items()}

        def part(n: tf.Tensor) -> tuple:
            n = tf.cast(n, tf.int32)
            if count == "all":
                share = tf.where(n < number, 1.0 / tf.cast(number, tf.float32), 0.0)
            else:
                share = tf.cast(n == number - 1, tf.float32)
            inputs = {name: ids[:, n * window : (n + 1) * window] for name, ids in padded.items()}
            inputs["reset"] = tf.fill(tf.shape(number), n == 0)
            return inputs, truth, share * tf.cast(weight, tf.float32)

        return tf.data.Dataset.range(tf.cast(tf.reduce_max(number), tf.int64)).map(part)

    numbers = [int(n) for n in batches.map(lambda features, *_: tf.reduce_max(_windows(features, window)))]
    if shuffle:
        batches = batches.shuffle(len(numbers), seed=seed, reshuffle_each_iteration=True)
    counted = tf.data.experimental.assert_cardinality(sum(numbers))
    return batches.flat_map(cut).apply(counted).prefetch(tf.data.AUTOTUNE)


def _windows(features: dict[str, tf.Tensor], window: int) -> tf.Tensor:
    """Of each text, `(batch,)`."""
    real = tf.reduce_sum(tf.cast(features["tokens"] != 0, tf.int32), axis=1)
    return tf.maximum(-(-real // window), 1)


def _padded(ids: tf.Tensor, window: int) -> tf.Tensor:
    """To a whole number of windows, but to no more than one where it is shorter."""
    time = tf.shape(ids)[1]
    behind = tf.where(time > window, -time % window, 0)
    return tf.pad(ids, [[0, 0], [0, behind]] + [[0, 0]] * (ids.shape.rank - 2))
