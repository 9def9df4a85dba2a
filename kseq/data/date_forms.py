"""The pieces of a written date, English and Chinese, each in the forms that people give it.

A form is named by what it makes of Tuesday, 3 March 2009: the day may read `3`, `03`, `3rd` or `third`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

Form = Callable[[date], str]

# fmt: off
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ORDINALS = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
    "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth",
    "nineteenth", "twentieth", "twenty-first", "twenty-second", "twenty-third", "twenty-fourth",
    "twenty-fifth", "twenty-sixth", "twenty-seventh", "twenty-eighth", "twenty-ninth",
    "thirtieth", "thirty-first",
)
# fmt: on
DIGITS = "〇一二三四五六七八九"
WIDE = str.maketrans("0123456789", "０１２３４５６７８９")
#: forms of the year that leave the century out
SHORT_YEARS = ("09", "'09", "〇九", "零九")


def _day_ordinal(day: date) -> str:
    ending = "th" if 10 < day.day < 20 else {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10, "th")
    return f"{day.day}{ending}"


def _dotted(name: str) -> str:
    """The first three letters with a dot; May is not shortened."""
    return f"{name[:3]}." if len(name) > 3 else name


def _chinese(number: int) -> str:
    """A number below 100 as it is counted: 23 is 二十三."""
    tens, ones = divmod(number, 10)
    return (DIGITS[tens] if tens > 1 else "") + "十" * (tens > 0) + (DIGITS[ones] if ones else "")


def _digits(day: date, zero: str, last: int = 4) -> str:
    """The year read digit by digit: 2009 is 二〇〇九."""
    return "".join(DIGITS[int(digit)] for digit in f"{day.year}"[-last:]).replace("〇", zero)


FORMS: Mapping[str, Mapping[str, Form]] = {
    "weekday": {
        "Tuesday": lambda day: WEEKDAYS[day.weekday()],
        "Tue": lambda day: WEEKDAYS[day.weekday()][:3],
        "Tue.": lambda day: _dotted(WEEKDAYS[day.weekday()]),
        "星期二": lambda day: "星期" + "一二三四五六日"[day.weekday()],
        "周二": lambda day: "周" + "一二三四五六日"[day.weekday()],
        "礼拜二": lambda day: "礼拜" + "一二三四五六天"[day.weekday()],
    },
    "day": {
        "3": lambda day: f"{day.day}",
        "03": lambda day: f"{day.day:02}",
        "3rd": _day_ordinal,
        "third": lambda day: ORDINALS[day.day - 1],
    },
    "month": {
        "3": lambda day: f"{day.month}",
        "03": lambda day: f"{day.month:02}",
        "March": lambda day: MONTHS[day.month - 1],
        "Mar": lambda day: MONTHS[day.month - 1][:3],
        "Mar.": lambda day: _dotted(MONTHS[day.month - 1]),
    },
    # month and day in the same form
    "both": {
        "0303": lambda day: f"{day.month:02}{day.day:02}",
        "-3-3": lambda day: f"-{day.month}-{day.day}",
        "-03-03": lambda day: f"-{day.month:02}-{day.day:02}",
        "/3/3": lambda day: f"/{day.month}/{day.day}",
        "/03/03": lambda day: f"/{day.month:02}/{day.day:02}",
        ".3.3": lambda day: f".{day.month}.{day.day}",
        ".03.03": lambda day: f".{day.month:02}.{day.day:02}",
        "3月3": lambda day: f"{day.month}月{day.day}",
        "03月03": lambda day: f"{day.month:02}月{day.day:02}",
        "３月３": lambda day: f"{day.month}月{day.day}".translate(WIDE),
        "三月三": lambda day: f"{_chinese(day.month)}月{_chinese(day.day)}",
    },
    "year": {
        "2009": lambda day: f"{day.year}",
        "09": lambda day: f"{day.year % 100:02}",
        "'09": lambda day: f"'{day.year % 100:02}",
        "２００９": lambda day: f"{day.year}".translate(WIDE),
        "二〇〇九": lambda day: _digits(day, "〇"),
        "二零零九": lambda day: _digits(day, "零"),
        "〇九": lambda day: _digits(day, "〇", 2),
        "零九": lambda day: _digits(day, "零", 2),
    },
}
