"""The Chinese README is kept in step with the English one: the same headings, the same commands."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
ENGLISH, CHINESE = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md"))


def headings(text):
    """The levels of the headings, in their order; what stands in code is none."""
    outside = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return [len(marks) for marks in re.findall(r"^(#+) ", outside, re.MULTILINE)]


def commands(text):
    """Whatever runs a program, wherever it stands, without comments."""
    joined = text.replace("\\\n", " ")
    found = re.findall(r"(?:python -m|pip install)(?: +[^\s`#&|（）。；]+)+", joined)
    return sorted(" ".join(command.split()) for command in found)


def test_the_headings_are_the_same():
    assert headings(CHINESE) == headings(ENGLISH)


def test_the_commands_are_the_same():
    missing = [command for command in commands(ENGLISH) if command not in commands(CHINESE)]
    too_many = [command for command in commands(CHINESE) if command not in commands(ENGLISH)]
    assert (missing, too_many) == ([], [])
    assert len(commands(ENGLISH)) > 30
