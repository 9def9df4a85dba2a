"""A text file piece by piece, for texts that do not fit memory."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from kseq.errors import UserError

PIECE = 1 << 20  # bytes


def text_pieces(path: Path, size: int = PIECE) -> Iterator[str]:
    r"""The text that `read_text` gives, in pieces.

    Args:
        path: UTF-8, plain or gzip; a byte order mark is passed over, `\r\n` becomes `\n`.
        size: bytes read at once.

    Yields:
        Pieces that together are the text, none of them empty.

    Raises:
        UserError: when the file cannot be read or unpacked, is empty or is not UTF-8 text.
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    done, held, empty = 0, "", True
    try:
        with path.open("rb") as raw:
            packed = path.suffix == ".gz" or raw.peek(2)[:2] == b"\x1f\x8b"
            file = gzip.GzipFile(fileobj=raw) if packed else raw
            while True:
                data = file.read(size)
                if (place := data.find(b"\0")) >= 0:
                    raise UserError(
                        f"{path} is not a text file: byte 0x00 at offset {done + place} "
                        "where UTF-8 text was expected"
                    )
                text = held + decoder.decode(data, final=not data)
                done += len(data)
                # a line end may be cut in two
                held = "\r" if data and text.endswith("\r") else ""
                text = (text[:-1] if held else text).replace("\r\n", "\n")
                empty = empty and not text.strip()
                if text:
                    yield text
                if not data:
                    break
    except UnicodeDecodeError as error:
        byte, offset = error.object[error.start], done + error.start
        raise UserError(
            f"{path} is not a text file: byte 0x{byte:02x} near offset {offset} where UTF-8 text was expected"
        ) from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path} is no intact gzip file: {error}") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None
    if empty:
        raise UserError(f"{path} is empty: a text file with at least a few lines was expected")
