"""Sentences with marked names from patterns and word lists, parted by name into what each split may use."""

from __future__ import annotations

import dataclasses
import functools
import random
import re
import zlib
from collections.abc import Mapping, Sequence

Sentence = tuple[list[str], list[str]]

# What a slot with a type and no list, `{PER}`, draws from.
DEFAULT_LISTS = {"PER": "person", "LOC": "place", "ORG": "organisation", "DATE": "date"}
SLOT = re.compile(r"\{(?P<type>[A-Z]*):?(?P<source>\w*)\}")
CHOICE = re.compile(r"\[([^\[\]]*)\]")
# Drawings of a composed list; drawings that repeat one another make it shorter.
ROSTER = {"train": 400, "validation": 150, "test": 250}


def part_of(text: str) -> str:
    """The split that a name or a pattern belongs to, decided by the text alone.

    Example:
        >>> part_of("Cardiff") == part_of("Cardiff") and part_of("Cardiff") in ROSTER
        True

    Args:
        text: A name or a pattern.

    Returns:
        `"train"` for about 60 of 100 texts, `"validation"` for 15, `"test"` for 25.
    """
    share = zlib.crc32(text.encode()) % 100  # the same on every platform and Python, unlike `hash`
    return "validation" if share < 15 else "test" if share < 40 else "train"


def pick(rng: random.Random, items: Sequence[str]) -> str:
    """One of `items`, by `rng.random()` alone, the only method whose sequence Python promises to keep.

    Args:
        rng: Seeded with an integer.
        items: At least one.
    """
    return items[int(rng.random() * len(items))]


@dataclasses.dataclass(frozen=True, eq=False)
class Grammar:
    """A language's patterns and lists.

    A pattern is a line of text. `[a|b|]` is one of the alternatives, the empty one too; choices may be
    nested. `{PER}` is a person drawn from the default list, `{ORG:city}` a city that stands for an
    organisation, `{job}` an ordinary word.

    Args:
        names: List name to names in a text, split on white space, `_` for a space inside a name. Names
            are parted: one that is held out for a split occurs in no other.
        words: List name to words in such a text, open to all splits.
        forms: List name to patterns, one a line, of which composed names are made.
        patterns: The sentences' patterns, one a line, parted like names.
        by_character: Whether tokens are characters; else they stand between spaces.
    """

    names: Mapping[str, str]
    words: Mapping[str, str]
    forms: Mapping[str, str]
    patterns: str
    by_character: bool = False

    def sentence(self, pattern: str, rng: random.Random, parts: Sequence[str]) -> Sentence:
        """Fills a pattern.

        Args:
            pattern: One line of `patterns`.
            rng: Where the choices come from.
            parts: Parts that names are drawn from, each as often as the others.

        Returns:
            Tokens, and their BIO tags.
        """
        tokens: list[str] = []
        tags: list[str] = []
        used: set[str] = set()
        end = 0
        text = self._choose(pattern, rng)
        for slot in SLOT.finditer(text):
            self._append(tokens, tags, text[end : slot.start()])
            entity_type = slot["type"]
            source = self.entries(slot["source"] or DEFAULT_LISTS[entity_type], pick(rng, parts))
            name = pick(rng, [name for name in source if name not in used] or source)
            used.add(name)
            self._append(tokens, tags, name, entity_type)
            end = slot.end()
        self._append(tokens, tags, text[end:])
        return tokens, tags

    @functools.cache  # noqa: B019  the two grammars live as long as the program
    def patterns_of(self, part: str) -> tuple[str, ...]:
        """The patterns of a part.

        Args:
            part: `"train"`, `"validation"` or `"test"`.
        """
        return tuple(line for line in self.patterns.strip().splitlines() if part_of(line) == part)

    @functools.cache  # noqa: B019  as above
    def entries(self, source: str, part: str) -> tuple[str, ...]:
        """What a slot may draw.

        Args:
            source: A key of `words`, `names` or `forms`.
            part: `"train"`, `"validation"` or `"test"`.

        Returns:
            Names or words; a composed list of a held-out part has nothing of the training part's.
        """
        if source in self.words:
            return _split(self.words[source])
        if source in self.names:
            return tuple(name for name in _split(self.names[source]) if part_of(name) == part)
        roster = self._roster(source, part)
        if part != "train":
            known = set(self.entries(source, "train"))
            roster = [name for name in roster if name not in known]
        return tuple(roster)

    def _roster(self, source: str, part: str) -> list[str]:
        rng = random.Random(zlib.crc32(f"{source}/{part}".encode()))
        forms = self.forms[source].strip().splitlines()
        composed = (self._compose(pick(rng, forms).strip(), rng, part) for _ in range(ROSTER[part]))
        return [name for name in dict.fromkeys(composed) if name not in self._others(part)]

    @functools.cache  # noqa: B019  as above
    def _others(self, part: str) -> frozenset[str]:
        """Names of the other parts, which a composed one may equal: surname 文, given name 静; 文静."""
        every = (name for names in self.names.values() for name in _split(names))
        return frozenset(name for name in every if part_of(name) != part)

    def _compose(self, form: str, rng: random.Random, part: str) -> str:
        form = self._choose(form, rng)
        return SLOT.sub(lambda slot: pick(rng, self.entries(slot["source"], part)), form)

    def _choose(self, pattern: str, rng: random.Random) -> str:
        while CHOICE.search(pattern):
            pattern = CHOICE.sub(lambda choice: pick(rng, choice[1].split("|")), pattern)
        return pattern

    def _append(self, tokens: list[str], tags: list[str], text: str, entity_type: str = "") -> None:
        pieces = list("".join(text.split())) if self.by_character else text.split()
        tokens += pieces
        if entity_type:
            tags += [f"{'I' if index else 'B'}-{entity_type}" for index in range(len(pieces))]
        else:
            tags += ["O"] * len(pieces)


def _split(text: str) -> tuple[str, ...]:
    return tuple(word.replace("_", " ") for word in text.split())
