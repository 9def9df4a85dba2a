"""The embedded set of pairs: written dates and what they mean, as a TensorFlow Datasets builder.

Importing this module imports `tensorflow_datasets`, which is slow, and registers the builder:
`tfds.load("kseq_dates")` works afterwards. `dates` gives the same as plain lists.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import date

import tensorflow_datasets as tfds

from kseq.data.date_patterns import CASES, LINES, PIVOT, Pattern, held_out, patterns_of
from kseq.data.entity_grammar import pick

Written = tuple[str, str]  # a date as somebody wrote it, and in ISO 8601

SIZES = {"train": 12_000, "validation": 1_000, "test": 2_000}
YEARS = (1900, 2099)
# How many of a hundred test dates are written by a pattern that is held out.
NEW_PATTERNS = 25
# Of ten texts, how many are in each case.
CASE_SHARES = (CASES[0],) * 8 + CASES[1:]

_DESCRIPTION = """\
Dates from 1900 to 2099 as people write them, in English ("the 3rd of March '09", "TUE., MAR. 3, 2009") and
Chinese, each with the ISO date that it means, made by a program from hand-written patterns. Synthetic: good
for trying things out and for tests, not a benchmark; figures say nothing about real text, where dates are
misspelt, incomplete or of other calendars. Every text has one meaning, by these rules: a year in two digits
is one of 1950 to 2049; with dots the day comes first, or else the year; with slashes and the year at the end
day and month come in either order, and the day is above 12 or equals the month; weekdays are right. A
quarter of the `test` dates are written by patterns that are in no other split: combinations of the form of
each piece and of upper or lower case that no training date has, though training has each of these forms in
the same order of pieces. So all that there is to know can be learnt, and nearly every date can be had right.
No text occurs twice. The same on every platform.
"""


class KseqDates(tfds.core.GeneratorBasedBuilder):
    """Made-up written dates, English and Chinese, and their ISO form.

    Features `source` and `target`; splits `train`, `validation` and `test`. See `dates`.
    """

    name = "kseq_dates"
    VERSION = tfds.core.Version("1.0.0")

    def _info(self) -> tfds.core.DatasetInfo:
        features = {"source": tfds.features.Text(), "target": tfds.features.Text()}
        return tfds.core.DatasetInfo(
            builder=self,
            description=_DESCRIPTION,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("source", "target"),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        del dl_manager  # nothing to download
        return {split: self._generate_examples(rows) for split, rows in dates().items()}

    def _generate_examples(self, rows: Sequence[Written]) -> Iterator[tuple[int, dict[str, str]]]:
        for key, (source, target) in enumerate(rows):
            yield key, {"source": source, "target": target}


def dates() -> dict[str, list[Written]]:
    """The dates by split.

    Example:
        >>> dates()["train"][0]
        ('Jan 1st 2072', '2072-01-01')

    Returns:
        `{"train": [(text, ISO date), ...], "validation": ..., "test": ...}`; the same on every platform and
        with every Python.
    """
    rng = random.Random(2026)
    known: set[str] = set()
    splits: dict[str, list[Written]] = {}
    for split, size in SIZES.items():
        splits[split] = []
        while len(splits[split]) < size:
            new = split == "test" and rng.random() * 100 < NEW_PATTERNS
            text, day = draw(rng, new)
            if text.lower() not in known:
                known.add(text.lower())
                splits[split].append((text, day.isoformat()))
    return splits


def draw(rng: random.Random, new: bool) -> tuple[str, date]:
    """A date and how it is written.

    Args:
        rng: where the choices come from.
        new: whether by a pattern that is held out; the text is then not what another pattern would give.
    """
    while True:
        pattern = _draw_pattern(rng, new)
        first, last = (PIVOT, PIVOT + 99) if pattern.short_year else YEARS
        start = date(first, 1, 1).toordinal()
        days = date(last, 12, 31).toordinal() - start + 1
        day = date.fromordinal(start + int(rng.random() * days))
        text = pattern.write(day)
        if pattern.fits(day) and not (new and _known(pattern, day, text)):
            return text, day


def _draw_pattern(rng: random.Random, new: bool) -> Pattern:
    """Each line is as frequent as the others, whatever the number of its patterns."""
    while True:
        line, case = pick(rng, LINES), pick(rng, CASE_SHARES)
        kept = held_out(line)
        patterns = [p for p in patterns_of(line) if p.case == case and (p in kept) == new]
        if patterns:
            return pick(rng, patterns)


def _known(pattern: Pattern, day: date, text: str) -> bool:
    """Whether a pattern of training gives the same: with or without a zero in front of 13."""
    others = (other for other in patterns_of(pattern.line) if other not in held_out(pattern.line))
    return any(other.write(day) == text for other in others)
