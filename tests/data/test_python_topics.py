import re
import sys

import pytest
import tensorflow_datasets as tfds

from kseq.data import python_topics, read_splits
from kseq.data.python_topics import distinct_topics, split_topics

LONG = "This paragraph is quoted by several topics, and it is long enough to be told from a heading."
OWN = [f"Paragraph {i} belongs to one topic alone and is about as long as what is quoted." for i in range(9)]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return str(tmp_path_factory.mktemp("tfds"))


@pytest.fixture(scope="module")
def splits():
    return split_topics()


def test_paragraphs_stay_in_the_longest_topic():
    distinct = distinct_topics(
        {
            "quotes": "\n\n".join([*OWN[:3], LONG]),
            "longest": "\n\n".join([*OWN[3:], LONG]) + "\n\n\n",
            "quoted": "Heading\n\n   " + LONG.replace(" by ", "\n   by ") + "\n",  # wrapped and indented anew
        }
    )
    assert distinct == {
        "longest": "\n\n".join([*OWN[3:], LONG]) + "\n",
        "quotes": "\n\n".join(OWN[:3]) + "\n",
    }


def test_short_paragraphs_may_repeat():
    topics = {"a": f"Changed in version 3.8.\n\n{OWN[0]}", "b": f"Changed in version 3.8.\n\n{OWN[1]}"}
    assert distinct_topics(topics) == {name: text + "\n" for name, text in topics.items()}


def test_topics_go_by_name_and_new_ones_are_for_training():
    topics = {"import": OWN[0], "raise": OWN[1], "a topic of Python 4": OWN[2]}
    splits = split_topics(topics)
    assert {split: list(texts) for split, texts in splits.items()} == {
        "train": ["a topic of Python 4"],
        "validation": ["import"],
        "test": ["raise"],
    }


def test_every_held_out_topic_of_this_python_is_there(splits):
    assert set(splits["validation"]) == python_topics.VALIDATION_TOPICS
    assert set(splits["test"]) == python_topics.TEST_TOPICS
    assert not python_topics.VALIDATION_TOPICS & python_topics.TEST_TOPICS


def test_sizes_are_about_90_5_5(splits):
    sizes = {split: sum(map(len, texts.values())) for split, texts in splits.items()}
    total = sum(sizes.values())
    assert total > 300_000
    assert 0.85 < sizes["train"] / total < 0.93
    assert 0.04 < sizes["validation"] / total < 0.08
    assert 0.04 < sizes["test"] / total < 0.08


def test_held_out_text_is_not_in_the_training_text(splits):
    def runs(texts, length=12):
        words = [text.split() for text in texts.values()]
        return {tuple(row[i : i + length]) for row in words for i in range(len(row) - length + 1)}

    train = runs(splits["train"])
    for split in ("validation", "test"):
        held_out = runs(splits[split])
        assert len(held_out & train) < 0.03 * len(held_out)
    assert len(runs(splits["test"]) & runs(splits["validation"])) < 20


def test_read_splits_builds_the_set_without_a_word(data_dir, splits, capfd):
    corpus = read_splits("kseq_python_topics", data_dir=data_dir)
    out, _ = capfd.readouterr()
    assert out == ""
    for split in ("train", "validation", "test"):
        texts = [text for _, text in sorted(splits[split].items())]
        assert getattr(corpus, split) == "\n".join(texts)
    assert corpus.name == "kseq_python_topics"
    assert corpus.note == "validation and test as the source gives them"
    assert read_splits("kseq_python_topics", data_dir=data_dir) == corpus


def test_tfds_knows_the_set_by_name(data_dir, splits):
    minor = f"python{sys.version_info.major}.{sys.version_info.minor}"
    assert "kseq_python_topics" in tfds.list_builders()
    builder = tfds.builder("kseq_python_topics", data_dir=data_dir)
    assert builder.builder_config.name == minor
    assert re.search(rf"kseq_python_topics/{minor}/\d+\.\d+\.\d+$", str(builder.data_path))
    builder.download_and_prepare()
    assert {name: split.num_examples for name, split in builder.info.splits.items()} == {
        split: len(texts) for split, texts in splits.items()
    }
    (first,) = tfds.load(f"kseq_python_topics/{minor}", split="test", data_dir=data_dir).take(1)
    assert first["text"].numpy().decode() == splits["test"]["booleans"]


def test_python_without_the_topics(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(python_topics.UserError, match="no `pydoc_data.topics`.*give a text file"):
        split_topics()
