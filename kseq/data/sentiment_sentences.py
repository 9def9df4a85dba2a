"""The embedded sentiment set: made-up opinions, as a TensorFlow Datasets builder.

Importing this module imports `tensorflow_datasets`, which is slow, and registers the builder:
`tfds.load("kseq_sentiment/en")` works afterwards. `opinions` gives the same as plain lists.

A pattern (`PATTERNS` of `sentiment_english` and `sentiment_chinese`) makes sentences of both labels:
`{=verb}` is a verb that says what the label says, `{!verb}` one that says the opposite, `{=any}` an
adjective mild or strong, and `<a/b>` is `a` in a positive and `b` in a negative sentence. So the label is
right by construction, and the words around the opinions are as frequent with one label as with the other.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence

import tensorflow_datasets as tfds

from kseq.data.entity_grammar import Grammar, pick
from kseq.data.sentiment_chinese import CHINESE
from kseq.data.sentiment_english import ENGLISH
from kseq.errors import one_of

Opinion = tuple[str, str]  # the text and its label

GRAMMARS = {"en": ENGLISH, "zh": CHINESE}
SIZES = {"train": 3000, "validation": 400, "test": 600}
LABELS = ("negative", "positive")
# How many of a hundred held-out sentences follow a pattern that is not in the training part.
NEW_PATTERNS = 33
# One in so many opinion words of a held-out part comes from its own list, which training does not use.
NEW_WORDS = 8

VARIANT = re.compile(r"<(?P<positive>[^<>/]*)/(?P<negative>[^<>/]*)>")
OPINION = re.compile(r"\{(?P<sign>[=!])(?P<kind>\w+)\}")

_DESCRIPTION = """\
Opinions of films, books, hotels and the like, each `positive` or `negative`, made by a program from
hand-written patterns and word lists. Synthetic: good for trying things out and for tests, not a
benchmark; figures say nothing about real text. Negation, double negation, contrast and comparison turn the
opinion words around, so that counting words does not solve it. The rules behind the labels: what is denied
is its opposite; of two clauses joined by "but" the last decides, by "although" the main one. A third of
the sentences of `validation` and `test` follow patterns that no training sentence follows, and an eighth
of their opinion words come from lists that training does not draw from. Both labels are equally frequent in
each part. No sentence occurs twice. The same on every platform.
"""


class KseqSentiment(tfds.core.GeneratorBasedBuilder):
    """Made-up opinions, positive or negative, in English (`en`) and Chinese (`zh`).

    Features `text` and `label`; splits `train`, `validation` and `test`. See `opinions`.
    """

    name = "kseq_sentiment"
    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [
        tfds.core.BuilderConfig(name="en", description="English."),
        tfds.core.BuilderConfig(name="zh", description="Chinese."),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        features = {
            "text": tfds.features.Text(),
            "label": tfds.features.ClassLabel(names=list(LABELS)),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            description=_DESCRIPTION,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("text", "label"),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        del dl_manager  # nothing to download
        splits = opinions(self.builder_config.name)
        return {split: self._generate_examples(rows) for split, rows in splits.items()}

    def _generate_examples(self, rows: Sequence[Opinion]) -> Iterator[tuple[int, dict[str, str]]]:
        for key, (text, label) in enumerate(rows):
            yield key, {"text": text, "label": label}


def opinions(language: str) -> dict[str, list[Opinion]]:
    """The sentences of a language by split, labels in turn.

    Example:
        >>> text, label = opinions("en")["train"][0]
        >>> label
        'negative'

    Args:
        language: `"en"` or `"zh"`.

    Returns:
        `{"train": [(text, label), ...], "validation": ..., "test": ...}`, labels as in `LABELS`; the same on
        every platform and with every Python.

    Raises:
        UserError: There is no such language.
    """
    grammar = GRAMMARS[one_of("language", language, GRAMMARS)]
    rng = random.Random(2026)
    known: set[str] = set()
    splits: dict[str, list[Opinion]] = {}
    for split, size in SIZES.items():
        splits[split] = []
        while len(splits[split]) < size:
            label = LABELS[len(splits[split]) % len(LABELS)]
            text = _draw(grammar, split, label, rng)
            if text.lower() not in known:
                known.add(text.lower())
                splits[split].append((text, label))
    return splits


def resolve(pattern: str, label: str) -> str:
    """The pattern of one label, with nothing but the signs of `kseq.data.entity_grammar.Grammar`.

    Example:
        >>> resolve("<Luckily/Sadly> I {=verb} it , it was not {!any}", "positive")
        'Luckily I {good_verb} it , it was not [{bad_mild}|{bad_strong}]'

    Args:
        pattern: A line of a grammar's patterns.
        label: One of `LABELS`.

    Returns:
        The pattern with every variant chosen and every opinion's list named.
    """
    signs = {"=": "good", "!": "bad"} if label == "positive" else {"=": "bad", "!": "good"}

    def opinion(match: re.Match[str]) -> str:
        polarity = signs[match["sign"]]
        if match["kind"] == "any":
            return f"[{{{polarity}_mild}}|{{{polarity}_strong}}]"
        return f"{{{polarity}_{match['kind']}}}"

    return OPINION.sub(opinion, VARIANT.sub(lambda match: match[label], pattern))


def _draw(grammar: Grammar, split: str, label: str, rng: random.Random) -> str:
    held_out = split != "train" and rng.random() * 100 < NEW_PATTERNS
    pattern = resolve(pick(rng, grammar.patterns_of(split if held_out else "train")), label)
    tokens, _ = grammar.sentence(pattern, rng, ("train",) * (NEW_WORDS - 1) + (split,))
    return "".join(tokens) if grammar.by_character else _written(" ".join(tokens))


def _written(text: str) -> str:
    """English as it is written: no space before a mark, `an` before a vowel, capitals after a stop."""
    text = re.sub(r" (?=[,.;:?!]|n't\b)", "", text)
    text = re.sub(r"\b([Aa]) (?=[aeiou]|honest)", r"\1n ", text)
    return re.sub(r"(^|[.?!] )([a-z])", lambda match: match[1] + match[2].upper(), text)
