"""How people write dates, in English and Chinese, and which ways are kept for testing.

A line of `LINES` has slots with the forms of `kseq.data.date_forms` that stand there,
`{day:3|03} {month:March|Mar} {year:2009|'09}`; a slot without a name is plain text, `{:日|号}`. A pattern
is a line with one form in each slot, and a case.
"""

from __future__ import annotations

import functools
import itertools
import re
import zlib
from collections import Counter
from datetime import date
from typing import NamedTuple

from kseq.data.date_forms import FORMS, SHORT_YEARS

#: the first of the hundred years that a year in two digits can be: 50 is 1950, 49 is 2049
PIVOT = 1950

LINES = """
{day:3|03|3rd} {month:March|Mar|Mar.} {year:2009|'09}
{day:3|3rd} {month:March|Mar|Mar.}, {year:2009|'09}
{month:March|Mar|Mar.} {day:3|03|3rd}, {year:2009|'09}
{month:March|Mar|Mar.} {day:3|3rd} {year:2009|'09}
the {day:3rd|third} of {month:March|Mar} {year:2009|'09}
the {day:3rd|third} of {month:March|Mar}, {year:2009|'09}
{day:3rd|third} of {month:March|Mar} {year:2009|'09}
{month:March|Mar} the {day:3rd|third}, {year:2009|'09}
{weekday:Tuesday|Tue|Tue.}, {day:3|03|3rd} {month:March|Mar|Mar.} {year:2009|'09}
{weekday:Tuesday|Tue} {day:3|3rd} {month:March|Mar} {year:2009|'09}
{weekday:Tuesday|Tue|Tue.}, {month:March|Mar|Mar.} {day:3|3rd}, {year:2009|'09}
{weekday:Tuesday|Tue}, the {day:3rd|third} of {month:March|Mar} {year:2009|'09}
{day:3|03|3rd} {month:March|Mar} {year:2009|'09} ({weekday:Tuesday|Tue})
{day:3|03}-{month:March|Mar}-{year:2009|09}
{year:2009} {month:March|Mar} {day:3|03|3rd}
{day:3|03}/{month:3|03}/{year:2009|09}
{month:3|03}/{day:3|03}/{year:2009|09}
{day:3|03}.{month:3|03}.{year:2009|09}
{year:2009}{both:-3-3|-03-03|/3/3|/03/03|.3.3|.03.03|0303}
{year:2009|09}年{both:3月3|03月03|三月三}{:日|号}
{year:二〇〇九|二零零九|〇九|零九}年{both:三月三}{:日|号}
{year:２００９}年{both:３月３}{:日|号}
公元{year:2009|二〇〇九|二零零九}年{both:三月三}{:日|号}
{year:2009|09}年{both:3月3|03月03}{:日|号}{:| |，}{weekday:星期二|周二|礼拜二}
{year:2009|09}年{both:3月3|03月03|三月三}{:日|号}（{weekday:星期二|周二}）
{year:二〇〇九|二零零九|〇九|零九}年{both:三月三}{:日|号}{:| |，}{weekday:星期二|周二|礼拜二}
{weekday:星期二|周二|礼拜二}{:| |，}{year:2009|09}年{both:3月3|03月03}{:日|号}
""".strip().splitlines()
SLOT = re.compile(r"\{(?P<kind>\w*):(?P<forms>[^{}]*)\}")
# Day and month in either order.
EITHER = ("{day:3|03}/{month:3|03}/{year:2009|09}", "{month:3|03}/{day:3|03}/{year:2009|09}")
CASES = ("as it is", "lower", "upper")
# How many of a hundred patterns of a line are held out where it has many, and in how many others of the line
# each of their pieces has to be.
HELD_OUT = 20
MANY = 10
LEAST = 2


class Pattern(NamedTuple):
    """One way to write dates.

    Args:
        line: one of `LINES`.
        text: the line with one form in each slot.
        case: one of `CASES`.
    """

    line: str
    text: str
    case: str

    @property
    def pieces(self) -> tuple[str, ...]:
        """The slots with their form, each with its place, and the case."""
        slots = (match[0] for match in SLOT.finditer(self.text))
        return (*(f"{place}{slot}" for place, slot in enumerate(slots)), self.case)

    @property
    def short_year(self) -> bool:
        """Whether the year has two digits."""
        return any(f"{{year:{form}}}" in self.text for form in SHORT_YEARS)

    def write(self, day: date) -> str:
        """A date by this pattern.

        Example:
            >>> Pattern("", "the {day:3rd} of {month:March} {year:'09}", "lower").write(date(1998, 3, 2))
            "the 2nd of march '98"
        """

        def form(slot: re.Match[str]) -> str:
            return FORMS[slot["kind"]][slot["forms"]](day) if slot["kind"] else slot["forms"]

        text = SLOT.sub(form, self.text)
        return {"lower": text.lower(), "upper": text.upper()}.get(self.case, text)

    def fits(self, day: date) -> bool:
        """Whether the date can be read in one way only when it is written by this pattern."""
        if self.line in EITHER and day.day <= 12 and day.day != day.month:
            return False
        return not self.short_year or PIVOT <= day.year < PIVOT + 100


@functools.cache
def patterns_of(line: str) -> tuple[Pattern, ...]:
    """All patterns of a line, one of `LINES`; lines without letters of the alphabet have one case."""
    slots = [
        [f"{{{slot['kind']}:{form}}}" for form in slot["forms"].split("|")] for slot in SLOT.finditer(line)
    ]
    between = SLOT.sub("\0", line).split("\0")
    texts = [
        between[0] + "".join(slot + rest for slot, rest in zip(chosen, between[1:], strict=True))
        for chosen in itertools.product(*slots)
    ]
    cases = CASES if "March" in line else CASES[:1]
    return tuple(Pattern(line, text, case) for text in texts for case in cases)


@functools.cache
def held_out(line: str) -> frozenset[Pattern]:
    """The patterns of a line that training does not use, though it uses each of their pieces there.

    Args:
        line: one of `LINES`; with fewer than `MANY` patterns none is held out.
    """
    patterns = patterns_of(line)
    if len(patterns) < MANY:
        return frozenset()
    left = Counter(piece for pattern in patterns for piece in pattern.pieces)
    chosen: list[Pattern] = []
    # in an order that has nothing to do with the forms, the same on every platform
    for pattern in sorted(patterns, key=lambda pattern: zlib.crc32("\n".join(pattern).encode())):
        shown = all(left[piece] > LEAST for piece in pattern.pieces)
        if shown and 100 * (len(chosen) + 1) <= HELD_OUT * len(patterns):
            chosen.append(pattern)
            left.subtract(pattern.pieces)
    return frozenset(chosen)
