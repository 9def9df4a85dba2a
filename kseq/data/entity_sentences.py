"""The embedded entity set: made-up sentences with marked names, as a TensorFlow Datasets builder.

Importing this module imports `tensorflow_datasets`, which is slow, and registers the builder:
`tfds.load("kseq_entities/en")` works afterwards. `sentences` gives the same as plain lists.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import tensorflow_datasets as tfds

from kseq.data.entity_chinese import CHINESE
from kseq.data.entity_english import ENGLISH
from kseq.data.entity_grammar import Grammar, Sentence, pick
from kseq.errors import one_of
from kseq.tags import labels

GRAMMARS = {"en": ENGLISH, "zh": CHINESE}
SIZES = {"train": 3000, "validation": 400, "test": 600}
TAGS = labels(("PER", "LOC", "ORG", "DATE"), "BIO")
# How many of a hundred held-out sentences follow a pattern that is not in the training part.
NEW_PATTERNS = 33
# How many of a hundred English sentences are in lower case, in upper case, and without their full stop.
LOWER, UPPER, UNSTOPPED = 4, 2, 3

_DESCRIPTION = """\
Sentences with persons (PER), places (LOC), organisations (ORG) and dates (DATE) marked in BIO tags,
made by a program from hand-written patterns and word lists. Synthetic: good for trying things out and
for tests, not a benchmark; figures say nothing about real text, and persons, firms and events are
made up even where a name is real. Words are ambiguous on purpose (Jordan is a person or a country, May
a month, a person or a verb; the Chinese characters of Beijing may stand for a city, a team or the
beginning of a university's name). About half of the names in `validation` and `test` come from lists
that no training sentence uses, and a third of their sentences follow patterns that no training sentence
follows; what is held out for one of the two is not in the other. No sentence occurs twice.
English tokens are words, Chinese tokens are characters. The same on every platform.
"""


class KseqEntities(tfds.core.GeneratorBasedBuilder):
    """Made-up sentences with marked names, in English (`en`) and Chinese (`zh`).

    Features `tokens` and `tags`, equally long; splits `train`, `validation` and `test`. See `sentences`.
    """

    name = "kseq_entities"
    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [
        tfds.core.BuilderConfig(name="en", description="English, tokens are words."),
        tfds.core.BuilderConfig(name="zh", description="Chinese, tokens are characters."),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        features = {
            "tokens": tfds.features.Sequence(tfds.features.Text()),
            "tags": tfds.features.Sequence(tfds.features.ClassLabel(names=list(TAGS))),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            description=_DESCRIPTION,
            features=tfds.features.FeaturesDict(features),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        del dl_manager  # nothing to download
        splits = sentences(self.builder_config.name)
        return {split: self._generate_examples(rows) for split, rows in splits.items()}

    def _generate_examples(self, rows: Sequence[Sentence]) -> Iterator[tuple[int, dict[str, list[str]]]]:
        for key, (tokens, tags) in enumerate(rows):
            yield key, {"tokens": tokens, "tags": tags}


def sentences(language: str) -> dict[str, list[Sentence]]:
    """The sentences of a language by split.

    Example:
        >>> tokens, tags = sentences("en")["train"][0]
        >>> len(tokens) == len(tags)
        True

    Args:
        language: `"en"` or `"zh"`.

    Returns:
        `{"train": [(tokens, tags), ...], "validation": ..., "test": ...}`, tags as in `TAGS`; the same on
        every platform and with every Python.

    Raises:
        UserError: There is no such language.
    """
    grammar = GRAMMARS[one_of("language", language, GRAMMARS)]
    rng = random.Random(2026)
    known: set[tuple[str, ...]] = set()
    splits: dict[str, list[Sentence]] = {}
    for split, size in SIZES.items():
        splits[split] = []
        while len(splits[split]) < size:
            tokens, tags = _finish(*_draw(grammar, split, rng), grammar, rng)
            key = tuple(token.lower() for token in tokens)
            if key not in known:
                known.add(key)
                splits[split].append((tokens, tags))
    return splits


def _draw(grammar: Grammar, split: str, rng: random.Random) -> Sentence:
    held_out = split != "train" and rng.random() * 100 < NEW_PATTERNS
    pattern = pick(rng, grammar.patterns_of(split if held_out else "train"))
    return grammar.sentence(pattern, rng, tuple(dict.fromkeys(("train", split))))


def _finish(tokens: list[str], tags: list[str], grammar: Grammar, rng: random.Random) -> Sentence:
    """Begins with a capital; then the noise of real text."""
    share = rng.random() * 100
    if share >= 100 - UNSTOPPED and tokens[-1] in ".。":
        tokens, tags = tokens[:-1], tags[:-1]
    if grammar.by_character:
        return tokens, tags
    tokens = [tokens[0][0].upper() + tokens[0][1:], *tokens[1:]]
    if share < LOWER:
        tokens = [token.lower() for token in tokens]
    elif share < LOWER + UPPER:
        tokens = [token.upper() for token in tokens]
    return tokens, tags
