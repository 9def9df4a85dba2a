import dataclasses
import gzip
import json
from pathlib import Path

import pytest
import tensorflow_datasets as tfds

from kseq.data import Pair, ParallelCorpus, read_parallel
from kseq.errors import UserError

# 20 sources, of which every fifth has two targets: 24 pairs
TWENTY = "".join(f"day {i}\tTag {i}\n" + f"day {i}\tdie {i}\n" * (i % 5 == 0) for i in range(20))
DICTIONARY = """\
;;; a comment
'bout B AW1 T
read R EH1 D # the past
read(2) R IY1 D
live  L IH1 V
live(2) L AY1 V
live(3) L AY2 V
"""


@pytest.fixture
def folder(tmp_path):
    """Writes files, text by path, into a folder and returns the folder."""

    def write(files: dict[str, str | bytes]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            data = text if isinstance(text, bytes) else text.encode()
            path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return tmp_path

    return write


def error_of(source, **arguments) -> str:
    """The message of the UserError, which is one line."""
    with pytest.raises(UserError) as error:
        read_parallel(source, **arguments)
    message = str(error.value)
    assert message and "\n" not in message
    return message


def sides(part) -> list[tuple[str, str]]:
    return [(pair.source, pair.target) for pair in part]


def sources(part) -> set[str]:
    return {pair.source for pair in part}


def test_a_file_is_split_by_source(folder):
    path = folder({"my.set.tsv": TWENTY}) / "my.set.tsv"
    corpus = read_parallel(path, validation=0.2, test=0.25)
    parts = (corpus.train, corpus.validation, corpus.test)
    assert corpus.name == "my" and [len(sources(part)) for part in parts] == [11, 4, 5]
    assert len(set.union(*map(sources, parts))) == 20
    lines = TWENTY.splitlines()
    for part in parts:
        for pair in part:
            assert lines[pair.line - 1] == f"{pair.source}\t{pair.target}"
            known = tuple(line.split("\t")[1] for line in lines if line.startswith(f"{pair.source}\t"))
            assert pair.references == known and pair.target in known
    assert len(corpus.validation) == 4 and len(corpus.test) == 5
    assert [pair.line for pair in corpus.train] == sorted(pair.line for pair in corpus.train)
    kept = [line for line in lines if line.split("\t")[0] in sources(corpus.train)]
    assert [f"{pair.source}\t{pair.target}" for pair in corpus.train] == kept
    assert corpus.note == (
        "validation and test are 45% of the sources, drawn at random (seed 0): 55% train, 20% validation, "
        "25% test; source is column 0, target column 1; 4 sources with several targets"
    )


def test_the_draw_is_the_same_every_time(folder):
    path = folder({"a.tsv": TWENTY}) / "a.tsv"
    corpus = read_parallel(str(path), validation=0.2)
    assert read_parallel(path, validation=0.2) == corpus
    assert [pair.source for pair in corpus.validation] == ["day 8", "day 1", "day 13", "day 12"]
    assert corpus.test is corpus.validation
    assert "there is no test part, so validation serves as test" in corpus.note
    assert sources(read_parallel(path, validation=0.2, seed=1).validation) != sources(corpus.validation)
    with pytest.raises(dataclasses.FrozenInstanceError):
        corpus.train = []
    assert "day 3" not in repr(corpus)


def test_the_same_pair_twice_is_twice_in_training_and_once_a_reference(folder):
    path = folder({"train.tsv": "a\tx\nb\ty\na\tx\na\tz\n", "dev.tsv": "a\tx\na\tz\na\tx\n"}).resolve()
    corpus = read_parallel(path)
    assert sides(corpus.train) == [("a", "x"), ("b", "y"), ("a", "x"), ("a", "z")]
    assert corpus.train[2] == Pair("a", "x", 3, ("x", "z"))
    assert corpus.validation == [Pair("a", "x", 1, ("x", "z"))]
    assert "2 sources with several targets; 1 source of validation also in train" in corpus.note


ROWS = [("Run!", "Cours !"), ("Go.", "Va !"), ("Hi.", 'Dis "salut"')] * 4


@pytest.mark.parametrize(
    "name, text, arguments",
    [
        ("a.tsv", "".join(f"{a}\t{b}\tCC-BY 2.0\n" for a, b in ROWS), {}),
        ("a.txt.gz", "".join(f"{a}\t{b}\r\n" for a, b in ROWS), {}),
        ("a.tsv", "".join(f"{b}\t{a}\n" for a, b in ROWS), {"columns": (1, 0)}),
        ("a.tsv", "id\ttgt\tsrc\n" + "".join(f"1\t{b}\t{a}\n" for a, b in ROWS), {}),
        ("a.tsv", "en\tfr\n" + "".join(f"{a}\t{b}\n" for a, b in ROWS), {"columns": ("en", "fr")}),
        ("a.tsv", "fr\ten\n" + "".join(f"{b}\t{a}\n" for a, b in ROWS), {"source_language": "en"}),
        (
            "a.csv",
            "1," + "1,".join(f'{a},"{b.replace(chr(34), chr(34) * 2)}"\n' for a, b in ROWS),
            {"columns": (1, -1)},
        ),
        ("a.csv", "".join(f'{a};"{b.replace(chr(34), chr(34) * 2)}"\n' for a, b in ROWS), {}),
        ("a.jsonl", "".join(json.dumps({"target": b, "source": a, "n": 1}) + "\n" for a, b in ROWS), {}),
        ("a", "".join(json.dumps({"x": b, "y": a}) + "\n" for a, b in ROWS), {"columns": ("y", "x")}),
        (
            "a",
            "".join(json.dumps({"q": a, "x": 0, "output": b}) + "\n" for a, b in ROWS),
            {"columns": ("q", None)},
        ),
    ],
)
def test_tables(folder, name, text, arguments):
    corpus = read_parallel(folder({name: text}) / name, validation=0.4, **arguments)
    assert {**dict(sides(corpus.train)), **dict(sides(corpus.validation))} == dict(ROWS)


def test_folder_of_tables(folder):
    source = folder(
        {
            "train.tsv": "x\ty\ttgt\tsrc\n1\t2\tb\ta\n",
            "dev.tsv.gz": "tgt\tsrc\nd\tc\n",
            "test.tsv": "src\ttgt\ne\tf\n",
        }
    )
    corpus = read_parallel(source)
    assert (sides(corpus.validation), sides(corpus.test)) == ([("c", "d")], [("e", "f")])
    expected = "validation and test as the source gives them; source is column 'src', target column 'tgt'"
    assert corpus.note == expected


def aligned(*names: str, lines: int = 3) -> dict[str, str]:
    """Files with lines such as `train.en 2`."""
    texts = {name: name.removesuffix(".gz") for name in names}
    return {
        name: "".join(f"{text} {number}\n" for number in range(1, lines + 1)) for name, text in texts.items()
    }


def test_folder_of_aligned_files(folder):
    source = folder(
        aligned("train.en", "train.de.gz", "valid.en", "valid.de", "test.en.gz", "test.de")
        | {"README.md": "x", "x.txt": ""}
    )
    corpus = read_parallel(source)
    assert corpus.name == source.name
    assert corpus.note == "validation and test as the source gives them; de to en"
    assert corpus.train[1] == Pair("train.de 2", "train.en 2", 2, ("train.en 2",))
    assert sides(corpus.test)[0] == ("test.de 1", "test.en 1")
    for arguments in ({"source_language": "en"}, {"target_language": "de"}):
        assert sides(read_parallel(source, **arguments).validation)[2] == ("valid.en 3", "valid.de 3")
    assert "no language 'fr' (`target_language`): there are de, en" in error_of(source, target_language="fr")
    assert "are both 'en'" in error_of(source, source_language="en", target_language="en")
    assert "`columns` is for files of columns" in error_of(source, columns=(0, 1))
    assert "`stress` is for pronouncing dictionaries" in error_of(source, stress=False)


def test_several_languages_and_test_sets(folder):
    names = [
        f"{part}.{language}"
        for part in ("train", "val", "test_2016", "test_2017", "news")
        for language in ("de", "en", "fr")
    ]
    source = folder(aligned(*names, "test_2018.en"))
    message = error_of(source)
    assert message == f"{source}: 3 languages (de, en, fr): give `source_language` and `target_language`"
    assert "3 languages (de, en, fr)" in error_of(source, source_language="en")
    pair = {"source_language": "en", "target_language": "de"}
    corpus = read_parallel(source, **pair)
    assert sides(corpus.test)[0] == ("test_2016.en 1", "test_2016.de 1")
    assert corpus.note.endswith(
        "; en to de, not fr; test is test_2016, not test_2017; in one of the two languages only, and left "
        "out: test_2018"
    )
    corpus = read_parallel(source, **pair, test_set="*2017")
    assert (
        sides(corpus.test)[0] == ("test_2017.en 1", "test_2017.de 1")
        and "; test is test_2017;" in corpus.note
    )
    assert sides(read_parallel(source, **pair, test_set="news").test)[0][0] == "news.en 1"
    message = error_of(source, **pair, test_set="test*")
    assert message == f"{source}: 2 sets match `test_set` 'test*': they are test_2016, test_2017"
    message = error_of(source, **pair, test_set="wmt")
    assert message.endswith("no set matches `test_set` 'wmt': there are news, test_2016, test_2017")
    folder({"train.1.de": "x\n", "train.1.en": "x\n"})
    message = error_of(source, **pair)
    assert "must have one training set in en and de, it has train, train.1; give one as `" in message


def test_star_stands_for_the_language(folder):
    source = folder(
        aligned("europarl.de-en.en", "europarl.de-en.de", "train.de", "train.en.gz", "train.fr", lines=10)
    )
    corpus = read_parallel(source / "europarl.de-en.*")
    assert corpus.name == "europarl.de-en" and len(corpus.train) == 9
    assert corpus.train[0].source == "europarl.de-en.de 1"
    corpus = read_parallel(source / "train.*", source_language="fr", target_language="en")
    assert (corpus.name, corpus.train[0].target) == (source.name, "train.en 1")
    assert "3 languages (de, en, fr)" in error_of(source / "train.*")
    assert "`test_set` is for folders" in error_of(source / "europarl.de-en.*", test_set="x")
    folder({"s.train.tsv": TWENTY, "s.dev.tsv": "a\tb\n"})
    assert sides(read_parallel(source / "s.*.tsv").validation) == [("a", "b")]


def test_files_that_do_not_align(folder):
    source = folder(aligned("train.en", "train.de") | {"train.de": "eins\nzwei\n"})
    assert error_of(source) == (
        f"{source / 'train.de'} has 2 lines and {source / 'train.en'} has 3: each line of the one must be "
        "the translation of that line of the other"
    )
    folder({"train.de": "eins\nzwei\ndrei\n\n \n", "train.en": "one\rtwo\rthree"})
    corpus = read_parallel(source, validation=0.3)
    assert sorted(sides(corpus.train + corpus.validation)) == [
        ("drei", "three"),
        ("eins", "one"),
        ("zwei", "two"),
    ]


def test_lines_are_parted_at_line_ends_only(folder):
    odd = "a\u2028b\x0bc\x85d\x1ce"
    source = folder({"train.en": f"{odd}\nf\n", "train.de": "1\n2\n", "dev.en": "g\n", "dev.de": "3\n"})
    assert sides(read_parallel(source, source_language="en").train) == [(odd, "1"), ("f", "2")]


def test_sides_that_are_empty(folder):
    good = "".join(f"a {i}\tb {i}\n" for i in range(50))
    source = folder({"train.tsv": good + "  \tb\nc\t\n", "dev.tsv": "a\tb\n"})
    corpus = read_parallel(source)
    assert len(corpus.train) == 50
    expected = f"2 pairs without a source or a target left out of train (first at {source / 'train.tsv'}:51)"
    assert corpus.note.endswith(expected)
    folder({"dev.tsv": "a\tb\n" * 10 + "c\t \n"})
    assert error_of(source) == (
        f"{source / 'dev.tsv'}:11: the target is empty, and 1 of 11 pairs lack one side, where 5% at most "
        "were expected: is it the right file or column?"
    )


def test_empty_side_of_an_aligned_file(folder):
    lines = [f"line {i}" for i in range(40)]
    gap = "\n".join([*lines[:6], "", *lines[7:]]) + "\n"
    source = folder({"train.de": gap, "train.en": "\n".join(lines) + "\n"})
    assert (
        f"1 pair without a source or a target left out of train (first at {source / 'train.de'}:7)"
        in read_parallel(source).note
    )
    note = read_parallel(source, source_language="en").note
    assert f"(first at {source / 'train.de'}:7)" in note


def test_a_json_object_may_lack_a_side(folder):
    rows = [json.dumps({"source": "a", "target": "b"})] * 30 + [
        json.dumps({"source": "a"}),
        '{"target": null}',
    ]
    path = folder({"a.jsonl": "\n".join(rows), "x": ""}) / "a.jsonl"
    assert "a.jsonl:31: the target is empty, and 2 of 32 pairs lack one side" in error_of(path)


def test_pronouncing_dictionary(folder):
    source = folder({"train.dict.gz": DICTIONARY, "dev.dict": "read R EH1 D\nread(2) R IY1 D\n"})
    corpus = read_parallel(source)
    assert sides(corpus.train) == [
        ("'bout", "B AW1 T"),
        ("read", "R EH1 D"),
        ("read", "R IY1 D"),
        ("live", "L IH1 V"),
        ("live", "L AY1 V"),
        ("live", "L AY2 V"),
    ]
    assert corpus.train[1].line == 3 and corpus.train[5].references == ("L IH1 V", "L AY1 V", "L AY2 V")
    assert corpus.validation == [Pair("read", "R EH1 D", 1, ("R EH1 D", "R IY1 D"))]
    plain = read_parallel(source, stress=False)
    assert sides(plain.train)[3:] == [("live", "L IH V"), ("live", "L AY V")]
    assert sides(read_parallel(source, columns=("phonemes", "word")).train)[0] == ("B AW1 T", "'bout")
    assert "no column 'en' (`source_language`): the columns are word, phonemes" in error_of(
        source, source_language="en"
    )


def test_dictionaries_that_are_wrong(folder):
    source = folder({"a.dict": ";;; nothing\n", "b.dict": "one\ntwo\nthree\n", "c.tsv": TWENTY})
    assert error_of(source / "a.dict").endswith(
        "a.dict has no entries: lines with a word and its phonemes were expected"
    )
    assert "b.dict:1: the target is empty, and 3 of 3 pairs lack" in error_of(source / "b.dict")
    assert "`stress` is for the phonemes of a dictionary (.dict)" in error_of(source / "c.tsv", stress=False)


@pytest.mark.parametrize(
    "text, arguments, expected",
    [
        ("only\none\n", {}, "a.tsv:1: only one column, where a source and a target were expected"),
        ("a\tb\nc\n", {}, "a.tsv:2: 1 column where line 1 has 2: 'c'"),
        (TWENTY, {"columns": (0, 2)}, "a.tsv:1: no column 2 (`columns`): there are 2, from 0"),
        (TWENTY, {"columns": (0, -2)}, "a.tsv:1: source and target are both column 0"),
        (TWENTY, {"columns": (0,)}, "`columns` must be two, of the source and of the target, got (0,)"),
        (TWENTY, {"columns": "01"}, "`columns` must be two, of the source and of the target, got '01'"),
        (TWENTY, {"columns": (0, 1), "source_language": "en"}, "give one of them"),
        (
            TWENTY,
            {"source_language": "en"},
            "no column 'en' (`source_language`): the columns are day 0, Tag 0",
        ),
        (
            "id\tsource\ttext\n1\ta\tb\n",
            {},
            "which of the columns id, source, text is the target: give `columns`",
        ),
        (TWENTY, {"test_set": "x"}, "`test_set` is for folders of aligned files, and this is none"),
        (TWENTY, {"validation": 0}, "has no validation part and `validation` is 0"),
        (TWENTY, {"validation": 0.5, "test": 0.5}, "must leave"),
        ("a\tb\n", {}, "is too short to split: it has 1 different sources"),
    ],
)
def test_tables_and_options_that_are_wrong(folder, text, arguments, expected):
    assert expected in error_of(folder({"a.tsv": text}) / "a.tsv", **arguments)


def test_sources_that_are_wrong(folder):
    source = folder({"a.txt": "one line\nand another\n", "train.de": "x\n"})
    message = error_of(source / "a.txt")
    assert "a.txt: neither TSV, CSV nor JSON lines with a source and a target: 'one line'" in message
    assert "a path with `*` for the language" in message
    assert "train.de: neither TSV" in error_of(source)
    assert error_of("missing.tsv") == "no such file: missing.tsv"
    assert "kseq_dates" in error_of("kseq_date")
    assert "got an empty string" in error_of("")
    assert error_of(source / "b.*").endswith(f"b.*: no file b.train* in {source}")


def test_another_encoding_is_named_with_its_line(folder):
    source = folder({"train.en": "a\nb\n", "train.zh": "好\n不好\n".encode("gb18030"), "dev.en": "c\n"})
    message = error_of(source)
    assert "train.zh is not a text file: byte 0xba at offset 0 (line 1)" in message and "gb18030" in message
    corpus = read_parallel(source, encoding="gb18030", validation=0.5)
    assert {*sources(corpus.train), *sources(corpus.validation)} == {"a", "b"}
    assert "left out: dev" in corpus.note
    table = folder({"a.tsv": "a\tb\nc\tnaïve\n".encode("cp1252")}) / "a.tsv"
    assert "(line 2)" in error_of(table)
    assert "a.tsv:2: byte 0xef" in error_of(table, encoding="ascii")


class KseqTestTranslation(tfds.core.GeneratorBasedBuilder):
    """Pairs of texts; the configuration chooses the features."""

    name = "kseq_test_translation"
    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [
        tfds.core.BuilderConfig(name=name)
        for name in ("plain", "turned", "inner", "three", "texts", "bare", "gap")
    ]

    def _info(self):
        config = self.builder_config.name
        two = tfds.features.Translation(languages=("de", "en"))
        text = tfds.features.Text()
        features = {
            "inner": tfds.features.FeaturesDict({"id": text, "translation": two}),
            "three": tfds.features.Translation(languages=("de", "en", "fr")),
            "texts": tfds.features.FeaturesDict({"a": text, "target": text, "source": text}),
            "bare": tfds.features.FeaturesDict({"text": text}),
        }.get(config, two)
        keys = {"turned": ("en", "de"), "plain": ("de", "en")}.get(config)
        return tfds.core.DatasetInfo(
            builder=self, features=features, supervised_keys=keys, disable_shuffling=True
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(30), "test": self._generate_examples(3)}

    def _generate_examples(self, count):
        for i in range(count):
            keys = {"three": ("de", "en", "fr"), "texts": ("a", "source", "target"), "bare": ("text",)}
            row = {key: f" {key} süß {i}" for key in keys.get(self.builder_config.name, ("de", "en"))}
            if self.builder_config.name == "gap" and i == 4:
                row["en"] = " "
            yield i, {"id": "x", "translation": row} if self.builder_config.name == "inner" else row


@pytest.mark.parametrize(
    "config, arguments, first",
    [
        ("plain", {}, ("de", "en")),
        ("plain", {"source_language": "en"}, ("en", "de")),
        ("turned", {}, ("en", "de")),
        ("inner", {}, ("de", "en")),
        ("three", {"source_language": "fr", "target_language": "en"}, ("fr", "en")),
        ("texts", {}, ("source", "target")),
        ("texts", {"columns": ("a", "source")}, ("a", "source")),
        ("gap", {}, ("de", "en")),
    ],
)
def test_tfds_set(tmp_path, config, arguments, first):
    name = f"kseq_test_translation/{config}"
    corpus = read_parallel(name, data_dir=str(tmp_path), **arguments)
    assert corpus.name == name
    assert corpus.train[0].source.startswith(f"{first[0]} süß") and corpus.train[0].target.startswith(
        first[1]
    )
    assert len(corpus.train) == 27 - (config == "gap") and len(corpus.validation) == 3
    assert corpus.test[2] == Pair(f"{first[0]} süß 2", f"{first[1]} süß 2", 3, (f"{first[1]} süß 2",))
    assert "test as the source gives it" in corpus.note
    if config == "gap":
        assert f"left out of train (first at {name}, train example 5)" in corpus.note


def test_tfds_sets_that_are_wrong(tmp_path):
    directory = str(tmp_path)
    message = error_of("kseq_test_translation/three", data_dir=directory)
    assert message.endswith("3 languages (de, en, fr): give `source_language` and `target_language`")
    message = error_of("kseq_test_translation/bare", data_dir=directory)
    assert message.endswith("a source and a target were expected, found ['text'], and no Translation")
    message = error_of("kseq_test_translation/plain", data_dir=directory, target_language="fr")
    assert "no language 'fr' (`target_language`): there are de, en" in message
    assert "this is a tfds set" in error_of("kseq_test_translation/plain", data_dir=directory, stress=False)


def sizes(corpus: ParallelCorpus) -> tuple[int, int, int]:
    return len(corpus.train), len(corpus.validation), len(corpus.test)


def test_multi30k(real_data):
    languages = {"source_language": "en", "target_language": "de"}
    corpus = read_parallel(real_data / "multi30k", **languages)
    assert sizes(corpus) == (29_000, 1_014, 1_000)
    assert "test is test_2016_flickr, not test_2017_flickr, test_2017_mscoco, test_2018_flickr" in corpus.note
    assert corpus.validation[2].source == "A boy wearing headphones sits on a woman's shoulders."
    assert sizes(read_parallel(real_data / "multi30k", **languages, test_set="*mscoco"))[2] == 461
    assert sizes(read_parallel(real_data / "multi30k" / "train.*", **languages)) == (26_100, 2_900, 2_900)
    assert "3 languages (de, en, fr)" in error_of(real_data / "multi30k")


def test_tatoeba(real_data):
    corpus = read_parallel(real_data / "tatoeba_fra_eng" / "fra.txt.gz", test=0.05)
    assert len(corpus.validation) == 9_866 and len(corpus.test) == 4_933
    assert len(sources(corpus.train)) == 98_659 - 9_866 - 4_933
    assert not sources(corpus.train) & sources(corpus.validation + corpus.test)
    held_out = {(pair.source, text) for pair in corpus.validation + corpus.test for text in pair.references}
    assert len({*sides(corpus.train), *held_out}) == 142_782  # five pairs are there twice
    assert corpus.train[0] == Pair("Go.", "Va !", 1, ("Va !",))


def test_cmudict(real_data):
    corpus = read_parallel(real_data / "cmudict" / "cmudict.dict.gz", test=0.05, stress=False)
    assert len(sources(corpus.train + corpus.validation + corpus.test)) == 126_052
    assert sizes(corpus)[1:] == (12_606, 6_303)
    assert not sources(corpus.train) & sources(corpus.validation + corpus.test)
    phonemes = {phoneme for pair in corpus.train for phoneme in pair.target.split()}
    assert len(phonemes) == 39
    assert {letter for pair in corpus.train for letter in pair.source} == {*"abcdefghijklmnopqrstuvwxyz'-."}
