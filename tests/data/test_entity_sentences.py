import collections
import hashlib
import itertools
import json

import pytest
import tensorflow_datasets as tfds

from kseq.data.entity_grammar import part_of
from kseq.data.entity_sentences import GRAMMARS, SIZES, TAGS, sentences
from kseq.data.python_topics import prepare
from kseq.errors import UserError
from kseq.tags import entities, out_of_order

LANGUAGES = {"en": " ", "zh": ""}
# Of every sentence and tag. A change of patterns, lists or drawing changes it, and asks for a new VERSION.
DIGESTS = {"en": "7856209751c1ce29", "zh": "e69beff0eb18a92c"}


@pytest.fixture(scope="module", params=LANGUAGES)
def language(request):
    return request.param


@pytest.fixture(scope="module")
def splits(language):
    return sentences(language)


def names(rows, language):
    """Type and text, in lower case, of every name."""
    return [
        (entity.type, LANGUAGES[language].join(tokens[entity.start : entity.end]).lower())
        for tokens, tags in rows
        for entity in entities(tags, "BIO")
    ]


def test_the_same_everywhere(language, splits):
    text = json.dumps(splits, ensure_ascii=False)
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == DIGESTS[language]
    assert sentences(language) == splits


def test_sizes(splits):
    assert {split: len(rows) for split, rows in splits.items()} == SIZES


def test_no_sentence_twice(splits):
    rows = [tuple(token.lower() for token in tokens) for rows in splits.values() for tokens, _ in rows]
    assert len(set(rows)) == len(rows)


def test_tags_align_and_are_bio(splits):
    found = collections.Counter()
    for tokens, tags in itertools.chain(*splits.values()):
        assert len(tokens) == len(tags) > 0
        assert all(token and not token.isspace() for token in tokens)
        assert not any(mark in token for token in tokens for mark in "{}[]|_")
        assert out_of_order(tags, "BIO") == []
        found.update(tags)
    assert set(found) == set(TAGS)


def test_chinese_tokens_are_characters():
    assert all(len(token) == 1 for rows in sentences("zh").values() for tokens, _ in rows for token in tokens)


@pytest.mark.parametrize("split", ["validation", "test"])
def test_half_of_the_names_are_new(splits, language, split):
    known = set(names(splits["train"], language))
    rows = [name for name in names(splits[split], language) if name[0] != "DATE"]
    share = sum(name not in known for name in rows) / len(rows)
    assert 0.4 < share < 0.6
    for kind in ("PER", "LOC", "ORG"):
        of_kind = [name for name in rows if name[0] == kind]
        assert 0.3 < sum(name not in known for name in of_kind) / len(of_kind) < 0.7


def test_held_out_names_are_held_out(splits, language):
    held_out = {
        (kind, name.lower())
        for kind, source in (("PER", "person"), ("LOC", "place"), ("ORG", "organisation"))
        for name in GRAMMARS[language].entries(source, "test")
    }
    assert not held_out & set(names(splits["train"], language))
    in_test = set(names(splits["test"], language))
    assert len(held_out & in_test) > 200


def test_patterns_are_parted(language):
    grammar = GRAMMARS[language]
    parts = {part: set(grammar.patterns_of(part)) for part in SIZES}
    lines = grammar.patterns.strip().splitlines()
    assert len(lines) == len(set(lines)) == sum(map(len, parts.values()))
    assert len(lines) >= {"en": 60, "zh": 50}[language]
    assert min(map(len, parts.values())) >= 6


def test_lists_are_parted_by_name(language):
    grammar = GRAMMARS[language]
    for source in grammar.names:
        for part in SIZES:
            assert grammar.entries(source, part), (source, part)
            assert all(part_of(name) == part for name in grammar.entries(source, part))


@pytest.mark.parametrize(
    "language, words, at_least",
    [
        (
            "en",
            "Jordan Washington May Will Apple Lincoln Turkey Rose Hope Chelsea Paris Victoria Georgia",
            11,
        ),
        ("zh", "北 京 长 安 平 和 大 高 海 江", 10),
    ],
)
def test_only_the_context_tells(language, words, at_least):
    kinds = collections.defaultdict(set)
    for tokens, tags in itertools.chain(*sentences(language).values()):
        for token, tag in zip(tokens, tags, strict=True):
            kinds[token].add(tag.rpartition("-")[2])
    ambiguous = [word for word in words.split() if len(kinds[word]) > 1]
    assert len(ambiguous) >= at_least, ambiguous
    assert sum(len(found) > 1 for found in kinds.values()) > 100


def test_a_dictionary_does_not_solve_it(language, splits):
    """The most frequent tag of each token, `O` for new ones, leaves a good part of the entities wrong."""
    counts = collections.defaultdict(collections.Counter)
    for tokens, tags in splits["train"]:
        for token, tag in zip(tokens, tags, strict=True):
            counts[token][tag] += 1
    right = total = 0
    for tokens, tags in splits["test"]:
        guess = [counts[token].most_common(1)[0][0] if token in counts else "O" for token in tokens]
        right += len(set(entities(guess, "BIO")) & set(entities(tags, "BIO")))
        total += len(entities(tags, "BIO"))
    assert right / total < 0.6


def test_there_are_sentences_without_names(splits):
    for rows in splits.values():
        share = sum(set(tags) == {"O"} for _, tags in rows) / len(rows)
        assert 0.01 < share < 0.25


def test_unknown_language():
    with pytest.raises(UserError, match="`language` must be one of en, zh, got 'de'"):
        sentences("de")


def test_the_builder(tmp_path, language, splits, capfd):
    assert "kseq_entities" in tfds.list_builders()
    builder = tfds.builder(f"kseq_entities/{language}", data_dir=str(tmp_path))
    prepare(builder)
    assert capfd.readouterr().out == ""
    assert builder.data_path.parts[-3:] == ("kseq_entities", language, "1.0.0")
    assert builder.info.features["tags"].feature.names == list(TAGS)
    assert "not a benchmark" in builder.info.description
    assert {name: split.num_examples for name, split in builder.info.splits.items()} == SIZES
    (first,) = builder.as_dataset(split="test").take(1)
    tokens, tags = splits["test"][0]
    assert [token.decode() for token in first["tokens"].numpy()] == tokens
    assert [TAGS[tag] for tag in first["tags"].numpy()] == tags
