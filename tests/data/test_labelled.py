import dataclasses
import gzip
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds

from kseq.data import Example, LabelledCorpus, read_labelled, read_splits
from kseq.data.label_choice import parse_choice, sort_labels
from kseq.errors import UserError

# 12 texts with label a, 8 with b, sorted by label: what a split that only cuts would get wrong.
TWENTY = "text\tlabel\n" + "".join(f"day {i}\t{'a' if i < 12 else 'b'}\n" for i in range(20))
TWO = "one\ta\ntwo\tb\nthree\ta\n"


@pytest.fixture
def folder(tmp_path):
    """Writes files, text by path, into a folder and returns the folder."""

    def write(files: dict[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return tmp_path

    return write


def error_of(source, **arguments) -> str:
    """The message of the UserError, which is one line."""
    with pytest.raises(UserError) as error:
        read_labelled(source, **arguments)
    message = str(error.value)
    assert message and "\n" not in message
    return message


def counts(corpus: LabelledCorpus) -> list[dict[str, int]]:
    return [dict(Counter(e.label for e in part)) for part in (corpus.train, corpus.validation, corpus.test)]


def pairs(part) -> list[tuple[str, str]]:
    return [(example.text, example.label) for example in part]


def test_single_file_is_split_label_by_label(folder):
    path = folder({"my.set.tsv": TWENTY}) / "my.set.tsv"
    corpus = read_labelled(path, validation=0.25, test=0.25)
    assert counts(corpus) == [{"a": 6, "b": 4}, {"a": 3, "b": 2}, {"a": 3, "b": 2}]
    everything = [example.text for part in (corpus.train, corpus.validation, corpus.test) for example in part]
    assert sorted(everything) == sorted(f"day {i}" for i in range(20))
    assert (corpus.name, corpus.labels) == ("my", ("a", "b"))
    assert corpus.note == (
        "validation and test are 50% of the texts, drawn at random label by label (seed 0): 50% train, "
        "25% validation, 25% test; label is column 'label', text column 'text', by their names"
    )
    assert read_labelled(str(path), validation=0.25, test=0.25) == corpus
    other = read_labelled(path, validation=0.25, test=0.25, seed=1)
    assert pairs(other.validation) != pairs(corpus.validation)
    assert counts(other) == counts(corpus)
    with pytest.raises(dataclasses.FrozenInstanceError):
        corpus.train = []
    assert "day 3" not in repr(corpus)


def test_draw_is_the_same_everywhere(folder):
    corpus = read_labelled(folder({"a.tsv": TWENTY}) / "a.tsv")
    assert sorted(pairs(corpus.validation)) == [("day 1", "a"), ("day 12", "b")]
    assert corpus.test is corpus.validation
    assert "there is no test part, so validation serves as test" in corpus.note


def test_rare_labels_stay_in_training(folder):
    path = folder({"a.tsv": TWENTY + "once\tc\n"}) / "a.tsv"
    for seed in range(20):
        assert {example.label for example in read_labelled(path, seed=seed).train} == {"a", "b", "c"}


def test_folder_of_split_files(folder):
    source = folder({"train.tsv": TWO, "dev.tsv.gz": "four\tb\n", "test.tsv": "five\ta\n", "README.md": "x"})
    corpus = read_labelled(source)
    assert corpus.name == source.name
    assert pairs(corpus.train) == [("one", "a"), ("two", "b"), ("three", "a")]
    assert (pairs(corpus.validation), pairs(corpus.test)) == ([("four", "b")], [("five", "a")])
    assert corpus.note.startswith(
        "validation and test as the source gives them; label is column 1, with fewer"
    )


def test_columns_of_training_hold_for_the_others(folder):
    """Alone, the validation file would have its text taken for the label."""
    source = folder({"train.tsv": TWO, "dev.tsv": "day\ta\nday\tb\n"})
    assert pairs(read_labelled(source).validation) == [("day", "a"), ("day", "b")]
    folder({"train.tsv": TWENTY, "dev.tsv": "label\tid\ttext\na\t1\tnight\n"})
    assert pairs(read_labelled(source).validation) == [("night", "a")]
    folder({"dev.tsv": "label\tid\tsentence\na\t1\tnight\n"})
    assert "dev.tsv:2: no column 'text' (`text_column`): the columns are label, id, sen" in error_of(source)


def test_star_stands_for_the_part(folder):
    source = folder(
        {
            "s.binary.train.gz": TWO,
            "s.binary.dev": "four\ta\n",
            "s.fine.train": "1 x\n2 y\n1 z\n",
            "b.test": TWO,
        }
    )
    assert "2 files for the train part" in error_of(source)
    corpus = read_labelled(source / "s.binary.*")
    assert (corpus.name, corpus.labels, pairs(corpus.validation)) == ("s.binary", ("a", "b"), [("four", "a")])
    assert read_labelled(source / "s.fine.*", validation=0.3).labels == ("1", "2")
    assert error_of(source / "x.*").endswith(f"x.*: no file x.train* in {source}")
    assert "has 2 files for the train part (s.binary.train.gz, s.binary.train2)" in error_of(
        folder({"s.binary.train2": TWO}) / "s.binary.*"
    )
    folder({"b.train": "some text", "b.valid": "more"})
    assert read_splits(str(source / "b.*")).train == "some text"


@pytest.mark.parametrize(
    "names",
    [("pos.txt", "neg.txt.gz"), ("rt.pos", "rt.neg"), ("pos/1.txt", "neg/x"), ("pos/1.txt", "neg/2.txt")],
)
def test_file_or_folder_for_each_label(folder, names):
    source = folder({names[0]: " fine \n", names[1]: "sad\n", "README.md": "none", ".x": "none"})
    if "/" not in names[0]:
        folder({names[0]: "fine\n\n good\n"})
    else:
        folder({"pos/2.txt": "good\n", "pos/3.txt": ""})
    corpus = read_labelled(source, validation=0.3)
    everything = sorted(pairs(corpus.train) + pairs(corpus.validation))
    empty = [("", "pos")] * ("/" in names[0])
    assert everything == [*empty, ("fine", "pos"), ("good", "pos"), ("sad", "neg")]
    assert "labels are the names of files or folders" in corpus.note


def test_folders_for_parts_and_labels(folder):
    """The layout of aclImdb."""
    files = {f"train/{label}/{i}_1.txt": f"{label} {i}" for label in ("pos", "neg") for i in range(10)}
    more = {"train/unsup/0_0.txt": "unknown", "train/urls_pos.txt": "http", "imdb.vocab": "film"}
    source = folder({**files, **more, "test/pos/0_9.txt": "good\nfilm", "test/neg/0_1.txt": "bad"})
    corpus = read_labelled(source)
    assert counts(corpus) == [{"pos": 9, "neg": 9}, {"pos": 1, "neg": 1}, {"pos": 1, "neg": 1}]
    assert corpus.test == [Example("bad", "neg", 1), Example("good\nfilm", "pos", 1)]
    assert "drawn at random label by label (seed 0), test as the source gives it" in corpus.note
    folder({"test/neutral/0_5.txt": "so so"})
    expected = (
        f"{source}, test part, text 1: label 'neutral', which no training text has (they have neg, pos)"
    )
    assert error_of(source).startswith(expected)
    assert counts(read_labelled(source, labels="pos;neg")) == counts(corpus)


def test_folders_of_another_kind(folder):
    source = folder({"only.txt": "one\ntwo\n"})
    assert "has no file named *train*: only only.txt" in error_of(source)
    folder({"x.tsv": TWO, "x.csv": TWO})
    assert "has no file named *train*" in error_of(source)


def test_labels_are_chosen_and_renamed(folder):
    text = "".join(f"day {i}\t{i % 5}\n" for i in range(50))
    path = folder({"a.tsv": text}) / "a.tsv"
    assert read_labelled(path).labels == ("0", "1", "2", "3", "4")
    corpus = read_labelled(path, labels="0,1=negative; 3, 4 = positive")
    assert counts(corpus) == [{"negative": 18, "positive": 18}, *[{"negative": 2, "positive": 2}] * 2]
    assert corpus.labels == ("negative", "positive")
    assert corpus.note.endswith("; 10 texts of other labels left out (2)")
    assert read_labelled(path, labels={"0": "x", "4": "y"}).labels == ("x", "y")
    assert read_labelled(path, labels="0;4").labels == ("0", "4")
    message = error_of(path, labels="0,1=negative; 7=positive")
    assert message.endswith("no text has the label '7': there are 0, 1, 2, 3, 4")
    assert "the training part has only the label 'x'" in error_of(path, labels="0,1=x")


@pytest.mark.parametrize("choice", ["", "a,", "a=", "=b", "a;;b", "a,b=x;"])
def test_choices_that_cannot_be_read(choice):
    with pytest.raises(UserError, match="must look like `0,1=negative; 3,4=positive`"):
        parse_choice(choice)
    with pytest.raises(UserError, match="has 'a' twice"):
        parse_choice("a=x;b,a=y")


@pytest.mark.parametrize(
    "labels, expected",
    [
        ("10 9 -1", "-1 9 10"),
        ("2.5 1", "1 2.5"),
        ("b a 10 9", "10 9 a b"),
        ("b a b", "a b"),
        ("1 01", "01 1"),
    ],
)
def test_order_of_labels(labels, expected):
    assert sort_labels(labels.split()) == tuple(expected.split())


def test_label_that_training_lacks(folder):
    source = folder({"train.tsv": TWO, "dev.tsv": "four\ta\n", "test.tsv": "five\ta\nsix\tc\n"})
    expected = (
        f"{source / 'test.tsv'}:2: label 'c', which no training text has (they have a, b): "
        "add some to the training part or leave it out (`labels`)"
    )
    assert error_of(source) == expected
    assert read_labelled(source, labels="a;b").note.endswith("1 text of other labels left out (c)")
    assert counts(read_labelled(source, labels="a; b,c=b"))[2] == {"a": 1, "b": 1}


def test_one_label_is_none(folder):
    path = folder({"a.tsv": "text\tlabel\none\ta\ntwo\ta\n"}) / "a.tsv"
    assert error_of(path) == (
        f"{path}: the training part has only the label 'a', where two labels or more were expected"
    )


def test_oddities_are_noted(folder):
    source = folder(
        {"train.tsv": "text\tlabel\n" + TWO + "\ta\n", "dev.tsv": "label\ttext\na\tone\nb\t\na\t"}
    )
    note = read_labelled(source).note
    assert f"1 empty text in train (first at {source / 'train.tsv'}:5)" in note
    assert f"2 empty texts in validation (first at {source / 'dev.tsv'}:3)" in note
    assert "1 text of validation also in train" in note
    assert "of test also" not in note


def test_encoding_is_handed_on(folder):
    source = folder({"x": ""})
    for name, text in (("train.tsv", "好\t1\n差\t0\n很好\t1\n"), ("dev.tsv", "很差\t0\n")):
        (source / name).write_bytes(text.encode("gb18030"))
    message = error_of(source)
    assert "train.tsv is not a text file: byte" in message and "give `--encoding gb18030`" in message
    assert pairs(read_labelled(source, encoding="gb18030").validation) == [("很差", "0")]


def test_sources_and_fractions_that_are_wrong(folder):
    path = folder({"a.tsv": "text\tlabel\none\ta\n"}) / "a.tsv"
    assert "is too short to split: it has 1 texts" in error_of(path)
    assert "has no validation part and `validation` is 0" in error_of(path, validation=0)
    assert "must leave" in error_of(path, validation=0.5, test=0.5)
    assert error_of("missing.tsv") == "no such file: missing.tsv"
    assert "kseq_sentiment" in error_of("kseq_sentimen")
    assert "got an empty string" in error_of("")


class KseqTestLabelled(tfds.core.GeneratorBasedBuilder):
    """Texts with labels; the configuration chooses the features."""

    name = "kseq_test_labelled"
    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [tfds.core.BuilderConfig(name=name) for name in ("sst", "odd", "two", "bare", "gap")]
    FEATURES = {
        "sst": (("sentence",), ("label",)),
        "odd": (("x",), ("y",)),
        "two": (("a", "b"), ("c", "d")),
        "bare": (("text",), ()),
        "gap": (("text",), ("label",)),
    }

    def _info(self):
        texts, labels = self.FEATURES[self.builder_config.name]
        features = {key: tfds.features.Text() for key in texts}
        features |= {key: tfds.features.ClassLabel(names=["bad", "good"]) for key in labels}
        features = tfds.features.FeaturesDict({"idx": tfds.features.Scalar(np.int32), **features})
        return tfds.core.DatasetInfo(builder=self, features=features, disable_shuffling=True)

    def _split_generators(self, dl_manager):
        gap = self.builder_config.name == "gap"
        return {
            "train": self._generate_examples(20, gap),
            "validation": self._generate_examples(4),
            "test": self._generate_examples(3, True),
        }

    def _generate_examples(self, count, secret=False):
        texts, labels = self.FEATURES[self.builder_config.name]
        for i in range(count):
            label = -1 if secret else i % 2
            yield i, {"idx": i, **{key: f" süß {i}{key}" for key in texts}, **dict.fromkeys(labels, label)}


@pytest.mark.parametrize("config, key", [("sst", "sentence"), ("odd", "x")])
def test_tfds_set(tmp_path, config, key):
    source = f"kseq_test_labelled/{config}"
    corpus = read_labelled(source, data_dir=str(tmp_path))
    assert (corpus.name, corpus.labels) == (source, ("bad", "good"))
    assert len(corpus.train) == 20
    assert corpus.validation[1] == Example(f"süß 1{key}", "good", 2)
    assert corpus.test is corpus.validation
    assert f"the test part of {source} has no labels and is left out" in corpus.note


def test_tfds_features_by_name(tmp_path):
    directory = str(tmp_path)
    two = "kseq_test_labelled/two"
    corpus = read_labelled(two, text_column="b", label_column="d", data_dir=directory)
    assert corpus.train[0].text.endswith("b")
    message = error_of(two, data_dir=directory)
    assert message.endswith(
        "features of the kind Text: one was expected, found ['a', 'b']; name it (`text_column`)"
    )
    message = error_of(two, text_column="c", data_dir=directory)
    assert "features of the kind Text: no column 'c' (`text_column`): the columns are a, b" in message
    assert "ClassLabel: one was expected, found []" in error_of("kseq_test_labelled/bare", data_dir=directory)
    assert "gap, train example 1: no label" in error_of("kseq_test_labelled/gap", data_dir=directory)


@pytest.mark.parametrize(
    "source, arguments, train, validation, test",
    [
        ("sst/stsa.binary.*", {}, [3310, 3610], [428, 444], None),
        ("sst/stsa.fine.*", {}, [1092, 2218, 1624, 2322, 1288], [139, 289, 229, 279, 165], None),
        ("sst/stsa.fine.*", {"labels": "0,1=negative; 3,4=positive"}, [3310, 3610], [428, 444], None),
        ("chnsenticorp_split", {}, [4801, 4799], [607, 593], [592, 608]),
    ],
)
def test_real_sets(real_data, source, arguments, train, validation, test):
    corpus = read_labelled(real_data / source, **arguments)
    found = [[part[label] for label in corpus.labels] for part in counts(corpus)]
    assert found == [train, validation, test or validation]
    if test:
        assert "330 texts of test also in train" in corpus.note
