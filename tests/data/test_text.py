import dataclasses
import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds

from kseq.data import Corpus, read_splits
from kseq.errors import UserError

HUNDRED = "".join(f"{i:04d} line\n" for i in range(10))  # 100 characters


def write(path: Path, content: str | bytes) -> Path:
    data = content if isinstance(content, bytes) else content.encode("utf-8")
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def error_of(source, **arguments) -> str:
    """The message of the UserError, which is one line."""
    with pytest.raises(UserError) as error:
        read_splits(source, **arguments)
    message = str(error.value)
    assert message and "\n" not in message
    return message


def parts(corpus: Corpus) -> tuple[str, str, str]:
    return corpus.train, corpus.validation, corpus.test


@pytest.mark.parametrize("name", ["text.txt", "text.txt.gz", "text"])
def test_single_file_is_cut_at_the_end(tmp_path, name):
    path = write(tmp_path / name, HUNDRED)
    corpus = read_splits(path, validation=0.07, test=0.2)
    assert parts(corpus) == (HUNDRED[:73], HUNDRED[73:80], HUNDRED[80:])
    assert (corpus.name, corpus.source) == ("text", str(path))
    expected = "validation and test are the last 27% of the text: 73% train, 7% validation, 20% test"
    assert corpus.note == expected
    assert read_splits(str(path), validation=0.07, test=0.2) == corpus


def test_packed_file_is_known_by_its_content(tmp_path):
    path = tmp_path / "text.dat"
    path.write_bytes(gzip.compress(HUNDRED.encode()))
    assert "".join(parts(read_splits(path))) == HUNDRED


def test_no_test_part_asked_for(tmp_path):
    corpus = read_splits(write(tmp_path / "a.txt", HUNDRED), validation=0.1, test=0)
    assert parts(corpus) == (HUNDRED[:90], HUNDRED[90:], HUNDRED[90:])
    assert corpus.note == (
        "validation is the last 10% of the training text; there is no test part, so validation serves as test"
    )


@pytest.mark.parametrize("validation_name", ["valid.txt", "validation.txt", "dev.txt", "VALID.tok.gz"])
def test_folder_with_all_parts(tmp_path, validation_name):
    write(tmp_path / "train.txt.gz", "one\n")
    write(tmp_path / validation_name, "two\n")
    write(tmp_path / "test", "three\n")
    write(tmp_path / "README.md", "not read")
    write(tmp_path / ".train.txt.swp", "not read")
    (tmp_path / "training").mkdir()
    corpus = read_splits(tmp_path)
    assert parts(corpus) == ("one\n", "two\n", "three\n")
    assert corpus.name == tmp_path.name
    assert corpus.note == "validation and test as the source gives them"


@pytest.mark.parametrize(
    ("given", "expected", "note"),
    [
        (
            {"valid": "v"},
            (HUNDRED[:80], "v", HUNDRED[80:]),
            "test is the last 20% of the training text, validation as the source gives it",
        ),
        (
            {"test": "t"},
            (HUNDRED[:90], HUNDRED[90:], "t"),
            "validation is the last 10% of the training text, test as the source gives it",
        ),
        (
            {},
            (HUNDRED[:70], HUNDRED[70:80], HUNDRED[80:]),
            "validation and test are the last 30% of the text: 70% train, 10% validation, 20% test",
        ),
    ],
)
def test_folder_that_lacks_parts(tmp_path, given, expected, note):
    for name, text in {"train": HUNDRED, **given}.items():
        write(tmp_path / f"{name}.txt", text)
    corpus = read_splits(tmp_path, validation=0.1, test=0.2)
    assert parts(corpus) == expected
    assert corpus.note == note


def test_test_file_is_used_even_when_no_test_part_is_asked_for(tmp_path):
    for name in ("train", "dev", "test"):
        write(tmp_path / name, name)
    assert read_splits(tmp_path, test=0).test == "test"
    (tmp_path / "test").unlink()
    corpus = read_splits(tmp_path, test=0)
    assert parts(corpus) == ("train", "dev", "dev")
    assert "validation serves as test" in corpus.note


def test_byte_order_mark_and_windows_line_ends(tmp_path):
    path = write(tmp_path / "a.txt", b"\xef\xbb\xbfone\r\ntwo\rthree\n" * 1 + "süß\r\n".encode())
    assert "".join(parts(read_splits(path))) == "one\ntwo\rthree\nsüß\n"


