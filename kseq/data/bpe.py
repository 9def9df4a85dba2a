"""Byte-pair encoding: learnt by the library `tokenizers`, applied by TensorFlow's own operations."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

import tensorflow as tf

#: a pair of units is merged into one only if it was seen at least this often
MIN_FREQUENCY = 2
# The rank of a pair that is no merge.
NONE = 2**31 - 1


def learn_merges(
    texts: Iterable[str], size: int, alphabet: Iterable[str], min_frequency: int = MIN_FREQUENCY
) -> tuple[list[str], list[tuple[str, str]]]:
    """The units that shorten texts most, each made of two that were found before.

    Args:
        texts: words with a space between them.
        size: how many units at most, the alphabet among them.
        alphabet: the characters to build from; of others nothing is made.
        min_frequency: of a pair.

    Returns:
        The units, first the alphabet in order, and the pairs that make the others, in the order in which
        they are to be applied.

    Example:
        >>> learn_merges(["▁low ▁lower ▁lowest"], 11, "▁lowerst")[1]
        [('l', 'o'), ('▁', 'lo'), ('▁lo', 'w')]

    Reference:
        Sennrich, Haddow and Birch, "Neural Machine Translation of Rare Words with Subword Units", 2016.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    known = set(alphabet)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.BpeTrainer(
        vocab_size=size, min_frequency=min_frequency, initial_alphabet=sorted(known), show_progress=False
    )
    tokenizer.train_from_iterator((_only(text, known) for text in texts), trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return sorted(model["vocab"], key=model["vocab"].get), [(left, right) for left, right in model["merges"]]


class Merges:
    """The merges of a byte-pair encoding as a graph applies them.

    In each word the pair that comes first in the list of merges becomes one unit, again and again, until no
    pair is in the list. Of pairs that are equal the leftmost comes first.

    Args:
        merges: left and right, in the order in which they were learnt.
        ids: of every unit, also of those that merges make.
    """

    def __init__(self, merges: Sequence[tuple[str, str]], ids: Mapping[str, int]):
        self.base = max(ids.values(), default=0) + 1
        keys = [ids[left] * self.base + ids[right] for left, right in merges]
        self._made = [ids[left + right] for left, right in merges]
        with tf.init_scope():  # it outlives the graph in which it may be asked for first
            ranks = tf.lookup.KeyValueTensorInitializer(
                tf.constant(keys, tf.int64), tf.range(len(keys), dtype=tf.int64)
            )
            self.table = tf.lookup.StaticHashTable(ranks, NONE)

    def __call__(self, units: tf.RaggedTensor) -> tf.RaggedTensor:
        """The units of words after all merges.

        Args:
            units: ids `(words, units)`, int32, first of the characters; no word is empty.
        """
        made = tf.constant([*self._made, 0])

        def merge(flat: tf.Tensor, word: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            count = tf.size(flat, tf.int64)
            pair = tf.cast(flat[:-1], tf.int64) * self.base + tf.cast(flat[1:], tf.int64)
            rank = tf.where(word[:-1] == word[1:], self.table.lookup(pair), NONE)
            # one number for the rank and, among equal ranks, the place
            first = tf.math.segment_min(rank * count + tf.range(count - 1), word[:-1])
            first = tf.boolean_mask(first, first < NONE * count)
            place = (first % count)[:, tf.newaxis]
            flat = tf.tensor_scatter_nd_update(flat, place, tf.gather(made, first // count))
            kept = tf.tensor_scatter_nd_update(
                tf.fill([count], True), place + 1, tf.zeros_like(first, tf.bool)
            )
            return tf.boolean_mask(flat, kept), tf.boolean_mask(word, kept), tf.size(first) > 0

        flat, word, _ = tf.while_loop(
            lambda flat, word, more: more,
            merge,
            (units.flat_values, units.value_rowids(), tf.size(units.flat_values) > 1),
            shape_invariants=(tf.TensorShape([None]), tf.TensorShape([None]), tf.TensorShape([])),
        )
        return tf.RaggedTensor.from_value_rowids(flat, word, nrows=units.nrows(), validate=False)


def _only(text: str, alphabet: set[str]) -> str:
    rare = set(text) - alphabet
    return text.translate({ord(character): " " for character in rare}) if rare - {" "} else text
