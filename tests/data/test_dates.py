import collections
import hashlib
import json
import re
from datetime import date

import pytest
import tensorflow_datasets as tfds

from kseq.data import read_parallel, written_dates
from kseq.data.date_forms import FORMS, ORDINALS
from kseq.data.date_patterns import (
    CASES,
    EITHER,
    LEAST,
    LINES,
    MANY,
    PIVOT,
    SLOT,
    Pattern,
    held_out,
    patterns_of,
)
from kseq.data.python_topics import prepare
from kseq.data.written_dates import SIZES, dates

# Of every text and date. A change of patterns or drawing changes it, and asks for a new VERSION.
DIGEST = "2e24b7f885b14957"

TUESDAY = date(2009, 3, 3)
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@pytest.fixture(scope="module")
def splits():
    return dates()


def counted(text: str) -> int:
    """A number as Chinese counts or spells it, or in digits: 二十三, 二〇〇九, 23."""
    if text.isdigit() and text.isascii():
        return int(text)
    values = [{"零": 0, "十": 10}.get(c, "〇一二三四五六七八九".find(c)) for c in text]
    if 10 not in values:
        return int("".join(map(str, values)))
    tens, ones = text.split("十")
    return 10 * (counted(tens) if tens else 1) + (counted(ones) if ones else 0)


def year_of(text: str) -> int:
    digits = text.lstrip("'")
    number = counted(digits)
    return number if len(digits) == 4 else number + (1900 if number >= PIVOT - 1900 else 2000)


def read_chinese(text: str) -> date:
    weekday = re.search(r"(?:星期|周|礼拜)(.)", text)
    rest = text.replace(weekday[0], "") if weekday else text
    year, month, day = re.search(r"([^\s，]+)年(.+)月(.+)[日号]", rest).groups()
    found = date(year_of(year), counted(month), counted(day))
    assert not weekday or "一二三四五六日".index(weekday[1].replace("天", "日")) == found.weekday(), text
    return found


def read_english(text: str) -> date:
    year = re.search(r"'\d\d\b|\b\d{4}\b|(?<=-)\d\d$", text)
    rest = text[: year.start()] + text[year.end() :]
    month = re.search("|".join(MONTHS), rest)
    number = re.search(r"\d+", rest)
    spelled = [word for word in ORDINALS if re.search(rf"\b{word}\b", rest)]
    day = int(number[0]) if number else ORDINALS.index(max(spelled, key=len)) + 1
    found = date(year_of(year[0]), MONTHS.index(month[0]) + 1, day)
    weekday = re.search("|".join(DAYS), rest)
    assert not weekday or DAYS[found.weekday()] == weekday[0], text
    return found


def read(text: str) -> date:
    """What a date means, by the rules alone."""
    text = text.translate(str.maketrans("０１２３４５６７８９", "0123456789")).lower()
    if "年" in text:
        return read_chinese(text.replace("公元", ""))
    if re.search("[a-z]", text):
        return read_english(text)
    if re.fullmatch(r"\d{8}", text):
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    first, second, third = re.split("[-/.]", text)
    if len(first) == 4:
        return date(int(first), int(second), int(third))
    if "." in text:
        return date(year_of(third), int(second), int(first))
    assert first == second or int(first) == int(second) or max(int(first), int(second)) > 12, text
    day, month = (first, second) if int(first) > 12 else (second, first)
    return date(year_of(third), int(month), int(day))


def test_the_same_everywhere(splits):
    text = json.dumps(splits, ensure_ascii=False)
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == DIGEST
    assert dates() == splits


def test_sizes_and_no_text_twice(splits):
    assert {split: len(rows) for split, rows in splits.items()} == SIZES
    texts = [text.lower() for rows in splits.values() for text, _ in rows]
    assert len(set(texts)) == len(texts)


def test_forms_are_named_by_what_they_make():
    for kind, forms in FORMS.items():
        for name, form in forms.items():
            assert form(TUESDAY) == name, kind


