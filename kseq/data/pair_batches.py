"""Pairs of texts to batches of ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from kseq.data.bucketed import by_length
from kseq.data.pairs import Pair
from kseq.data.units import Units
from kseq.errors import UserError, positive

# Texts that are encoded at once.
CHUNK = 20_000


class ParallelBatches(NamedTuple):
    """What `parallel_batches` makes.

    Args:
        dataset: the batches.
        dropped: how many pairs were too long, or empty to the units of a side.
    """

    dataset: tf.data.Dataset
    dropped: int


def parallel_batches(
    pairs: Sequence[Pair],
    source_units: Units,
    target_units: Units,
    batch_size: int,
    *,
    max_length: int | None = None,
    shuffle: bool = False,
    seed: int | None = None,
) -> ParallelBatches:
    """Batches of pairs of like lengths.

    ```
    pairs     [("Run!", "Cours !"), ("Go.", "Va !")]         at level "word"
    inputs    {"source": [[7, 4], [9, 5]], "target_in": [[2, 8, 6], [2, 9, 6]]}        2 begins
    targets   [[8, 6, 3], [9, 6, 3]]                                                   3 ends
    ```

    Args:
        pairs: of the corpus.
        source_units: the ids of sources.
        target_units: the ids of targets.
        batch_size: pairs a batch; fewer where they are very long.
        max_length: pairs of which a side has more ids than this are left out; None for none. Meant for
            training: what is left out of the other parts is not reported on.
        shuffle: whether pairs change places from epoch to epoch.
        seed: of the shuffling.

    Returns:
        Batches `(inputs, targets)`, int32, each tensor padded with 0 to the longest of the batch; and how
        many pairs were left out.

    Raises:
        UserError: no pair is left.
    """
    positive("batch_size", batch_size)
    positive("max_length", max_length)
    source = _encode([pair.source for pair in pairs], source_units)
    target = _encode([pair.target for pair in pairs], target_units)
    lengths = np.stack([source.row_lengths(), target.row_lengths()])  # (2, pairs)
    kept = np.all((lengths > 0) & (lengths <= (max_length or np.inf)), axis=0)
    if not kept.any():
        limit = f" of {max_length} ids a side at most (`max_length`)" if max_length else ""
        raise UserError(f"none of {len(pairs)} pairs is left{limit}")
    source, target = (tf.ragged.boolean_mask(side, kept) for side in (source, target))
    dataset = tf.data.Dataset.from_tensor_slices((source, target))
    if shuffle:
        dataset = dataset.shuffle(int(kept.sum()), seed=seed, reshuffle_each_iteration=True)
    bos, eos = tf.constant([target_units.bos_id]), tf.constant([target_units.eos_id])

    def example(source: tf.Tensor, target: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        return {"source": source, "target_in": tf.concat([bos, target], 0)}, tf.concat([target, eos], 0)

    def length(inputs: dict[str, tf.Tensor], targets: tf.Tensor) -> tf.Tensor:
        return tf.maximum(tf.size(inputs["source"]), tf.size(targets))

    longest = np.maximum(lengths[0], lengths[1] + 1)[kept]
    dataset = by_length(dataset.map(example), length, longest, batch_size)
    return ParallelBatches(dataset, int(len(pairs) - kept.sum()))


def _encode(texts: list[str], units: Units) -> tf.RaggedTensor:
    chunks = [texts[start : start + CHUNK] for start in range(0, len(texts), CHUNK)] or [[]]
    return tf.concat([units.encode(tf.constant(chunk, tf.string)) for chunk in chunks], axis=0)
