import dataclasses
import gzip
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from kseq.data import TaggedCorpus, read_tagged
from kseq.errors import UserError
from kseq.tags import entities

ONE = "Ada\tB-PER\nslept\tO\n\n"
TEN = "".join(f"w{i}\tB-PER\n\n" for i in range(10))


@pytest.fixture
def folder(tmp_path):
    """Writes files, text by name, into a folder and returns the folder."""

    def write(files: dict[str, str]) -> Path:
        for name, text in files.items():
            data = text.encode()
            (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return tmp_path

    return write


def error_of(source, **arguments) -> str:
    """The message of the UserError, which is one line."""
    with pytest.raises(UserError) as error:
        read_tagged(source, **arguments)
    message = str(error.value)
    assert message and "\n" not in message
    return message


def words(sentences) -> list[str]:
    return [" ".join(sentence.tokens) for sentence in sentences]


def test_single_file_is_split_by_sentences(folder):
    path = folder({"my.set.conll": TEN}) / "my.set.conll"
    corpus = read_tagged(path, validation=0.2, test=0.1)
    assert (len(corpus.train), len(corpus.validation), len(corpus.test)) == (7, 2, 1)
    everything = words(corpus.train) + words(corpus.validation) + words(corpus.test)
    assert sorted(everything) == [f"w{i}" for i in range(10)]
    assert everything != sorted(everything)
    assert (corpus.name, corpus.scheme, corpus.types) == ("my", "BIO", ("PER",))
    assert corpus.note == (
        "validation and test are 30% of the sentences, drawn at random (seed 0): "
        "70% train, 20% validation, 10% test"
    )
    assert read_tagged(str(path), validation=0.2, test=0.1) == corpus
    other = read_tagged(path, validation=0.2, test=0.1, seed=1)
    assert words(other.validation) != words(corpus.validation)
    assert "seed 1" in other.note


def test_validation_serves_as_test(folder):
    corpus = read_tagged(folder({"a": TEN}) / "a")
    assert (len(corpus.train), len(corpus.validation)) == (9, 1)
    assert corpus.test is corpus.validation
    assert corpus.note == (
        "validation is 10% of the training sentences, drawn at random (seed 0); "
        "there is no test part, so validation serves as test"
    )


@pytest.mark.parametrize(
    "names",
    [
        ("train.tsv.gz", "devel.tsv", "test.tsv.gz"),
        ("train", "valid", "test"),
        ("train.conll", "validation.conll", "test.conll"),
        ("train.char.bmes.gz", "dev.char.bmes", "test.char.bmes"),
        ("weiboNER_2nd_conll.train.gz", "weiboNER_2nd_conll.dev", "weiboNER_2nd_conll.test"),
        ("wnut17train.conll.gz", "emerging.dev.conll", "emerging.test.annotated"),
        ("mytrain.txt", "mydev.txt", "mytest.txt"),
        ("medieval.train", "medieval.val", "medieval.test"),
        ("TRAIN.BIO", "Valid.bio", "Test.bio"),
    ],
)
def test_names_of_the_parts(folder, names):
    texts = [ONE.replace("Ada", part) for part in ("Ann", "Bob", "Cyd")]
    ignored = {"SOURCE.md": "not read", "LICENSE": "not read", ".train.swp": "not read"}
    corpus = read_tagged(folder({**dict(zip(names, texts, strict=True)), **ignored}))
    parts = (corpus.train, corpus.validation, corpus.test)
    assert [words(part) for part in parts] == [["Ann slept"], ["Bob slept"], ["Cyd slept"]]
    assert corpus.note == "validation and test as the source gives them"


def test_folder_that_lacks_parts(folder):
    source = folder({"a.train": TEN, "a.test": ONE})
    corpus = read_tagged(source)
    assert (len(corpus.train), len(corpus.validation), words(corpus.test)) == (9, 1, ["Ada slept"])
    assert corpus.note == (
        "validation is 10% of the training sentences, drawn at random (seed 0), test as the source gives it"
    )
    assert corpus.name == source.name


def test_folders_that_do_not_say_which_file(folder):
    source = folder({"a.conll": ONE, "b.conll": ONE})
    assert "has no file named *train*: only a.conll, b.conll" in error_of(source)
    folder({"x.train.conll": ONE, "x.train.conll.gz": ONE})
    message = error_of(source)
    assert "2 files for the train part (x.train.conll, x.train.conll.gz)" in message


def test_columns_are_handed_on(folder):
    path = folder({"a": "FORM NE X\n" + "科0 B-PER x\n\n" * 4}) / "a"
    corpus = read_tagged(path, token_column="FORM", tag_column="NE")
    assert words(corpus.train)[0] == "科"
    corpus = read_tagged(path, token_column="FORM", tag_column="NE", segmented=False)
    assert words(corpus.train)[0] == "科0"


def test_corpus_is_frozen_and_does_not_print_its_sentences(folder):
    corpus = read_tagged(folder({"a": TEN}) / "a")
    assert isinstance(corpus, TaggedCorpus)
    assert "w1" not in repr(corpus)
    with pytest.raises(dataclasses.FrozenInstanceError):
        corpus.train = []


def test_tags_of_no_scheme(folder):
    source = folder({"train": ONE + "# a\nYes\tO\nAda\tPER\n"})
    assert f"{source / 'train'}:6: unknown tag 'PER'" in error_of(source)
    folder({"train": "token\ttag\n" + TEN})
    assert error_of(source).endswith(
        "if this line names the columns, give them by name (`token_column`, `tag_column`)"
    )
    folder({"train": ONE + "a\tB-X\nb\tM-X\n"})
    expected = "train:2: `O` after `B-PER` is not possible in BMES, to which `M-X` belongs"
    assert error_of(source).endswith(expected)


def test_parts_of_another_scheme(folder):
    source = folder({"train": ONE, "dev": ONE + "Ada\tO\nLee\tS-PER\n"})
    assert error_of(source) == (
        f"{source / 'dev'}:5: tag 'S-PER' is not of the scheme BIO, which has O, B-, I-; "
        "the training part is in BIO"
    )
    folder({"train": ONE.replace("B-", "S-"), "dev": "Ada\tB-PER\nslept\tO\n"})
    assert f"{source / 'dev'}:2: `O` after `B-PER` is not possible in BIOES" in error_of(source)
    folder({"train": ONE.replace("B-", "I-"), "dev": ONE})
    assert f"{source / 'dev'}:1: `B-PER` at the start is not possible in IOB1" in error_of(source)


def test_slips_are_noted(folder):
    source = folder({"train": ONE, "dev": ONE + "at\tO\nLee\tI-PER\n", "test": ONE})
    corpus = read_tagged(source)
    assert corpus.note == (
        "validation and test as the source gives them; 1 tag of validation out of order, "
        f"read as conlleval does (first {source / 'dev'}:5: `I-PER` after `O` is not possible in BIO)"
    )


def test_types_that_training_lacks_are_noted(folder):
    source = folder({"train": ONE, "dev": ONE, "test": ONE + "at\tO\nLee\tB-SHIP\nEve\tB-DOG\n"})
    corpus = read_tagged(source)
    expected = f"; test has entity types that training lacks: DOG, SHIP (first at {source / 'test'}:5)"
    assert corpus.note.endswith(expected)
    assert len(corpus.test) == 2
    assert corpus.types == ("PER",)
    (source / "test").unlink()
    folder({"dev": "Lee\tB-DOG\n"})
    corpus = read_tagged(source)
    assert corpus.note.count("that training lacks") == 1


@pytest.mark.parametrize("part", ["train", "test"])
def test_part_without_tags(folder, part):
    source = folder({"train": ONE, "dev": ONE, "test": ONE, part: "\nAda\nslept\n"})
    assert f"{source / part}:2: no tags: a column of tokens and one of tags" in error_of(source)


def test_sources_and_fractions_that_are_wrong(folder):
    path = folder({"a": ONE}) / "a"
    assert error_of(path).endswith("is too short to split: it has 1 sentences")
    assert "has no validation part and `validation` is 0" in error_of(path, validation=0)
    assert "must leave" in error_of(path, validation=0.5, test=0.5)
    assert error_of("missing.conll") == "no such file: missing.conll"
    assert "conll2003" in error_of("conll203")
    assert "got an empty string" in error_of("")
    path.write_bytes(b"Ada\tO\n\0")
    assert "a is not a text file" in error_of(path)


class KseqTestTagged(tfds.core.GeneratorBasedBuilder):
    """Sentences, an empty one among them; the configuration chooses the features."""

    name = "kseq_test_tagged"
    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [
        tfds.core.BuilderConfig(name=name) for name in ("plain", "conll", "only", "two", "bare", "uneven")
    ]
    TAGS = {
        "plain": ["tags"],
        "conll": ["pos", "ner"],
        "only": ["x"],
        "two": ["x", "y"],
        "bare": [],
        "uneven": ["x"],
    }

    def _info(self):
        label = tfds.features.ClassLabel(names=["O", "B-PER", "I-PER"])
        features = {key: tfds.features.Sequence(label) for key in self.TAGS[self.builder_config.name]}
        features["tokens"] = tfds.features.Sequence(tfds.features.Text())
        features = tfds.features.FeaturesDict({"id": tfds.features.Text(), **features})
        return tfds.core.DatasetInfo(builder=self, features=features, disable_shuffling=True)

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(20), "dev": self._generate_examples(4)}

    def _generate_examples(self, count):
        for i in range(count):
            tokens = [] if i == 2 else ["süß", f"w{i}"]
            tags = ["I-PER", "O"] if i == 3 else ["O", "B-PER"]
            tags = tags[: len(tokens) - (self.builder_config.name == "uneven")]
            yield (
                i,
                {"id": str(i), "tokens": tokens} | dict.fromkeys(self.TAGS[self.builder_config.name], tags),
            )