def test_home_folder_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / "mine.txt", HUNDRED)
    assert read_splits("~/mine.txt").name == "mine"


def test_path_wins_over_tfds_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "tiny_shakespeare", HUNDRED)
    assert "".join(parts(read_splits("tiny_shakespeare"))) == HUNDRED


def test_corpus_is_frozen_and_does_not_print_its_text(tmp_path):
    corpus = read_splits(write(tmp_path / "a.txt", HUNDRED))
    assert "0001 line" not in repr(corpus)
    with pytest.raises(dataclasses.FrozenInstanceError):
        corpus.train = ""


@pytest.mark.parametrize("source", ["missing.txt", "no/such/folder", "missing.gz", "./missing", "~/x"])
def test_missing_file(source):
    assert error_of(source) == f"no such file: {source}"


def test_empty_name():
    assert "`source` must be a path or a tfds name" in error_of("")


def test_unknown_name_with_near_ones():
    message = error_of("tiny_shakespear")
    assert "'tiny_shakespear' is neither a file, a folder nor a tfds name" in message
    assert "tiny_shakespeare" in message
    assert "kseq_python_topics" in error_of("kseq_python_topic")
    assert "near" not in error_of("qqqqqqqqqqqq")


@pytest.mark.parametrize("content", ["", " \n\n\t\r\n", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("name", ["void.txt", "void.gz"])
def test_empty_file(tmp_path, name, content):
    assert "void" in (message := error_of(write(tmp_path / name, content)))
    assert "is empty" in message


def test_file_of_no_bytes_that_is_named_gz(tmp_path):
    (tmp_path / "void.gz").write_bytes(b"")
    assert "void.gz is empty" in error_of(tmp_path / "void.gz")


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b"one\ntwo\0three", "byte 0x00 at offset 7 (line 2)"),
        (b"one\ntwo\nth\xff\xfeee", "byte 0xff at offset 10 (line 3)"),
        ("latin ß".encode("latin-1"), "byte 0xdf at offset 6 (line 1)"),
        (b"cut off \xe6\xbc", "byte 0xe6 at offset 8 (line 1)"),
        ("utf-16".encode("utf-16-le"), "byte 0x00 at offset 1 (line 1)"),
    ],
)
@pytest.mark.parametrize("name", ["data.txt", "data.gz"])
def test_binary_file(tmp_path, name, content, where):
    message = error_of(write(tmp_path / name, content))
    assert f"{name} is not a text file: {where}" in message
    assert "UTF-8" in message


def test_broken_gzip(tmp_path):
    packed = gzip.compress(HUNDRED.encode())
    damaged = packed[:20] + bytes([packed[20] ^ 255]) + packed[21:]
    for number, content in enumerate((b"no gzip at all", packed[:-12], damaged)):
        path = tmp_path / f"{number}.txt.gz"
        path.write_bytes(content)
        assert f"{number}.txt.gz is no intact gzip file" in error_of(path)


def test_folder_without_training_file(tmp_path):
    assert "has no file named train*: it holds no files" in error_of(tmp_path)
    for i in range(7):
        write(tmp_path / f"{i}.txt", "x")
    assert "no file named train*: only 0.txt, 1.txt" in (message := error_of(tmp_path))
    assert "and 2 more" in message


@pytest.mark.parametrize("names", [("train.txt", "train.txt.gz"), ("train", "dev.a", "valid.b")])
def test_two_files_for_one_part(tmp_path, names):
    for name in names:
        write(tmp_path / name, "x")
    message = error_of(tmp_path)
    assert all(name in message for name in names[-2:])
    assert "2 files for the" in message


def test_broken_part_of_a_folder_is_named(tmp_path):
    write(tmp_path / "train.txt", HUNDRED)
    write(tmp_path / "test.txt", b"\0")
    assert "test.txt is not a text file" in error_of(tmp_path)


