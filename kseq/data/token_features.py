"""What a tagger sees of a token: its word, its characters, its case, its neighbour."""

from __future__ import annotations

import dataclasses
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from kseq.data.tokenization import PAD, UNK
from kseq.errors import UserError, positive
from kseq.files import write_text

#: what is told of the case of a token, the first match of these; id 0 is padding, 1 none of them
CASES = {
    "digits": r"\d+",
    "number": r"[\d.,:/%-]*\d[\d.,:/%-]*",
    "upper": r"\p{Lu}",
    "all upper": r"[^\p{Ll}]*\p{Lu}[^\p{Ll}]*",
    "title": r"\p{Lu}[^\p{Lu}]*",
    "mixed": r".*\p{Lu}.*",
    "digit inside": r".*\d.*",
    "lower": r"[\p{Ll}'-]+",
    "punctuation": r"[^\p{L}\d]+",
}
FEATURES = ("tokens", "characters", "casing", "bigrams")


@dataclasses.dataclass(frozen=True)
class TokenFeatures:
    """The way from tokens to ids, the same in training and inside an export.

    ```
    tokens      [["Aspirin", "helped", "42"], ["OK"]]
    "tokens"    [[7, 5, 3], [9, 0, 0]]              lower case and with 0 for every digit, if so wanted
    "characters" (batch, time, max_characters)      of the token as it is written, cut at the end
    "casing"    [[6, 9, 2], [5, 0, 0]]              which pattern of `CASES`
    "bigrams"   [[4, 8, 1], [1, 0, 0]]              the token and the one behind it, as one
    ```

    Ids 0 and 1 are padding and unknown everywhere.

    Args:
        words: the known words, special ones first.
        characters: the known characters, special ones first; empty for none of this feature.
        bigrams: the known pairs, joined by a space, special ones first; empty for none of this feature.
        casing: whether to tell the case.
        lower: whether words are compared in lower case.
        digits: whether all digits read as 0 in words.
        max_characters: how many characters of a token are looked at.
    """

    words: tuple[str, ...] = dataclasses.field(repr=False)
    characters: tuple[str, ...] = dataclasses.field(default=(), repr=False)
    bigrams: tuple[str, ...] = dataclasses.field(default=(), repr=False)
    casing: bool = False
    lower: bool = False
    digits: bool = False
    max_characters: int = 20

    @classmethod
    def build(
        cls,
        sentences: Iterable[Sequence[str]],
        *,
        min_count: int = 1,
        characters: bool = False,
        bigrams: int = 0,
        casing: bool = False,
        lower: bool = False,
        digits: bool = False,
        max_characters: int = 20,
        extra_words: Iterable[str] = (),
    ) -> TokenFeatures:
        """Learn the vocabularies from training sentences.

        Args:
            sentences: tokens of each.
            min_count: words seen less often are unknown.
            characters: whether to look at characters.
            bigrams: how often a pair of tokens must be seen to be known; 0: no such feature.
            casing: whether to tell the case.
            lower: whether words are compared in lower case.
            digits: whether all digits read as 0.
            max_characters: how many characters of a token are looked at.
            extra_words: words to know even if training does not have them, such as those with vectors.

        Raises:
            UserError: there is no sentence, or a count is not positive.
        """
        positive("min_count", min_count)
        positive("max_characters", max_characters)
        sentences = [list(tokens) for tokens in sentences]
        if not any(sentences):
            raise UserError("no sentences to learn a vocabulary from")
        plain = cls((PAD, UNK), lower=lower, digits=digits)
        normal = tf.RaggedTensor.from_row_lengths(
            [token for tokens in sentences for token in tokens], [len(tokens) for tokens in sentences]
        )
        normal = plain.normalise(normal)
        counts = Counter(word.decode() for word in normal.flat_values.numpy())
        words = _most_frequent(counts, min_count)
        known = set(words)
        words += tuple(word for word in dict.fromkeys(extra_words) if word and word not in known)
        spelled = Counter(c for tokens in sentences for token in tokens for c in token)
        pairs = Counter(pair.decode() for pair in _pairs(normal).flat_values.numpy()) if bigrams else {}
        return cls(
            (PAD, UNK, *words),
            (PAD, UNK, *_most_frequent(spelled, 1)) if characters else (),
            (PAD, UNK, *_most_frequent(pairs, bigrams)) if bigrams else (),
            casing,
            lower,
            digits,
            max_characters,
        )

    def __call__(self, tokens: tf.RaggedTensor) -> dict[str, tf.Tensor]:
        """The ids of sentences.

        Args:
            tokens: strings `(batch, time)`, ragged.

        Returns:
            `tokens`, and of the other `FEATURES` those that are wanted; `(batch, time)` int32, padded
            with 0, `characters` `(batch, time, max_characters)`. There is always a step, if only one of
            padding, for a network to read.
        """
        lacking = tf.cast(1 - tf.minimum(tf.reduce_max(tokens.row_lengths()), 1), tf.int32)
        dense = {name: ids.to_tensor() for name, ids in self.ids(tokens).items()}
        return {
            n: tf.pad(x, [[0, 0], [0, lacking]] + [[0, 0]] * (len(x.shape) - 2)) for n, x in dense.items()
        }

    def ids(self, tokens: tf.RaggedTensor) -> dict[str, tf.RaggedTensor]:
        """As a call, but ragged."""
        normal = self.normalise(tokens)
        found = {"tokens": _look_up(self._words, normal)}
        if self.characters:
            split = tf.strings.unicode_split(tokens.flat_values, "UTF-8")[:, : self.max_characters]
            ids = _look_up(self._characters, split).to_tensor(shape=[None, self.max_characters])
            found["characters"] = tokens.with_flat_values(ids)
        if self.casing:
            found["casing"] = tf.ragged.map_flat_values(_case, tokens)
        if self.bigrams:
            found["bigrams"] = _look_up(self._bigrams, _pairs(normal))
        return found

    def normalise(self, tokens: tf.RaggedTensor) -> tf.RaggedTensor:
        """The spelling under which words are looked up."""
        if self.lower:
            tokens = tf.ragged.map_flat_values(tf.strings.lower, tokens, encoding="utf-8")
        if self.digits:
            tokens = tf.ragged.map_flat_values(tf.strings.regex_replace, tokens, r"\d", "0")
        return tokens

    @property
    def sizes(self) -> dict[str, int]:
        """Number of ids of each feature."""
        sizes = {"tokens": len(self.words), "characters": len(self.characters)}
        sizes |= {"casing": len(CASES) + 2 if self.casing else 0, "bigrams": len(self.bigrams)}
        return {name: size for name, size in sizes.items() if size}

    @property
    def tables(self) -> list[keras.layers.StringLookup]:
        """The layers that look words up, to be saved with an export."""
        characters = [self._characters] if self.characters else []
        return [self._words, *characters, *([self._bigrams] if self.bigrams else [])]

    def save(self, path: str | os.PathLike) -> None:
        """Write the features as JSON, at once."""
        write_text(Path(path), json.dumps(dataclasses.asdict(self), ensure_ascii=False))

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> TokenFeatures:
        """The features whose `dataclasses.asdict` is given."""
        lists = {key: tuple(value) if isinstance(value, list) else value for key, value in config.items()}
        return cls(**lists)

    @classmethod
    def load(cls, path: str | os.PathLike) -> TokenFeatures:
        """Read what `save` wrote.

        Raises:
            UserError: the file is missing or something else.
        """
        try:
            return cls.from_config(json.loads(Path(path).read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise UserError(f"no such vocabulary file: {os.fspath(path)}") from None
        except (ValueError, TypeError) as error:
            raise UserError(f"{os.fspath(path)} is no vocabulary file: {error}") from None

    @cached_property
    def _words(self) -> keras.layers.StringLookup:
        return _table(self.words)

    @cached_property
    def _characters(self) -> keras.layers.StringLookup:
        return _table(self.characters)

    @cached_property
    def _bigrams(self) -> keras.layers.StringLookup:
        return _table(self.bigrams)


def _table(known: Sequence[str]) -> keras.layers.StringLookup:
    with tf.init_scope():  # it outlives the graph in which it may be asked for first
        return keras.layers.StringLookup(vocabulary=list(known[2:]), mask_token=PAD, oov_token=UNK)


def _look_up(table: keras.layers.StringLookup, words: tf.RaggedTensor) -> tf.RaggedTensor:
    return tf.ragged.map_flat_values(lambda flat: tf.cast(table(flat), tf.int32), words)


def _case(tokens: tf.Tensor) -> tf.Tensor:
    found = tf.ones(tf.shape(tokens), tf.int32)
    for case, pattern in reversed(list(enumerate(CASES.values(), 2))):
        found = tf.where(tf.strings.regex_full_match(tokens, pattern), case, found)
    return found


def _pairs(tokens: tf.RaggedTensor) -> tf.RaggedTensor:
    """Each token and the one behind it, `"a b"`; the last token of a sentence stands alone, `"a "`."""
    flat, lengths = tokens.flat_values, tokens.row_lengths()
    last = tf.ragged.range(lengths).flat_values == tf.repeat(lengths - 1, lengths)
    after = tf.where(last, PAD, tf.roll(flat, -1, axis=0))
    return tokens.with_flat_values(tf.strings.join([flat, after], " "))


def _most_frequent(counts: Mapping[str, int], least: int) -> tuple[str, ...]:
    kept = [(-count, word) for word, count in counts.items() if count >= least and word not in (PAD, UNK)]
    return tuple(word for _, word in sorted(kept))