@pytest.mark.parametrize("config", ["plain", "conll", "only"])
def test_tfds_set(tmp_path, config):
    source = f"kseq_test_tagged/{config}"
    corpus = read_tagged(source, data_dir=str(tmp_path))
    assert (corpus.name, corpus.scheme, corpus.types) == (source, "BIO", ("PER",))
    assert len(corpus.train) == 19
    assert words(corpus.validation) == ["süß w0", "süß w1", "süß w3"]
    assert [sentence.line for sentence in corpus.validation] == [1, 2, 4]
    assert corpus.validation[0].tags == ("O", "B-PER")
    assert corpus.test is corpus.validation
    first = f"{source}, train example 4, token 1: `I-PER` at the start is not possible in BIO"
    assert f"1 tag of train out of order, read as conlleval does (first {first})" in corpus.note


def test_tfds_features_by_name(tmp_path):
    directory = str(tmp_path)
    corpus = read_tagged("kseq_test_tagged/two", tag_column="y", token_column="tokens", data_dir=directory)
    assert len(corpus.train) == 19
    message = error_of("kseq_test_tagged/two", data_dir=directory)
    assert "no sequence of ClassLabel named tags or ner or ner_tags, only ['x', 'y']" in message
    assert "named z, only ['x']" in error_of("kseq_test_tagged/only", tag_column="z", data_dir=directory)
    assert "no sequence of ClassLabel named" in error_of("kseq_test_tagged/bare", data_dir=directory)
    message = error_of("kseq_test_tagged/uneven", data_dir=directory)
    assert "kseq_test_tagged/uneven, train example 1: 2 tokens, but not one tag for each" in message
    assert "tfds cannot open" in error_of("kseq_test_tagged/four", data_dir=directory)


