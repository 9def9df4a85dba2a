"""What a sequence-to-sequence model reads and writes: text to ids and back, by a level of units."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import tensorflow as tf

from kseq.data.bpe import MIN_FREQUENCY, Merges, learn_merges
from kseq.data.tokenization import UNK, joiner
from kseq.data.unit_tokens import MARK, characters, spaced, words
from kseq.errors import UserError, one_of, positive
from kseq.files import write_text

SPLIT = {"char": characters, "space": spaced, "word": words, "bpe": words}
LEVELS = tuple(SPLIT)
#: units of a byte-pair encoding whose size is not given
BPE_SIZE = 8000
NUM_SPECIAL = 4
# Texts that are split at once; more take more memory and no less time.
CHUNK = 10_000


@dataclass(frozen=True)
class Units:
    """The way from text to ids and back, the same in training and inside an export.

    ```
    level     "Go to bed, Bo!"                                                  gives back
    "char"    G o   t o   b e d ,   B o !                                       the text
    "space"   Go to bed, Bo!                                                    with single spaces
    "word"    ▁Go ▁to ▁bed , ▁Bo !                                              with single spaces
    "bpe"     ▁Go ▁to ▁b ed , ▁B o !   what is frequent in one piece            with single spaces
    ```

    Ids 0 to 3 are padding, unknown, beginning and end, whatever a text reads; all others are `tokens`.

    Args:
        tokens: what the ids from 4 on stand for.
        level: one of `LEVELS`. Phonemes are `"space"`. At `"word"` and `"bpe"` a token that follows white
            space or begins the text begins with `▁`; a `▁` of a text reads as a space.
        merges: of `"bpe"`, left and right of each with a space between them, the first learnt first.

    Raises:
        ValueError: tokens are there twice, or merges do not fit them.

    Example:
        >>> units = Units.build(["a rose is a rose"], level="word")
        >>> ids = units.encode(tf.constant(["is a tulip a rose"]))
        >>> ids.to_list()
        [[6, 4, 1, 4, 5]]
        >>> units.decode(units.add_eos(ids)).numpy()[0].decode()
        'is a [UNK] a rose'
    """

    tokens: tuple[str, ...] = field(repr=False)
    level: str = "char"
    merges: tuple[str, ...] = field(default=(), repr=False)

    pad_id: ClassVar[int] = 0
    unk_id: ClassVar[int] = 1
    bos_id: ClassVar[int] = 2
    eos_id: ClassVar[int] = 3

    def __post_init__(self) -> None:
        one_of("level", self.level, LEVELS)
        object.__setattr__(self, "tokens", tuple(self.tokens))
        object.__setattr__(self, "merges", tuple(self.merges))
        known = set(self.tokens)
        if len(known) < len(self.tokens):
            double, _ = Counter(self.tokens).most_common(1)[0]
            raise ValueError(f"`tokens` must differ from each other, got {double!r} more than once")
        if "" in known:
            raise ValueError("`tokens` must not be empty, got ''")
        if self.merges and self.level != "bpe":
            raise ValueError(f"`merges` are for level 'bpe', got some at level {self.level!r}")
        for merge in self.merges:
            left, _, right = merge.partition(" ")
            if not {left, right, left + right} <= known:
                raise ValueError(f"`merges` must be of two tokens that make a third, got {merge!r}")

    @classmethod
    def build(cls, texts: Iterable[str], level: str, size: int | None = None, min_count: int = 1) -> Units:
        """Learn the units of texts; of both sides' texts for units that both sides share.

        Args:
            texts: of the training part.
            level: one of `LEVELS`.
            size: how many ids at most, the special ones among them; None for all tokens there are, and for
                `BPE_SIZE` at `"bpe"`.
            min_count: tokens seen less often are unknown; at `"bpe"` characters, and pairs are not merged.

        Raises:
            UserError: no token is left, or `size` is too small for the characters of a byte-pair encoding.
        """
        one_of("level", level, LEVELS)
        positive("min_count", min_count)
        if size is not None and size <= NUM_SPECIAL:
            raise UserError(f"`size` must be more than the {NUM_SPECIAL} special ids, got {size}")
        texts = list(texts)
        room = (BPE_SIZE if size is None and level == "bpe" else size or 2**31) - NUM_SPECIAL
        counts = _count(texts, level)
        if level == "bpe":
            return cls._learn(texts, counts, room, min_count)
        known = [(-count, token) for token, count in counts.items() if count >= min_count]
        if not known:
            raise UserError(f"no units of level {level!r} in {len(texts)} texts with `min_count` {min_count}")
        return cls(tuple(token for _, token in sorted(known)[:room]), level)

    @classmethod
    def _learn(cls, texts: list[str], counts: Counter[str], room: int, min_count: int) -> Units:
        spelled: Counter[str] = Counter()
        for word, count in counts.items():
            for character in word:
                spelled[character] += count
        alphabet = [character for character, count in spelled.items() if count >= min_count]
        if not alphabet:
            raise UserError(f"no characters in {len(texts)} texts with `min_count` {min_count}")
        if len(alphabet) > room:
            raise UserError(
                f"`size` {room + NUM_SPECIAL} has no room for {NUM_SPECIAL} special ids and the "
                f"{len(alphabet)} characters of the texts: give more, or leave rare ones out (`min_count`)"
            )
        joined = (text.decode() for chunk in _chunks(texts) for text in _join(words(chunk)).numpy())
        tokens, merges = learn_merges(joined, room, alphabet, max(MIN_FREQUENCY, min_count))
        return cls(tuple(tokens), "bpe", tuple(f"{left} {right}" for left, right in merges))

    @property
    def size(self) -> int:
        """Number of ids, the special ones among them."""
        return NUM_SPECIAL + len(self.tokens)

    @property
    def tables(self) -> list[tf.lookup.StaticHashTable]:
        """What looks tokens and merges up, to be tracked by an export that encodes."""
        return [self._ids, *([self._merger.table] if self.merges else [])]

    def encode(self, texts: tf.Tensor, add_eos: bool = False) -> tf.RaggedTensor:
        """The ids of texts, without a beginning.

        Args:
            texts: strings `(batch,)`, UTF-8.
            add_eos: whether each row ends in the id of the end.

        Returns:
            int32 `(batch, time)`, ragged.
        """
        tokens = SPLIT[self.level](texts)
        ids = self._spell(tokens) if self.level == "bpe" else self._look_up(tokens)
        return self.add_eos(ids) if add_eos else ids

    def add_eos(self, ids: tf.RaggedTensor) -> tf.RaggedTensor:
        """Rows with the id of the end behind each."""
        # not concatenated: TensorFlow transposes the row splits of ragged tensors for that, and says so
        lengths = ids.row_lengths()[:, None]
        dense = tf.pad(ids.to_tensor(), [[0, 0], [0, 1]])
        dense = tf.where(tf.range(tf.shape(dense, tf.int64)[1]) == lengths, self.eos_id, dense)
        return tf.RaggedTensor.from_tensor(dense, lengths=lengths[:, 0] + 1)

    def decode(self, ids: tf.Tensor) -> tf.Tensor:
        """The texts of ids, each up to its end.

        Args:
            ids: integers `(batch, time)` or `(batch, beams, time)`, dense; padding and the beginning read as
                nothing. `(batch, time)` may be ragged.

        Returns:
            Strings `(batch,)` or `(batch, beams)`.
        """
        if isinstance(ids, tf.RaggedTensor):
            ids = ids.to_tensor()
        ended = tf.cumsum(tf.cast(ids == self.eos_id, tf.int32), axis=-1) > 0
        return self._join_pieces(tf.where(ended, tf.zeros_like(ids), ids))

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs, as plain JSON types."""
        return {"level": self.level, "tokens": list(self.tokens), "merges": list(self.merges)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Units:
        """The units that gave this `get_config`."""
        return cls(**config)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the units as JSON, at once."""
        write_text(Path(path), json.dumps(self.get_config(), ensure_ascii=False))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Units:
        """Read what `save` wrote.

        Raises:
            UserError: the file is missing or something else.
        """
        try:
            return cls.from_config(json.loads(Path(path).read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise UserError(f"no such file of units: {os.fspath(path)}") from None
        except (ValueError, TypeError) as error:
            raise UserError(f"{os.fspath(path)} is no file of units: {error}") from None

    def _spell(self, tokens: tf.RaggedTensor) -> tf.RaggedTensor:
        """Byte-pair encoding; a word that is there often is encoded once."""
        different, place = tf.unique(tokens.flat_values)
        spelled = self._look_up(characters(different))
        merged = self._merger(spelled) if self.merges else spelled
        pieces = tf.gather(merged, place)  # (words of all texts, units)
        return tf.RaggedTensor.from_row_splits(pieces, tokens.row_splits, validate=False).merge_dims(1, 2)

    def _look_up(self, tokens: tf.RaggedTensor) -> tf.RaggedTensor:
        return tokens.with_flat_values(self._ids.lookup(tokens.flat_values))

    @cached_property
    def _id_of(self) -> dict[str, int]:
        return {token: number for number, token in enumerate(self.tokens, NUM_SPECIAL)}

    @cached_property
    def _ids(self) -> tf.lookup.StaticHashTable:
        with tf.init_scope():  # it outlives the graph in which it may be asked for first
            keys = tf.constant(list(self._id_of), tf.string)
            values = tf.constant(list(self._id_of.values()), tf.int32)
            return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, values), self.unk_id)

    @cached_property
    def _merger(self) -> Merges:
        pairs = [tuple(merge.split(" ")) for merge in self.merges]
        return Merges(pairs, self._id_of)

    @cached_property
    def _join_pieces(self) -> Callable[[tf.Tensor], tf.Tensor]:
        if self.level == "char":
            return joiner(["", UNK, "", "", *self.tokens], "char")
        spaced_out = self.level == "space"
        pieces = [f" {token}" if spaced_out else token.replace(MARK, " ") for token in self.tokens]
        unknown = UNK if self.level == "bpe" else f" {UNK}"  # a word, not a character within one
        return joiner(["", unknown, "", "", *pieces], "word")


def _count(texts: list[str], level: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for chunk in _chunks(texts):
        tokens, _, found = tf.unique_with_counts(SPLIT[level](chunk).flat_values)
        counts.update(
            dict(zip((token.decode() for token in tokens.numpy()), found.numpy().tolist(), strict=True))
        )
    return counts


def _chunks(texts: Iterable[str]) -> Iterator[tf.Tensor]:
    texts = iter(texts)
    while chunk := list(islice(texts, CHUNK)):
        yield tf.constant(chunk)


def _join(tokens: tf.RaggedTensor) -> tf.Tensor:
    return tf.strings.reduce_join(tokens, axis=-1, separator=" ")