@pytest.mark.parametrize(
    ("fractions", "message"),
    [
        ((-0.1, 0.1), "`validation` must be at least 0 and below 1, got -0.1"),
        ((0.1, 1.0), "`test` must be at least 0 and below 1, got 1.0"),
        ((float("nan"), 0.1), "`validation` must be at least 0 and below 1, got nan"),
        ((0.5, 0.5), "must leave text to train on, got 0.5 and 0.5"),
        ((0.0, 0.1), "has no validation part and `validation` is 0"),
    ],
)
def test_fractions_out_of_range(tmp_path, fractions, message):
    path = write(tmp_path / "a.txt", HUNDRED)
    assert message in error_of(path, validation=fractions[0], test=fractions[1])


def test_text_too_short_to_split(tmp_path):
    assert "too short to split: it has 2 characters" in error_of(write(tmp_path / "a.txt", "ab"))


def test_shakespeare_is_cut_as_usual(real_data):
    corpus = read_splits(real_data / "tinyshakespeare" / "input.txt.gz", validation=0.1, test=0)
    assert len(corpus.train) == int(1115394 * 0.9)
    assert len(corpus.train) + len(corpus.validation) == 1115394
    assert corpus.name == "input"


def test_wikitext_folder_has_its_own_parts(real_data):
    corpus = read_splits(real_data / "wikitext2")
    assert [part.count("\n") for part in parts(corpus)] == [36718, 3760, 4358]
    assert corpus.name == "wikitext2"


class KseqTestStrings(tfds.core.GeneratorBasedBuilder):
    """A set without a validation split; the configuration chooses the features."""

    name = "kseq_test_strings"
    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [
        tfds.core.BuilderConfig(name=name) for name in ("one", "text", "two", "none", "no_train")
    ]
    FEATURES = {
        "one": {"line": tfds.features.Text(), "number": tfds.features.Scalar(np.int64)},
        "text": {"text": tfds.features.Text(), "title": tfds.features.Text()},
        "two": {"a": tfds.features.Text(), "b": tfds.features.Text()},
        "none": {"number": tfds.features.Scalar(np.int64)},
        "no_train": {"text": tfds.features.Text()},
    }

    def _info(self):
        features = tfds.features.FeaturesDict(self.FEATURES[self.builder_config.name])
        return tfds.core.DatasetInfo(builder=self, features=features, disable_shuffling=True)

    def _split_generators(self, dl_manager):
        train = "everything" if self.builder_config.name == "no_train" else "train"
        return {train: self._generate_examples(20), "test": self._generate_examples(2)}

    def _generate_examples(self, count):
        for i in range(count):
            yield i, {key: self._value(key, i) for key in self.info.features}

    def _value(self, key, i):
        return i if key == "number" else f"{key} {i} süß"


@pytest.mark.parametrize(("config", "feature"), [("one", "line"), ("text", "text")])
def test_tfds_set(tmp_path, config, feature):
    source = f"kseq_test_strings/{config}"
    corpus = read_splits(source, validation=0.1, data_dir=str(tmp_path))
    assert corpus.name == corpus.source == source
    lines = "\n".join(f"{feature} {i} süß" for i in range(20))
    assert corpus.train + corpus.validation == lines
    assert corpus.test == f"{feature} 0 süß\n{feature} 1 süß"
    assert corpus.note == ("validation is the last 10% of the training text, test as the source gives it")


def test_tfds_set_without_a_single_text(tmp_path):
    directory = str(tmp_path)
    message = error_of("kseq_test_strings/two", data_dir=directory)
    assert "no feature `text` and 2 string features ['a', 'b']" in message
    assert "0 string features" in error_of("kseq_test_strings/none", data_dir=directory)
    assert "no train split" in error_of("kseq_test_strings/no_train", data_dir=directory)
    message = error_of("kseq_test_strings/three", data_dir=directory)
    assert "tfds cannot open 'kseq_test_strings/three'" in message
    assert "tfds cannot open" in error_of("tiny_shakespeare:9.9.9", data_dir=directory)


def test_tfds_folder_that_cannot_be_written(tmp_path):
    write(tmp_path / "file", "in the way")
    message = error_of("kseq_test_strings/one", data_dir=str(tmp_path / "file"))
    assert "tfds cannot prepare 'kseq_test_strings/one'" in message
    assert "TFDS_DATA_DIR" in message


def test_import_leaves_tfds_alone():
    code = "import sys, kseq.data; sys.exit('tensorflow_datasets' in sys.modules)"
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
