"""Text to token ids and back, by character or by word."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import repeat
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kseq.data.tokenization import BOS, EOL, FIRST_SPACE, PAD, UNK, joiner, split_words
from kseq.errors import UserError
from kseq.files import write_text

SPECIAL = {"char": (PAD, UNK, BOS), "word": (PAD, UNK, BOS, EOL)}


@dataclass(frozen=True)
class Vocabulary:
    r"""The tokens that a model knows, and the way from text to their ids and back.

    Ids 0, 1 and 2 are padding, the unknown token and the start of a text. Level `"char"`: every
    other id is one character (code point), the newline an ordinary one, so text is restored
    exactly. Level `"word"`: id 3 is the end of a line, a line is split at white space as
    `str.split()` does, and the words keep their case and punctuation; restored text has one space
    between words.

    Three ways lead to the same ids: `encode` in NumPy for a corpus, `vectorizer()` as a Keras
    layer for graphs and exported models, and `tokens`, the list whose positions are the ids.

    Args:
        tokens: all tokens in order of id, the special ones first: `""`, `"[UNK]"`, `"[BOS]"` and,
            for words, `"[EOL]"`.
        level: `"char"` or `"word"`.
        unk_token: a word that means "unknown" in the text itself (WikiText's `<unk>`) and gets
            that id; None for no such word. Characters have none.

    Raises:
        ValueError: for tokens that the level cannot produce, double tokens or an unknown level.

    Example:
        >>> vocabulary = Vocabulary.build("to be or\nnot to be\n", level="word")
        >>> vocabulary.tokens
        ('', '[UNK]', '[BOS]', '[EOL]', 'be', 'to', 'not', 'or')
        >>> vocabulary.encode("to see\nor not").tolist()
        [5, 1, 3, 7, 6]
        >>> vocabulary.decode([2, 5, 1, 3, 7, 6, 0])
        'to [UNK]\nor not'
    """

    tokens: tuple[str, ...] = field(repr=False)
    level: str = "char"
    unk_token: str | None = "<unk>"

    def __post_init__(self) -> None:
        _check_level(self.level)
        object.__setattr__(self, "tokens", tuple(self.tokens))
        special = SPECIAL[self.level]
        if self.tokens[: len(special)] != special:
            raise ValueError(
                f"`tokens` must begin with {list(special)} at level {self.level!r}, "
                f"got {list(self.tokens[: len(special)])}"
            )
        double = [token for token, count in Counter(self.tokens).items() if count > 1]
        if double:
            raise ValueError(f"`tokens` must differ from each other, got {double[0]!r} more than once")
        for token in self.tokens[len(special) :]:
            if self.level == "char" and len(token) != 1:
                raise ValueError(f"`tokens` at level 'char' must be single characters, got {token!r}")
            if self.level == "word" and token.split() != [token]:
                raise ValueError(f"`tokens` at level 'word' must hold no white space, got {token!r}")
            if token == self.reserved_word:
                raise ValueError(f"`tokens` must not hold {token!r}: as `unk_token` it has id 1")

    @classmethod
    def build(
        cls,
        text: str,
        level: str = "char",
        max_size: int | None = None,
        min_count: int = 1,
        unk_token: str | None = "<unk>",
    ) -> Vocabulary:
        """The vocabulary of a text: its tokens by falling frequency, ties in alphabetical order.

        Args:
            text: the training text.
            level: `"char"` or `"word"`.
            max_size: keep only the most frequent tokens, at most this many with the special ones.
            min_count: keep only tokens that occur at least this often.
            unk_token: see `Vocabulary`.

        Raises:
            UserError: when no token is left.
        """
        _check_level(level)
        counts = Counter(text) if level == "char" else Counter(text.split())
        return cls.of_counts(counts, level, max_size, min_count, unk_token)

    @classmethod
    def of_counts(
        cls,
        counts: Counter[str],
        level: str = "char",
        max_size: int | None = None,
        min_count: int = 1,
        unk_token: str | None = "<unk>",
    ) -> Vocabulary:
        """The vocabulary of a text whose tokens are counted already; see `build`."""
        _check_level(level)
        counts = Counter(counts)
        if min_count < 1:
            raise ValueError(f"`min_count` must be positive, got {min_count}")
        special = SPECIAL[level]
        if max_size is not None and max_size <= len(special):
            raise UserError(f"`max_size` must be more than the {len(special)} special tokens, got {max_size}")
        if level == "word":
            for reserved in (*special, "\n", unk_token):
                counts.pop(reserved, None)
        kept = [(-count, token) for token, count in counts.items() if count >= min_count]
        if not kept:
            raise UserError(
                f"no tokens for a vocabulary: the text has {len(counts)} different ones at "
                f"level {level!r}, none of them {min_count} times or more"
            )
        ordered = [token for _, token in sorted(kept)]
        room = None if max_size is None else max_size - len(special)
        return cls((*special, *ordered[:room]), level, unk_token)

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def pad_id(self) -> int:
        """Id of padding, 0."""
        return 0

    @property
    def unk_id(self) -> int:
        """Id of the unknown token, 1."""
        return 1

    @property
    def bos_id(self) -> int:
        """Id of the start of a text, 2."""
        return 2

    @property
    def unwritable_ids(self) -> tuple[int, int, int]:
        """Ids that stand for no text: padding, the unknown token and the start of a text."""
        return self.pad_id, self.unk_id, self.bos_id

    @property
    def eol_id(self) -> int | None:
        """Id of the end of a line, 3; None for characters, where the newline is one of them."""
        return 3 if self.level == "word" else None

    @property
    def reserved_word(self) -> str | None:
        """The word of the text that is unknown by its spelling; None for characters."""
        return self.unk_token if self.level == "word" else None

    @property
    def known(self) -> dict[str, int]:
        """The tokens of the text that have an id of their own, and these."""
        special = len(SPECIAL[self.level])
        return {token: number for number, token in enumerate(self.tokens) if number >= special}

    def encode(self, text: str) -> np.ndarray:
        """The ids of a text, int32 `(num_tokens,)`; no start or end is added."""
        if self.level == "char":
            points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
            return self._ids_by_code_point[np.minimum(points, len(self._ids_by_code_point) - 1)]
        lookup, ids = self._ids_by_word, []
        for line in text.split("\n"):
            ids.extend(map(lookup.get, line.split(), repeat(self.unk_id)))
            ids.append(self.eol_id)
        return np.array(ids[:-1], np.int32)  # what follows the last newline is no whole line

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids `(num_tokens,)`; padding and the start of a text read as nothing."""
        ids = np.asarray(ids if hasattr(ids, "__len__") else list(ids)).ravel()
        if ids.size and (ids.min() < 0 or ids.max() >= len(self)):
            raise ValueError(f"`ids` must be between 0 and {len(self) - 1}, got {ids.min()} to {ids.max()}")
        joined = "".join([self._pieces[i] for i in ids.tolist()])
        return re.sub(FIRST_SPACE, r"\1", joined) if self.level == "word" else joined

    def vectorizer(self, ragged: bool = False) -> keras.layers.TextVectorization:
        """A Keras layer from strings `(batch,)` to the ids of `encode`, int64 `(batch, time)`.

        Args:
            ragged: whether to return a ragged tensor; otherwise rows are padded with 0 on the
                right.
        """
        return keras.layers.TextVectorization(
            standardize=None,
            split="character" if self.level == "char" else split_words,
            ragged=ragged,
            vocabulary=list(self.tokens),
        )

    def detokenizer(self) -> Callable[[tf.Tensor], tf.Tensor]:
        """A function for graphs from ids `(batch, time)` to strings `(batch,)` as of `decode`."""
        return joiner(self._pieces, self.level)

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs, as plain JSON types."""
        return {"tokens": list(self.tokens), "level": self.level, "unk_token": self.unk_token}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Vocabulary:
        """The vocabulary that gave this `get_config`."""
        return cls(**config)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the vocabulary as JSON, atomically: a reader never sees half a file."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(self.get_config()))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Vocabulary:
        """Reads what `save` wrote.

        Raises:
            UserError: when the file is missing or no vocabulary.
        """
        try:
            return cls.from_config(json.loads(Path(path).read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise UserError(f"no such vocabulary file: {os.fspath(path)}") from None
        except (ValueError, TypeError) as error:
            raise UserError(f"{os.fspath(path)} is no vocabulary file: {error}") from None

    @cached_property
    def _ids_by_word(self) -> dict[str, int]:
        return self.known

    @cached_property
    def _ids_by_code_point(self) -> np.ndarray:
        points = [ord(token) for token in self.tokens[len(SPECIAL[self.level]) :]]
        table = np.full(max(points, default=0) + 2, self.unk_id, np.int32)  # the last: all points above
        table[points] = np.arange(len(self.tokens) - len(points), len(self.tokens))
        return table

    @cached_property
    def _pieces(self) -> list[str]:
        known = self.tokens[len(SPECIAL[self.level]) :]
        if self.level == "char":
            return ["", UNK, "", *known]
        return ["", f" {UNK}", "", "\n", *(f" {word}" for word in known)]


def _check_level(level: str) -> None:
    if level not in SPECIAL:
        raise ValueError(f"`level` must be 'char' or 'word', got {level!r}")