@pytest.mark.parametrize(
    ("source", "tags", "dev"), [("conll2003", "ner", "dev"), ("wikiann/zh", "tags", "validation")]
)
def test_sets_of_tfds_itself(tmp_path, source, tags, dev):
    """The real builders with made-up examples, as nothing may be downloaded here."""
    builder = tfds.builder(source, data_dir=str(tmp_path))
    splits = [
        tfds.core.SplitInfo(name=name, shard_lengths=[3], num_bytes=1, filename_template=_template(builder))
        for name in ("train", dev, "test")
    ]
    builder.info.set_splits(tfds.core.SplitDict(splits))
    Path(builder.data_dir).mkdir(parents=True)
    builder.info.write_to_directory(builder.data_dir)

    def as_dataset(self, *args, **kwargs):
        names = self.info.features[tags].feature.names
        rows = [(["Ada", "slept"], [names.index("B-PER"), 0]), (["EU"], [names.index("B-ORG")]), ([], [])]
        signature = (tf.TensorSpec([None], tf.string), tf.TensorSpec([None], tf.int64))
        data = tf.data.Dataset.from_generator(
            lambda: ((np.array(row[0], object), np.array(row[1], np.int64)) for row in rows),
            output_signature=signature,
        )
        return data.map(lambda tokens, labels: {"tokens": tokens, tags: labels})

    with tfds.testing.mock_data(as_dataset_fn=as_dataset, data_dir=str(tmp_path)):
        corpus = read_tagged(source)
    for part in (corpus.train, corpus.validation, corpus.test):
        assert sorted(words(part)) == ["Ada slept", "EU"]
    assert corpus.types == ("ORG", "PER")
    assert corpus.name == source


