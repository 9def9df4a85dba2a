"""A text in pieces is the same text, and its ids on disk give the same batches."""

import gzip

import numpy as np
import pytest

from kseq.data import Vocabulary, contiguous_streams, read_splits
from kseq.data.pieces import text_pieces
from kseq.data.stored import Store, StoredIds
from kseq.data.stored_text import read_stored
from kseq.errors import UserError

TEXT = "Über den Wolken,\r\nthe sky is <unk>  and  high 🌤.\n\nto be or not to be\rx\n" * 40


def write(path, text=TEXT, bom=False):
    data = (b"\xef\xbb\xbf" if bom else b"") + text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("size", [1, 2, 7, 1 << 20])
@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
def test_pieces_are_the_text(tmp_path, name, size):
    path = write(tmp_path / name, bom=True)
    assert "".join(text_pieces(path, size)) == TEXT.replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"abc\0def", "byte 0x00 at offset 3"),
        (b"abc\xff", "byte 0xff"),
        (b" \n", "is empty"),
        (b"", "is empty"),
    ],
)
def test_what_is_no_text(tmp_path, content, message):
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        list(text_pieces(path))
    with pytest.raises(UserError, match=message):
        Store.make(path, "char", tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


@pytest.mark.parametrize("level", ["char", "word"])
@pytest.mark.parametrize("shard", [13, 1 << 20])
def test_ids_are_those_of_the_text_in_memory(tmp_path, level, shard):
    store = Store.make(write(tmp_path / "a.txt"), level, tmp_path / "cache", shard)
    text = TEXT.replace("\r\n", "\n")
    vocabulary = Vocabulary.build(text, level, min_count=2)
    expected = vocabulary.encode(text)
    ids = StoredIds(store, vocabulary, 0, store.size)
    np.testing.assert_array_equal(ids[0 : len(ids)], expected)
    np.testing.assert_array_equal(ids[11:60], expected[11:60])
    again = Store.make(tmp_path / "a.txt", level, tmp_path / "cache", shard)
    assert again.tokens == store.tokens and len(list((tmp_path / "cache").iterdir())) == 1


def test_batches_and_parts_are_those_of_the_text_in_memory(tmp_path):
    path = write(tmp_path / "a.txt")
    corpus = read_splits(path, 0.1, 0.05)
    vocabulary = Vocabulary.build(corpus.train)
    stored = read_stored(path, tmp_path / "cache", validation=0.1, test=0.05)
    assert stored.vocabulary == vocabulary
    for part in ("train", "validation", "test"):
        ids = vocabulary.encode(getattr(corpus, part))
        expected = contiguous_streams(ids, 4, 7, 2)
        found = contiguous_streams(getattr(stored, part), 4, 7, 2)
        assert len(found) == len(expected) and found.element_spec == expected.element_spec
        for one, other in zip(found, expected, strict=True):
            for x, y in zip((*one[0].values(), *one[1:]), (*other[0].values(), *other[1:]), strict=True):
                np.testing.assert_array_equal(x, y)


def test_a_cache_that_cannot_be_written(tmp_path):
    write(tmp_path / "a.txt")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write the cache"):
        read_stored(tmp_path / "a.txt", tmp_path / "file")
