import gzip
import tracemalloc

import numpy as np
import pytest

from kseq.data.vectors import read_vectors
from kseq.errors import UserError

ROWS = "the 0.1 -0.2 3e-2\nof 1 2 3\nParis -1.5 0.25 8\n"


@pytest.fixture
def write(tmp_path):
    def write(content, name="vectors.txt"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize(
    "content",
    [
        ROWS,
        "3 3\n" + ROWS,
        "3 3\r\n" + ROWS.replace("\n", " \r\n"),  # fastText ends lines with a space
        ROWS.replace(" ", "\t"),
        "\ufeff" + ROWS + "\n\n",
        ROWS.rstrip(),
    ],
    ids=["glove", "header", "fasttext", "tabs", "bom", "no line end"],
)
@pytest.mark.parametrize("packed", [False, True])
def test_formats(write, content, packed):
    data = gzip.compress(content.encode()) if packed else content  # gzip by content, not by name
    vectors = read_vectors(write(data), ["", "Paris", "missing", "the", "the"])
    assert vectors.matrix.dtype == np.float32 and vectors.found.dtype == bool
    assert vectors.found.tolist() == [False, True, False, True, True]
    expected = [[0, 0, 0], [-1.5, 0.25, 8], [0, 0, 0], [0.1, -0.2, 0.03], [0.1, -0.2, 0.03]]
    np.testing.assert_array_equal(vectors.matrix, np.array(expected, np.float32))


def test_path_as_string(write):
    assert read_vectors(str(write(ROWS)), ["of"]).found.all()


def test_lower_case_fallback(write):
    path = write("paris 1 1\nParis 2 2\nof 3 3\nROME 4 4\n")
    words = ["Paris", "PARIS", "Of", "rome"]
    vectors = read_vectors(path, words)
    assert vectors.found.tolist() == [True, True, True, False]
    assert vectors.matrix[:, 0].tolist() == [2, 1, 3, 0]
    assert read_vectors(path, words, lower_fallback=False).found.tolist() == [True, False, False, False]


def test_the_first_of_duplicates_counts(write):
    assert read_vectors(write("a 1 1\nb 2 2\na 3 3\n"), ["a"]).matrix.tolist() == [[1, 1]]


def test_words_with_spaces(write):
    path = write("the 0.125 0.5\n. . . 0.25 0.5\nat name@domain.com 0.75 0.5\n\u00a0 0.5 0.5\n")
    vectors = read_vectors(path, [". . .", "at name@domain.com", "\u00a0"])
    assert vectors.matrix[:, 0].tolist() == [0.25, 0.75, 0.5]


def test_a_first_word_that_is_a_number(write):
    path = write("2 7 1\n3 8 2\n")
    assert read_vectors(path, ["2"]).matrix.tolist() == [[7, 1]]


def test_dim(write):
    assert read_vectors(write(ROWS), ["of"], dim=3).found.all()
    with pytest.raises(UserError, match="`dim` must be positive"):
        read_vectors(write(ROWS), ["of"], dim=0)
    with pytest.raises(
        UserError, match="vectors.txt:1: a word and 5 values were expected, got 3 values: 'the"
    ):
        read_vectors(write(ROWS), ["of"], dim=5)
    with pytest.raises(UserError, match=":1: the vectors have 3 values, where `dim` is 5"):
        read_vectors(write("3 3\n" + ROWS), ["of"], dim=5)


@pytest.mark.parametrize(
    "content, message",
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("a 1 2\nb 1\n", r"vectors\.txt:2: a word and 2 values were expected, got 1 values: 'b 1'"),
        ("a 1.125 2.125\nb 1.125 2.125 3.125\n", r":2: a word and 2 values were expected, got 3 values"),
        ("a 1 2\n\nb 1 x2\n", r":3: value 2 is 'x2', a number was expected"),
        ("a 1 2\nb nan 1\n", r":2: value 1 is 'nan', a number was expected"),
        ("a 1 2\nb 1 1e99\n", r":2: value 2 is '1e99'"),
        ("hello\n", r":1: a word and its values were expected, got 'hello'"),
        ("2 0\na\n", r":1: a header .* got dimension 0"),
        ("a 1 2\n", r"has a vector for none of the 1 words \('b'"),
    ],
)
def test_wrong_files(write, content, message):
    with pytest.raises(UserError, match=message):
        read_vectors(write(content), ["b"])


def test_no_words(write):
    with pytest.raises(UserError, match="none of the 0 words"):
        read_vectors(write(ROWS), [])


def test_binary_files(write):
    rows = np.random.default_rng(0).normal(size=(3, 8)).astype(np.float32)
    word2vec = b"3 8\n" + b"".join(
        word + b" " + row.tobytes() + b"\n" for word, row in zip([b"a", b"b", b"c"], rows, strict=True)
    )
    with pytest.raises(UserError, match="binary file; vectors as text were expected"):
        read_vectors(write(word2vec, "vectors.bin"), ["a"])
    with pytest.raises(UserError, match="binary file"):
        read_vectors(write(gzip.compress(word2vec), "vectors.bin.gz"), ["a"])
    fasttext = b"\xba\x16\x4f\x2f\x0c\x00\x00\x00"
    with pytest.raises(UserError, match="binary file"):
        read_vectors(write(fasttext, "model.bin"), ["a"])


def test_files_that_cannot_be_read(tmp_path, write):
    with pytest.raises(UserError, match="cannot read .*missing.txt: No such file"):
        read_vectors(tmp_path / "missing.txt", ["a"])
    with pytest.raises(UserError, match="cannot read .*: Is a directory"):
        read_vectors(tmp_path, ["a"])
    broken = gzip.compress(("3 3\n" + ROWS * 500).encode())[:-20]
    with pytest.raises(UserError, match="no intact gzip file"):
        read_vectors(write(broken, "vectors.gz"), ["of"])


def test_the_file_is_streamed(write):
    row = " ".join(["0.125"] * 100)
    path = write("".join(f"word{i} {row}\n" for i in range(20_000)))  # 12 MB
    tracemalloc.start()
    try:
        vectors = read_vectors(path, ["word7", "word19999"])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert vectors.found.all() and peak < 1_000_000
