"""Text files in the encoding that the user names, and a guess at it where UTF-8 fails."""

from __future__ import annotations

import codecs
from pathlib import Path

from kseq.data import text_files
from kseq.errors import UserError

# Tried in this order on a file that is not UTF-8: GB18030 refuses most of what is really Latin text.
GUESSES = ("gb18030", "cp1252")


def read_encoded(path: Path, encoding: str = "utf-8") -> str:
    r"""The text of a file, plain or gzip, without byte order mark and with `\n` at line ends.

    Args:
        path: the file.
        encoding: any text encoding that Python knows; `"utf-8"` also takes a byte order mark.

    Raises:
        UserError: when there is no such encoding, or the file cannot be read, is empty or is in another
            encoding; one that would do is named.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "hotel.tsv"
        >>> _ = path.write_bytes("很好\t1\n".encode("gb18030"))
        >>> read_encoded(path, "gb18030")
        '很好\t1\n'
    """
    utf8 = _codec(encoding) in ("utf-8", "utf-8-sig")
    text = (_read_utf8(path) if utf8 else _decode(path, encoding)).replace("\r\n", "\n")
    return text if "\n" in text else text.replace("\r", "\n")


def _codec(encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
        b"?".decode(encoding)
    except UnicodeError:  # half a character of a text encoding such as UTF-16
        pass
    except LookupError:
        raise UserError(f"`encoding` must be a text encoding such as gb18030, got {encoding!r}") from None
    return name


def _read_utf8(path: Path) -> str:
    try:
        return text_files.read_text(path)
    except UserError as error:
        raise UserError(f"{error}{_hint(text_files.read_bytes(path))}") from None


def _hint(data: bytes) -> str:
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if _fits(data, "utf-8") or (b"\0" in data and not utf16):
        return ""
    guess = next((guess for guess in (("utf-16",) if utf16 else GUESSES) if _fits(data, guess)), None)
    return f"; it may be {guess}: give `--encoding {guess}`" if guess else ""


def _fits(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _decode(path: Path, encoding: str) -> str:
    data = text_files.read_bytes(path)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].decode(encoding, "replace").count("\n") + 1
        raise UserError(
            f"{path}:{line}: byte 0x{data[error.start]:02x} at offset {error.start} is no {encoding} text"
            f"{'; it is UTF-8, leave `encoding` out' if _fits(data, 'utf-8') else ''}"
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise UserError(f"{path}:{line}: a zero character, where {encoding} text was expected")
    if not text.strip():
        raise UserError(f"{path} is empty: a text file with at least a few lines was expected")
    return text.removeprefix("\ufeff")