def _template(builder):
    return tfds.core.ShardedFileTemplate(
        data_dir=builder.data_dir, dataset_name=builder.name, filetype_suffix="tfrecord"
    )


def test_embedded_set(tmp_path, capfd):
    corpus = read_tagged("kseq_entities/en", data_dir=str(tmp_path))
    assert corpus.scheme == "BIO"
    assert corpus.note == "validation and test as the source gives them"
    assert "kseq_entities" in error_of("kseq_entitie")
    assert "Generating" not in "".join(capfd.readouterr())


def counts(part, scheme: str) -> tuple[int, int, int]:
    found = sum(len(entities(sentence.tags, scheme)) for sentence in part)
    return len(part), sum(len(sentence.tokens) for sentence in part), found


@pytest.mark.parametrize(
    ("folder_name", "scheme", "train", "validation", "test", "types"),
    [
        ("resume_ner_zh", "BMES", (3821, 124099, 13440), (463, 13890, 1497), (477, 15100, 1630), 8),
        ("weibo_ner_zh", "BIO", (1350, 73778, 1895), (270, 14509, 389), (270, 14842, 418), 8),
        ("bc5cdr", "BIO", (4560, 118170, 9385), (4581, 117453, 9593), (4797, 124750, 9809), 2),
        ("wnut17", "BIO", (3394, 62730, 1975), (1009, 15733, 836), (1287, 23394, 1079), 6),
    ],
)
def test_real_sets(real_data, folder_name, scheme, train, validation, test, types):
    corpus = read_tagged(real_data / folder_name)
    assert corpus.scheme == scheme
    assert len(corpus.types) == types
    parts = [counts(part, scheme) for part in (corpus.train, corpus.validation, corpus.test)]
    assert parts == [train, validation, test]
    slips = {"resume_ner_zh": "4 tags of train", "weibo_ner_zh": "10 tags of train"}
    assert slips.get(folder_name, "") in corpus.note
    assert ("out of order" in corpus.note) == (folder_name in slips)


def test_real_set_without_test_part(real_data):
    corpus = read_tagged(real_data / "ncbi_disease")
    assert counts(corpus.train, "BIO") == (5424, 135701, 5134)
    assert counts(corpus.validation, "BIO") == (923, 23969, 787)
    assert corpus.test is corpus.validation


def test_real_single_files(real_data):
    corpus = read_tagged(real_data / "wikigold" / "wikigold.conll.txt.gz", test=0.1)
    assert corpus.scheme == "IOB1"
    assert corpus.types == ("LOC", "MISC", "ORG", "PER")
    sizes = [len(part) for part in (corpus.train, corpus.validation, corpus.test)]
    assert sizes == [1356, 170, 170]
    parts = [*corpus.train, *corpus.validation, *corpus.test]
    assert Counter(tag[0] for sentence in parts for tag in sentence.tags) == {"O": 32721 - 145, "I": 6431}
    corpus = read_tagged(real_data / "broad_twitter" / "a.conll")
    assert counts([*corpus.train, *corpus.validation], corpus.scheme) == (1000, 16612, 521)
    assert corpus.scheme == "BIO"
    assert "has no file named *train*" in error_of(real_data / "broad_twitter")