@pytest.mark.parametrize(
    "kind, name, day, expected",
    [
        ("day", "3rd", date(1998, 3, 1), "1st"),
        ("day", "3rd", date(1998, 3, 12), "12th"),
        ("day", "3rd", date(1998, 3, 22), "22nd"),
        ("day", "third", date(1998, 3, 31), "thirty-first"),
        ("month", "Mar.", date(1998, 5, 1), "May"),
        ("month", "Mar.", date(1998, 9, 1), "Sep."),
        ("weekday", "周二", date(2009, 3, 8), "周日"),
        ("weekday", "礼拜二", date(2009, 3, 8), "礼拜天"),
        ("both", "三月三", date(1998, 10, 10), "十月十"),
        ("both", "三月三", date(1998, 12, 20), "十二月二十"),
        ("both", "三月三", date(1998, 11, 21), "十一月二十一"),
        ("year", "二零零九", date(1905, 1, 1), "一九零五"),
        ("year", "〇九", date(1998, 1, 1), "九八"),
        ("year", "'09", date(2000, 1, 1), "'00"),
    ],
)
def test_forms(kind, name, day, expected):
    assert FORMS[kind][name](day) == expected


def test_every_slot_has_its_forms():
    for line in LINES:
        for slot in SLOT.finditer(line):
            assert not slot["kind"] or set(slot["forms"].split("|")) <= FORMS[slot["kind"]].keys()
        assert len(set(patterns_of(line))) == len(patterns_of(line))
    assert len(set(LINES)) == len(LINES) and set(EITHER) <= set(LINES)


def test_every_date_is_what_the_rules_say(splits):
    for rows in splits.values():
        for text, iso in rows:
            assert read(text).isoformat() == iso, text


def test_the_examples_of_the_description():
    wanted = {
        "the 3rd of March '98",
        "March 3, 1998",
        "3/3/98",
        "Tuesday, 3 March 1998",
        "一九九八年三月三日",
        "98年3月3号",
    }
    day = date(1998, 3, 3)
    written = {pattern.write(day) for line in LINES for pattern in patterns_of(line) if pattern.fits(day)}
    assert wanted <= written
    assert all(read(text) == day for text in written)


def test_dates_that_a_pattern_does_not_fit():
    either = Pattern(EITHER[0], "{day:3}/{month:3}/{year:2009}", "as it is")
    assert either.fits(date(2009, 3, 13)) and either.fits(TUESDAY) and not either.fits(date(2009, 3, 4))
    short = Pattern("", "{day:3} {month:Mar} {year:'09}", "as it is")
    assert short.fits(date(1950, 1, 1)) and short.fits(date(2049, 12, 31))
    assert not short.fits(date(1949, 12, 31)) and not short.fits(date(2050, 1, 1))


def test_held_out_patterns_are_of_pieces_that_training_has():
    total = 0
    for line in LINES:
        trained = [pattern for pattern in patterns_of(line) if pattern not in held_out(line)]
        pieces = collections.Counter(piece for pattern in trained for piece in pattern.pieces)
        total += len(held_out(line))
        for pattern in held_out(line):
            assert all(pieces[piece] >= LEAST for piece in pattern.pieces)
            assert {piece for piece in pattern.pieces if piece in CASES} == {pattern.case}
        assert len(held_out(line)) <= len(patterns_of(line)) / 5
        assert held_out(line) or len(patterns_of(line)) < MANY
    assert total > 150


def test_a_quarter_of_the_test_dates_follow_new_patterns(splits):
    trained = [pattern for line in LINES for pattern in patterns_of(line) if pattern not in held_out(line)]

    def new(rows):
        return [
            text for text, iso in rows if not any(p.write(date.fromisoformat(iso)) == text for p in trained)
        ]

    assert not new(splits["train"][::80]) and not new(splits["validation"][::20])
    assert 0.17 < len(new(splits["test"][::8])) / len(splits["test"][::8]) < 0.33


def test_both_languages_and_all_years(splits):
    chinese = [text for text, _ in splits["train"] if re.search(r"[年]", text)]
    assert 0.2 < len(chinese) / SIZES["train"] < 0.4
    years = {iso[:4] for _, iso in splits["train"]}
    assert years == {str(year) for year in range(1900, 2100)}


def test_the_builder(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(written_dates, "SIZES", {"train": 300, "validation": 30, "test": 60})
    assert "kseq_dates" in tfds.list_builders()
    builder = tfds.builder("kseq_dates", data_dir=str(tmp_path))
    prepare(builder)
    assert capfd.readouterr().out == ""
    description = " ".join(builder.info.description.split())
    assert "not a benchmark" in description and "Synthetic" in description
    corpus = read_parallel("kseq_dates", data_dir=str(tmp_path))
    assert corpus.name == "kseq_dates"
    assert corpus.note.startswith("validation and test as the source gives them; source is column 'source'")
    for split, rows in dates().items():
        assert len(rows) == written_dates.SIZES[split]
        assert [(pair.source, pair.target) for pair in getattr(corpus, split)] == rows
