"""Reads sentences in columns, one token a line: what CoNLL files of tagged text look like."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from kseq.data.text_files import read_text
from kseq.errors import UserError, did_you_mean, one_of

DOCUMENT = "-DOCSTART-"
EXPECTED = "lines of columns, one token each, were expected"
# What a comment looks like; a token may look so too (`# O`), its number of columns tells.
COMMENT = re.compile(r"#+ |#+[\w.]+ *=")
GLOBAL_COLUMNS = re.compile(r"# *global\.columns *=(.*)")
# A character and its position in a segmented word (Weibo NER); lost emoji are several U+FFFD there.
SEGMENTED = re.compile("(.|\ufffd+)([0-9]+)")


@dataclass(frozen=True)
class Sentence:
    """Tokens and their tags.

    Args:
        tokens: one string a token.
        tags: one tag a token, or none at all when the file has no column for them.
        line: where the first token stands in the file, counted from 1; the others follow line by
            line. The number of the example when the source is no file.
    """

    tokens: tuple[str, ...]
    tags: tuple[str, ...]
    line: int


class _Layout(NamedTuple):
    columns: int
    tabs: bool
    first: int  # the line that the others are compared with
    header: bool  # whether that line names the columns
    token: int
    tag: int | None


def read_conll(
    path: str | os.PathLike[str],
    *,
    token_column: int | str = 0,
    tag_column: int | str | None = -1,
    segmented: bool | str = "auto",
) -> list[Sentence]:
    r"""Reads a file with one token a line, in columns, and blank lines between sentences.

    Columns are parted by tabs where the line has one, else by spaces. Lines `-DOCSTART-` end a
    sentence and are skipped; so are comments before a sentence (`# text`, `#key = value`), which
    differ from a token `#` by their number of columns.

    Args:
        path: UTF-8 text, plain or gzip.
        token_column: number of the column, negative from the end, or its name, when a line
            `# global.columns = ...` or the file's first line gives names.
        tag_column: the same; None, or a file of one column, for sentences without tags.
        segmented: whether tokens are characters that carry their position in a word (`科0`, `技1`),
            which is then dropped; `"auto"`: when all of the file's tokens look like that.

    Raises:
        UserError: when the file is no text or has no sentence, a line has more or fewer columns
            than the first, no token or no tag, or a column does not exist.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "two.conll"
        >>> _ = path.write_text("Ada\tB-PER\nslept\tO\n\nYes\tO\n")
        >>> read_conll(path)[0]
        Sentence(tokens=('Ada', 'slept'), tags=('B-PER', 'O'), line=1)
    """
    one_of("segmented", segmented, (True, False, "auto"))
    path = Path(path).expanduser()
    lines = read_text(path).split("\n")  # not `splitlines`, which parts at U+2028 and its like too
    layout = _layout(path, lines, token_column, tag_column)
    sentences = []
    for block in _blocks(lines, layout):
        cells = [_cells(path, number, line, layout) for number, line in block]
        tokens, tags = zip(*cells, strict=True)
        sentences.append(Sentence(tokens, () if layout.tag is None else tags, block[0][0]))
    if not sentences:
        raise UserError(f"{path} has no sentences: {EXPECTED}")
    if segmented is True or (segmented == "auto" and _all_segmented(sentences)):
        return [_joined(path, sentence) for sentence in sentences]
    return sentences


def _layout(path: Path, lines: list[str], token: int | str, tag: int | str | None) -> _Layout:
    """What the columns are, by the first line that cannot be a comment."""
    first = _first_line(path, lines)
    line, where = lines[first - 1], f"{path}:{first}"
    columns = _columns(line)
    named = next(filter(None, map(GLOBAL_COLUMNS.match, lines[:first])), None)
    header = named is None and any(isinstance(column, str) for column in (token, tag))
    names = columns if header else named[1].split() if named else []
    token_index = _index("token_column", token, len(columns), names, where)
    tag_index = None
    if tag is not None and (len(columns) > 1 or tag not in (-1, 0)):
        tag_index = _index("tag_column", tag, len(columns), names, where)
    if tag_index == token_index:
        raise UserError(f"{where}: `token_column` and `tag_column` are both column {tag_index}")
    return _Layout(len(columns), "\t" in line, first, header, token_index, tag_index)


def _first_line(path: Path, lines: list[str]) -> int:
    for number, line in enumerate(lines, 1):
        if not _ends_sentence(line) and not COMMENT.match(line):
            return number
    raise UserError(f"{path} has no sentences: {EXPECTED}")


def _index(argument: str, column: int | str, count: int, names: list[str], where: str) -> int:
    if isinstance(column, str):
        if column not in names:
            known = f"the columns are {', '.join(names)}" if names else "no line names the columns"
            near = did_you_mean(column, names)
            raise UserError(f"{where}: no column {column!r} (`{argument}`): {known}{near}")
        column = names.index(column)
    if not -count <= column < count:
        raise UserError(f"{where}: no column {column} (`{argument}`): the line has {_counted(count)}")
    return column % count


def _blocks(lines: list[str], layout: _Layout) -> Iterator[list[tuple[int, str]]]:
    """The numbered lines of each sentence."""
    block: list[tuple[int, str]] = []
    for number, line in enumerate(lines, 1):
        if _ends_sentence(line) or (layout.header and number == layout.first):
            if block:
                yield block
            block = []
        elif block or not _is_comment(line, layout):
            block.append((number, line))
    if block:
        yield block


def _cells(path: Path, number: int, line: str, layout: _Layout) -> tuple[str, str]:
    columns = _columns(line)
    if len(columns) != layout.columns:
        wanted = f"where line {layout.first} has {layout.columns}"
        raise UserError(f"{path}:{number}: {_counted(len(columns))} {wanted}: {line[:60]!r}")
    token, tag = columns[layout.token], "" if layout.tag is None else columns[layout.tag]
    if not token:
        raise UserError(f"{path}:{number}: the token (column {layout.token}) is empty: {line[:60]!r}")
    if layout.tag is not None and not tag:
        raise UserError(f"{path}:{number}: the tag (column {layout.tag}) is missing: {line[:60]!r}")
    return token, tag


def _columns(line: str) -> list[str]:
    # Spaces alone: U+3000 and the no-break space are tokens of some texts.
    if "\t" in line:
        return [column.strip(" ") for column in line.split("\t")]
    return [column for column in line.split(" ") if column]


def _ends_sentence(line: str) -> bool:
    return not line.strip() or line.startswith(DOCUMENT)


def _is_comment(line: str, layout: _Layout) -> bool:
    same = len(_columns(line)) == layout.columns and ("\t" in line) == layout.tabs
    return not same and COMMENT.match(line) is not None


def _all_segmented(sentences: list[Sentence]) -> bool:
    """Whether every token is a character and a number, and every sentence begins with position 0."""
    return all(
        all(map(SEGMENTED.fullmatch, sentence.tokens)) and sentence.tokens[0].endswith("0")
        for sentence in sentences
    )


def _joined(path: Path, sentence: Sentence) -> Sentence:
    matches = [SEGMENTED.fullmatch(token) for token in sentence.tokens]
    if None in matches:
        index = matches.index(None)
        raise UserError(
            f"{path}:{sentence.line + index}: {sentence.tokens[index]!r} is no character with its position, "
            "as in '科0', which `segmented` expects"
        )
    return Sentence(tuple(match[1] for match in matches), sentence.tags, sentence.line)


def _counted(columns: int) -> str:
    return "1 column" if columns == 1 else f"{columns} columns"
