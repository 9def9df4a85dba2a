import random
import time
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kseq.errors import UserError
from kseq.inspection.edit_distance import edit_distances
from kseq.inspection.transduction import error_rate, transduction_report, transduction_table

SOME = ["The cat sat on the mat.", "It rains.", "nothing here", ""]
RIGHT = [
    ["The cat sat on the mat.", "A cat was sitting on the mat."],
    ["It is raining."],
    ["nothing is here", "there is nothing", "nothing here at all"],
    ["Hello there."],
]


def by_definition(a, b) -> int:
    @cache
    def distance(i, j):
        if not i or not j:
            return i + j
        same = a[i - 1] == b[j - 1]
        return min(distance(i - 1, j) + 1, distance(i, j - 1) + 1, distance(i - 1, j - 1) + (not same))

    return distance(len(a), len(b))


@pytest.mark.parametrize(
    "first, second, expected",
    [
        ("kitten", "sitting", 3),
        ("", "abc", 3),
        ("abc", "", 3),
        ("", "", 0),
        ("abc", "abc", 0),
        ("ab", "ba", 2),
    ],
)
def test_distances_by_hand(first, second, expected):
    assert edit_distances([first], [second]).tolist() == [expected]
    assert edit_distances([list(first)], [tuple(second)]).tolist() == [expected]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.text("abc", max_size=8), st.text("abcd", max_size=8)), max_size=6))
def test_distances_by_definition(pairs):
    expected = [by_definition(*pair) for pair in pairs]
    assert edit_distances([a for a, _ in pairs], [b for _, b in pairs]).tolist() == expected


def test_distances_in_chunks(monkeypatch):
    rng = random.Random(0)
    words = [["".join(rng.choices("abcde", k=rng.randrange(12))) for _ in range(50)] for _ in range(2)]
    whole = edit_distances(*words)
    monkeypatch.setattr("kseq.inspection.edit_distance.CHUNK", 7)
    np.testing.assert_array_equal(edit_distances(*words), whole)
    assert whole.tolist() == [by_definition(*pair) for pair in zip(*words, strict=True)]


def test_six_thousand_words_take_no_time():
    rng = random.Random(0)
    words = [[rng.choices("abcdefgh", k=rng.randrange(1, 30)) for _ in range(6000)] for _ in range(2)]
    start = time.perf_counter()
    edit_distances(*words)
    assert time.perf_counter() - start < 5  # about 0.3 s


def test_error_rates_by_hand():
    # one substitution in three phonemes, nothing in two
    assert error_rate(["K AE T", "D AO"], [["K AA T"], ["D AO"]]) == pytest.approx(1 / 5)
    # the nearest reference counts, with its own length: 1 of 2 words, not 3 of 4
    assert error_rate(["a b"], [["c d e b", "a c"]]) == pytest.approx(1 / 2)
    # of two that are equally near the first: 1 of 3
    assert error_rate(["a b"], [["a b c", "a"]]) == pytest.approx(1 / 3)
    assert error_rate(["abd", "xy"], [["abcd"], ["xyz", "y"]], list) == pytest.approx(2 / 7)
    assert error_rate([""], [["a b c"]]) == 1 and error_rate(["a b c"], [["d"]]) == 3
    assert error_rate(["a"], [[""]]) == 1 and error_rate([""], [[""]]) == 0


def test_report_by_hand():
    report = transduction_report(SOME, RIGHT)
    assert report["exact"] == 1 / 4 and report["texts"] == 4 and report["references"] == 7
    # words: nothing, "rains." for "is raining.", "is" lacks, both lack; of 6, 3, 3 and 2
    assert report["token_error_rate"] == pytest.approx((0 + 2 + 1 + 2) / (6 + 3 + 3 + 2))
    nearest = ["The cat sat on the mat.", "It is raining.", "nothing is here", "Hello there."]
    edits = sum(by_definition(a, b) for a, b in zip(SOME, nearest, strict=True))
    assert report["character_error_rate"] == pytest.approx(edits / sum(map(len, nearest)))


def test_bleu_and_chrf_are_those_of_sacrebleu():
    import sacrebleu

    report = transduction_report(SOME, RIGHT)
    streams = [[row[place] if place < len(row) else None for row in RIGHT] for place in range(3)]
    assert report["bleu"] == sacrebleu.corpus_bleu(SOME, streams).score
    assert report["chrf"] == sacrebleu.corpus_chrf(SOME, streams).score
    assert report["bleu_signature"] == (
        f"nrefs:var|case:mixed|eff:no|tok:13a|smooth:exp|version:{sacrebleu.__version__}"
    )
    assert report["chrf_signature"].startswith("nrefs:var|case:mixed|eff:yes|nc:6|nw:0")
    single = transduction_report(SOME[:1], [RIGHT[0][:1]])
    assert single["bleu"] == pytest.approx(100) and "nrefs:1|" in single["bleu_signature"]


def test_they_are_called(monkeypatch):
    from sacrebleu.metrics import BLEU, CHRF

    class Score:
        score = 12.5

    for metric in (BLEU, CHRF):
        monkeypatch.setattr(metric, "corpus_score", lambda self, texts, streams: Score)
        monkeypatch.setattr(
            metric, "get_signature", lambda self: type("S", (), {"format": lambda self: "s"})()
        )
    report = transduction_report(SOME, RIGHT)
    assert (report["bleu"], report["chrf"], report["chrf_signature"]) == (12.5, 12.5, "s")


def test_chinese_words():
    text, right = ["今天天气很好。"], [["今天天气真好。"]]
    assert transduction_report(text, right)["bleu"] < transduction_report(text, right, tokenize="zh")["bleu"]
    assert "tok:zh" in transduction_report(text, right, tokenize="zh")["bleu_signature"]


def test_table():
    lines = transduction_table(transduction_report(SOME, RIGHT)).splitlines()
    assert lines[2].split() == ["exact", "25.00"]
    assert lines[4].split() == ["token", "error", "rate", "35.71"]
    assert lines[5].startswith("4 texts, 7 references; BLEU nrefs:var|case:mixed")


@pytest.mark.parametrize(
    "texts, references, message",
    [
        ([], [], "there is no text to score"),
        (["a"], [["a"], ["b"]], "`references` must be for 1 texts, got 2"),
        (["a", "b"], [["a"], []], r"`references` must be one text or more for each, got \[\] for text 2"),
        (["a"], ["a"], "`references` must be one text or more for each, got 'a' for text 1"),
    ],
)
def test_bad_input(texts, references, message):
    for score in (transduction_report, error_rate):
        with pytest.raises(UserError, match=message):
            score(texts, references)


def test_an_unknown_way_to_split():
    with pytest.raises(UserError, match="`tokenize` must be one of .*, got '13b'; did you mean `13a`"):
        transduction_report(["a"], [["a"]], tokenize="13b")
