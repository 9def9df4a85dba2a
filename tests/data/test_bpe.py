import random

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models

from kseq.data import Units, read_parallel
from kseq.data.bpe import Merges, learn_merges
from kseq.data.unit_tokens import words

ROSES = [
    "the rose is the rose of the roses",
    "lower lowest low slow slower",
    "aaa aaaa aaaaa banana bananas",
] * 3


@pytest.fixture(scope="module")
def units():
    return Units.build(ROSES, "bpe")


def theirs(units: Units) -> Tokenizer:
    """The same encoding, applied by the library."""
    ids = {token: number for number, token in enumerate(units.tokens, 4)}
    merges = [tuple(merge.split(" ")) for merge in units.merges]
    return Tokenizer(models.BPE(vocab=ids | {"[UNK]": 1}, merges=merges, unk_token="[UNK]"))


def by_them(units: Units, texts: list[str]) -> list[list[int]]:
    tokenizer = theirs(units)
    rows = words(tf.constant(texts, tf.string)).to_list()
    return [[number for word in row for number in tokenizer.encode(word.decode()).ids] for row in rows]


def by_hand(word: str, units: Units) -> list[str]:
    """The units of a word, by the definition."""
    ranks = {tuple(merge.split(" ")): rank for rank, merge in enumerate(units.merges)}
    found = list(word)
    while True:
        pairs = [
            (ranks[pair], place)
            for place, pair in enumerate(zip(found, found[1:], strict=False))
            if pair in ranks
        ]
        if not pairs:
            return found
        _, place = min(pairs)
        found[place : place + 2] = [found[place] + found[place + 1]]


def test_learning():
    tokens, merges = learn_merges(["▁low ▁lower ▁lowest"], 11, "▁lowerst")
    assert tokens == [*sorted("▁lowerst"), "lo", "▁lo", "▁low"]
    assert merges == [("l", "o"), ("▁", "lo"), ("▁lo", "w")]
    assert learn_merges(["▁low ▁lower ▁lowest"], 99, "▁lowerst", min_frequency=4) == (sorted("▁lowerst"), [])


def test_learning_does_not_join_across_what_is_left_out():
    assert learn_merges(["aXb aXb aXb"], 9, "ab") == (["a", "b"], [])


def test_size_and_count():
    assert Units.build(ROSES, "bpe", size=25).size == 25
    small = Units.build([*ROSES, "☃"], "bpe", min_count=3)
    assert "☃" not in small.tokens and small.encode(tf.constant(["☃"])).flat_values.numpy().tolist()[-1] == 1
    assert Units.build(ROSES, "bpe") == Units.build(ROSES, "bpe")


def test_without_merges():
    units = Units.build(["ab"], "bpe")
    assert units.merges == () and len(units.tables) == 1
    assert units.decode(units.encode(tf.constant(["ba ab"]))).numpy().tolist() == [b"ba ab"]


@pytest.fixture(scope="module")
def encode(units):
    return tf.function(units.encode, input_signature=[tf.TensorSpec([None], tf.string)])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text("thersowbna ▁z", max_size=25), max_size=4))
def test_equals_the_library_and_the_definition(units, encode, texts):
    ids = encode(tf.constant(texts, tf.string)).to_list()
    assert ids == by_them(units, texts)
    for row, found in zip(words(tf.constant(texts, tf.string)).to_list(), ids, strict=True):
        spelled = [unit for word in row for unit in by_hand(word.decode(), units)]
        assert [units.tokens[number - 4] if number > 3 else "z" for number in found] == spelled


def test_a_unit_that_two_merges_make():
    """`abc` is of `ab` and `c`, or of `a` and `bc`, which comes later than what is made of it."""
    tokens = ("a", "b", "c", "d", "ab", "bc", "abc", "abcd", "▁")
    units = Units(tokens, "bpe", ("b c", "ab c", "abc d", "a b", "a bc"))
    texts = ["abcd", "abcdabcd", "abab", "aabcabc", "abcabcd"]
    for text, row in zip(texts, units.encode(tf.constant(texts)).to_list(), strict=True):
        assert [units.tokens[number - 4] for number in row] == ["▁", *by_hand(text, units)]


def test_merges_overlap():
    units = Units(("a", "aa", "▁"), "bpe", ("a a",))
    found = units.encode(tf.constant(["a", "aa", "aaa", "aaaa", "aaaaa"])).to_list()
    assert [[units.tokens[number - 4] for number in row[1:]] for row in found] == [
        ["a"],
        ["aa"],
        ["aa", "a"],
        ["aa", "aa"],
        ["aa", "aa", "a"],
    ]


def test_rows_of_words_stay_apart():
    merges = Merges([("a", "b"), ("ab", "ab")], {"a": 4, "b": 5, "ab": 6, "abab": 7})
    rows = tf.ragged.constant([[4, 5, 4, 5], [4], [5], [4, 4, 5], [5, 4]], dtype=tf.int32)
    assert merges(rows).to_list() == [[7], [4], [5], [4, 6], [5, 4]]


def test_a_very_long_word(units, encode):
    rng = random.Random(0)
    text = "".join(rng.choice("therosw") for _ in range(2000))
    assert encode(tf.constant([text])).to_list() == by_them(units, [text])


def test_equals_the_library_on_real_text(real_data):
    corpus = read_parallel(real_data / "multi30k", source_language="en", target_language="de")
    texts = [text for pair in corpus.train[:10_000] for text in (pair.source, pair.target)]
    units = Units.build(texts, "bpe", size=6_000)
    assert units.size == 6_000
    held_out = [text for pair in corpus.test for text in (pair.source, pair.target)]
    held_out += ["☃ und ☃Schnee ☃☃ 東京", "Donaudampfschifffahrtsgesellschaftskapitän"]
    encode = tf.function(units.encode, input_signature=[tf.TensorSpec([None], tf.string)])
    assert encode(tf.constant(held_out)).to_list() == by_them(units, held_out)
