import collections
import hashlib
import json
import math
import re

import pytest
import tensorflow_datasets as tfds

from kseq.data import read_labelled
from kseq.data.python_topics import prepare
from kseq.data.sentiment_sentences import GRAMMARS, LABELS, SIZES, opinions, resolve
from kseq.errors import UserError

LANGUAGES = ("en", "zh")
# Of every text and label. A change of patterns, lists or drawing changes it, and asks for a new VERSION.
DIGESTS = {"en": "650d28c3747482ec", "zh": "fa4dd3b58f7db0fc"}


@pytest.fixture(scope="module", params=LANGUAGES)
def language(request):
    return request.param


@pytest.fixture(scope="module")
def splits(language):
    return opinions(language)


def words(text, language):
    return list(text) if language == "zh" else re.findall(r"[\w'-]+|[^\w\s]", text.lower())


def test_the_same_everywhere(language, splits):
    text = json.dumps(splits, ensure_ascii=False)
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == DIGESTS[language]
    assert opinions(language) == splits


def test_sizes_and_balance(splits):
    assert {split: len(rows) for split, rows in splits.items()} == SIZES
    for rows in splits.values():
        assert collections.Counter(label for _, label in rows) == dict.fromkeys(LABELS, len(rows) // 2)


def test_no_sentence_twice(splits):
    texts = [text.lower() for rows in splits.values() for text, _ in rows]
    assert len(set(texts)) == len(texts)


def test_every_sign_is_resolved(language, splits):
    texts = [text for rows in splits.values() for text, _ in rows]
    assert not any(sign in text for text in texts for sign in "{}[]|<>=_/")
    assert all(text.strip() == text and "  " not in text for text in texts)
    if language == "en":
        assert not any(
            re.search(r" [.,;:?!]|\ba ([aeiou]|honest)|[.?!] [a-z]|^[a-z]", text) for text in texts
        )
    else:
        assert all(re.fullmatch(r"[\u4e00-\u9fff，。：；、！？]+", text) for text in texts)


def test_resolve():
    pattern = "<fine/sad> {=verb} , {!any}"
    assert resolve(pattern, "positive") == "fine {good_verb} , [{bad_mild}|{bad_strong}]"
    assert resolve(pattern, "negative") == "sad {bad_verb} , [{good_mild}|{good_strong}]"


@pytest.mark.parametrize("label", LABELS)
def test_every_pattern_has_what_it_draws(language, label):
    grammar = GRAMMARS[language]
    for pattern in grammar.patterns.strip().splitlines():
        for source in re.findall(r"\{(\w+)\}", resolve(pattern, label)):
            for part in SIZES:
                assert grammar.entries(source, part), (pattern, source, part)


def test_no_word_is_both_good_and_bad(language):
    lists = collections.defaultdict(set)
    for key, text in GRAMMARS[language].names.items():
        assert len(text.split()) == len(set(text.split())), key
        lists[key.partition("_")[0]] |= set(text.split())
    assert not lists["good"] & lists["bad"]


def test_held_out_patterns_and_words(language, splits):
    grammar = GRAMMARS[language]
    lines = grammar.patterns.strip().splitlines()
    parts = {part: set(grammar.patterns_of(part)) for part in SIZES}
    assert len(lines) == len(set(lines)) == sum(map(len, parts.values())) >= 70
    assert min(map(len, parts.values())) >= 8
    known = {word for text, _ in splits["train"] for word in words(text, language)}
    if language == "en":
        held_out = {word for key in grammar.names for word in grammar.entries(key, "test") if " " not in word}
        assert not held_out & known
        unseen = [text for text, _ in splits["test"] if held_out & set(words(text, language))]
    else:
        training = "\n".join(text for text, _ in splits["train"])
        held_out = {word for key in grammar.names for word in grammar.entries(key, "test")}
        held_out = {word for word in held_out if word not in training}
        unseen = [text for text, _ in splits["test"] if any(word in text for word in held_out)]
    assert 0.08 < len(unseen) / len(splits["test"]) < 0.3


def accuracy_of_counting(splits, language, split):
    """Naive Bayes with add-one smoothing on the words of a text, whatever their order."""
    counts = {label: collections.Counter() for label in LABELS}
    for text, label in splits["train"]:
        counts[label].update(words(text, language))
    size = len(set().union(*counts.values()))

    def score(text, label):
        total = counts[label].total() + size
        return sum(math.log((counts[label][word] + 1) / total) for word in words(text, language))

    rows = splits[split]
    right = sum(max(LABELS, key=lambda one: score(text, one)) == label for text, label in rows)
    return right / len(rows)


def test_counting_words_does_not_solve_it(language, splits):
    assert accuracy_of_counting(splits, language, "test") < 0.75
    assert accuracy_of_counting(splits, language, "train") < 0.85


@pytest.mark.parametrize(
    "language, text, label",
    [
        ("en", "not {!mild} at all", "positive"),
        ("en", "I {!verb} it at first", "negative"),
        ("zh", "不{!mild}", "positive"),
    ],
)
def test_denied_is_the_opposite(language, text, label):
    opposite = "bad" if label == "positive" else "good"
    assert f"{{{opposite}_" in resolve(text, label)


def test_unknown_language():
    with pytest.raises(UserError, match="`language` must be one of en, zh, got 'de'"):
        opinions("de")


def test_the_builder(tmp_path, language, splits, capfd):
    assert "kseq_sentiment" in tfds.list_builders()
    builder = tfds.builder(f"kseq_sentiment/{language}", data_dir=str(tmp_path))
    prepare(builder)
    assert capfd.readouterr().out == ""
    assert builder.info.features["label"].names == list(LABELS)
    assert "not a\nbenchmark" in builder.info.description and "Synthetic" in builder.info.description
    corpus = read_labelled(f"kseq_sentiment/{language}", data_dir=str(tmp_path))
    assert corpus.labels == LABELS
    assert corpus.note == "validation and test as the source gives them"
    for split, rows in splits.items():
        assert [(example.text, example.label) for example in getattr(corpus, split)] == rows
