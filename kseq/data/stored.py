"""Token ids on disk, of texts that do not fit memory."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np

from kseq.data.pieces import text_pieces
from kseq.data.vocabulary import Vocabulary
from kseq.errors import UserError
from kseq.files import write_json

SHARD = 1 << 25  # ids in a file
MOST_WORDS = 5_000_000  # different ones that are told apart
_UNKNOWN = 0  # number of words beyond these


class Store:
    """The tokens of a text file as numbers in the order in which they were first seen, in shards.

    ```
    CACHE/NAME-FINGERPRINT/     tokens.json  shard-00000.bin  shard-00001.bin ...
    ```

    One pass over the text writes it, holding a piece of text, a shard of numbers and the different tokens
    in memory. Vocabularies of any part follow from it without reading the text again. The directory
    is made under another name and renamed when it is complete; the next time it is found again by the
    file's path, size and time.

    Args:
        directory: of `make`.
    """

    def __init__(self, directory: Path):
        about = json.loads((directory / "tokens.json").read_text(encoding="utf-8"))
        self.tokens: list[str] = about["tokens"]
        self.level: str = about["level"]
        self.size: int = about["size"]
        self._shard: int = about["shard"]
        self._type = np.dtype(about["type"])
        self._files = sorted(directory.glob("shard-*.bin"))

    @classmethod
    def make(cls, path: Path, level: str, cache: Path, shard: int = SHARD) -> Store:
        """Writes the tokens of a text file, or finds what was written before.

        Args:
            path: the text file.
            level: `"char"` or `"word"`, as of `Vocabulary`.
            cache: directory of all stores.
            shard: ids in a file.

        Raises:
            UserError: the text cannot be read, or the cache not written.
        """
        state = path.stat()
        key = json.dumps([str(path.resolve()), state.st_size, state.st_mtime_ns, level, shard])
        name = f"{path.name.split('.')[0]}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
        directory, temporary = cache / name, cache / f".{name}"
        if not directory.exists():
            try:
                shutil.rmtree(temporary, ignore_errors=True)
                temporary.mkdir(parents=True)
                _write(temporary, path, level, shard)
                temporary.rename(directory)
            except OSError as error:
                raise UserError(f"cannot write the cache `{cache}`: {error.strerror}") from error
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
        return cls(directory)

    def read(self, start: int, end: int) -> np.ndarray:
        """The numbers of the tokens from `start` to before `end`."""
        parts = []
        while start < end:
            number, place = divmod(start, self._shard)
            count = min(end - start, self._shard - place)
            offset = place * self._type.itemsize
            parts.append(np.fromfile(self._files[number], self._type, count, offset=offset))
            start += count
        return np.concatenate(parts) if parts else np.zeros(0, self._type)

    def counts(self, start: int, end: int) -> Counter[str]:
        """How often each token occurs in a part."""
        total = np.zeros(len(self.tokens), np.int64)
        for place in range(start, end, 1 << 22):
            found = self.read(place, min(end, place + (1 << 22)))
            total += np.bincount(found, minlength=len(self.tokens))
        return Counter(dict(zip(self.tokens, total.tolist(), strict=True)))


@dataclasses.dataclass(frozen=True)
class StoredIds:
    """A part of a store as ids of a vocabulary; slices of it are arrays in memory.

    Args:
        store: where.
        vocabulary: which.
        start: of the part.
        end: behind it.
    """

    store: Store
    vocabulary: Vocabulary
    start: int
    end: int

    def __post_init__(self) -> None:
        known = self.vocabulary.known
        ids = [known.get(token, self.vocabulary.unk_id) for token in self.store.tokens]
        if self.vocabulary.eol_id is not None:
            ids[self.store.tokens.index("\n")] = self.vocabulary.eol_id
        object.__setattr__(self, "_table", np.array(ids, np.int32))

    def __len__(self) -> int:
        return self.end - self.start

    def __getitem__(self, part: slice) -> np.ndarray:
        start, end, _ = part.indices(len(self))  # steps of 1 only
        return self._table[self.store.read(self.start + start, self.start + end)]


def _write(directory: Path, path: Path, level: str, shard: int) -> None:
    numbers = _characters(path) if level == "char" else _words(path)
    tokens = next(numbers)
    buffer, held, written, size = [], 0, 0, 0
    for found in chain(numbers, [None]):
        if found is not None:
            buffer.append(found)
            held += len(found)
        while held >= shard or (found is None and held):
            everything = np.concatenate(buffer)
            _shard_file(directory, written).write_bytes(everything[:shard].tobytes())
            buffer, size, written = [everything[shard:]], size + min(held, shard), written + 1
            held = len(buffer[0])
    about = {"level": level, "size": size, "shard": shard, "type": "uint32", "tokens": list(tokens)}
    write_json(directory / "tokens.json", about)


def _shard_file(directory: Path, number: int) -> Path:
    return directory / f"shard-{number:05d}.bin"


def _characters(path: Path) -> Iterator:
    """First the characters, which grow while the numbers of pieces follow."""
    seen: dict[str, int] = {}
    yield seen
    table = np.full(0x110000, -1, np.int32)
    for text in text_pieces(path):
        points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
        for point in np.unique(points[table[points] < 0]).tolist():
            table[point] = seen.setdefault(chr(point), len(seen))
        yield table[points].astype(np.uint32)


def _words(path: Path) -> Iterator:
    """The same for words and line ends; words beyond the most share a number."""
    seen: dict[str, int] = {"": _UNKNOWN, "\n": 1}
    yield seen
    rest = ""
    for text in chain(text_pieces(path), [None]):
        text = rest if text is None else rest + text
        cut = len(text) if text is rest else max(text.rfind(" "), text.rfind("\n")) + 1
        text, rest = text[:cut], text[cut:]
        found = []
        for line in text.split("\n"):
            for word in line.split():
                if word not in seen and len(seen) < MOST_WORDS:
                    seen[word] = len(seen)
                found.append(seen.get(word, _UNKNOWN))
            found.append(1)
        yield np.array(found[:-1], np.uint32)
