import json
import time

import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tensorflow.core.protobuf import saved_model_pb2

from kseq.data import Units, read_parallel
from kseq.data.unit_tokens import words
from kseq.data.units import LEVELS
from kseq.errors import UserError

TEXTS = [
    "A dog's bone, 1,250.5 kg (approx.) - naïve Ångström!",
    "the lower the lowest of the low  dogs\tthe dog",
    "在北京 IBM的 e\u0301te\u0301 สวัสดี",
    "AH0 P EH1 N D",
    "",
]
# Pieces that are likely to go wrong, between arbitrary text.
PIECES = [
    "\n",
    "\r\n",
    " ",
    "  ",
    "\t",
    "\x0b",
    "\x1c",
    "\x1f",
    "\x85",
    "\xa0",
    "\u2028",
    "\u3000",
    "▁",
    "\ufeff",
]
PIECES += [
    "\x00",
    "\ufffd",
    "\ufffe",
    "e\u0301",
    "\u0301",
    "😀",
    "[UNK]",
    "[EOS]",
    "北京",
    "dog",
    "'s",
    "1.5",
]
ANY = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=10).map("".join)


@pytest.fixture(scope="module", params=LEVELS)
def units(request):
    return Units.build(TEXTS * 2, request.param)


@pytest.fixture(scope="module")
def german(real_data) -> list[str]:
    corpus = read_parallel(real_data / "multi30k", source_language="en", target_language="de")
    return [pair.target for pair in corpus.train]


def restored(text: str, level: str) -> str:
    """What a level gives back of a text that it knows."""
    if level == "char":
        return text
    return " ".join((text if level == "space" else text.replace("▁", " ")).split())


def split(text: str) -> list[str]:
    return [token.decode() for token in words(tf.constant([text])).to_list()[0]]


def tokens(units: Units, text: str) -> list[str]:
    return [units.tokens[number - 4] for number in units.encode(tf.constant([text])).to_list()[0]]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("Go to bed, Bo!", "▁Go ▁to ▁bed , ▁Bo !"),
        (" it's  1,250.5\n\t(2nd)  ", "▁it ' s ▁1 , 250 . 5 ▁( 2nd )"),
        ("在北京 IBM的", "▁在 北 京 ▁IBM 的"),
        ("e\u0301te\u0301 naïve a_b", "▁e\u0301te\u0301 ▁naïve ▁a _ b"),
        ("\u0301 สวัสดี", "▁\u0301 ▁ส ว ั ส ด ี"),
        ("a▁b", "▁a ▁b"),
        ("", ""),
        (" \n▁", ""),
    ],
)
def test_words(text, expected):
    assert split(text) == expected.split()


@settings(max_examples=60, deadline=None)
@given(ANY)
def test_words_give_the_text_back(text):
    found = split(text)
    assert "".join(found).replace("▁", " ").strip(" ") == restored(text, "word")
    assert all(
        token.strip("▁") and "▁" not in token[1:] and not set(token) & set(" \n\x1f") for token in found
    )


def test_ids(units):
    assert (units.pad_id, units.unk_id, units.bos_id, units.eos_id) == (0, 1, 2, 3)
    ids = units.encode(tf.constant(TEXTS))
    assert isinstance(ids, tf.RaggedTensor) and ids.dtype == tf.int32
    assert units.size == len(units.tokens) + 4
    flat = ids.flat_values.numpy()
    assert flat.min() >= 4 and flat.max() < units.size
    assert ids[4].shape == (0,)
    ended = units.encode(tf.constant(TEXTS), add_eos=True)
    assert ended.to_list() == [[*row, 3] for row in ids.to_list()]


def test_texts_are_restored(units):
    ids = units.encode(tf.constant(TEXTS))
    found = [text.decode() for text in units.decode(ids).numpy()]
    assert found == [restored(text, units.level) for text in TEXTS]


@pytest.mark.parametrize("level", LEVELS)
@settings(max_examples=30, deadline=None)
@example("\ufeffto\u3000be")
@example("\n▁ \x1f")
@given(ANY)
def test_any_text_is_restored(level, text):
    if not restored(text, level):
        return
    units = Units.build([text, "dog"], level)
    ids = units.encode(tf.constant([text, "", text]))
    assert ids.to_list()[1] == [] and ids.to_list()[0] == ids.to_list()[2]
    assert units.decode(ids).numpy()[0].decode() == restored(text, level)


def test_what_is_unknown():
    ids = Units.build(["ab a"], "char").encode(tf.constant(["abz☃"]))
    assert ids.to_list() == [[4, 6, 1, 1]]
    unknown = {level: Units.build(["low lower a"], level) for level in LEVELS}
    read = {
        level: units.decode(units.encode(tf.constant(["low zzlow! a"]))).numpy()[0].decode()
        for level, units in unknown.items()
    }
    assert read == {
        "char": "low [UNK][UNK]low[UNK] a",
        "space": "low [UNK] a",
        "word": "low [UNK] [UNK] a",
        "bpe": "low [UNK][UNK]low[UNK] a",
    }


def test_special_ids_come_from_no_text():
    text = "[PAD] [UNK] [BOS] [EOS] <s> </s>"
    for level in LEVELS:
        units = Units.build([text] * 2, level)
        ids = units.encode(tf.constant([text]))
        assert ids.flat_values.numpy().min() > 3
        assert units.decode(ids).numpy()[0].decode() == text


def test_decoding_stops_at_the_end_and_skips_padding():
    units = Units.build(["a b c"], "space")
    assert units.tokens == ("a", "b", "c")
    ids = tf.constant([[2, 4, 5, 3, 6, 0], [0, 4, 0, 1, 6, 6], [3, 4, 4, 4, 4, 4]])
    expected = [b"a b", b"a [UNK] c c", b""]
    assert units.decode(ids).numpy().tolist() == expected
    assert units.decode(tf.cast(ids, tf.int64)).numpy().tolist() == expected
    beams = tf.reshape(ids, (1, 3, 6))
    assert units.decode(beams).numpy().tolist() == [expected]
    assert units.decode(tf.zeros((0, 4), tf.int32)).shape == (0,)
    assert units.decode(tf.zeros((2, 0), tf.int32)).numpy().tolist() == [b"", b""]
    assert units.decode(tf.ragged.constant([[4], [4, 3, 4], []], dtype=tf.int32)).numpy().tolist() == [
        b"a",
        b"a",
        b"",
    ]


def test_frequent_tokens_come_first():
    assert Units.build(["b a c", "a c", "c"], "space").tokens == ("c", "a", "b")
    assert Units.build(["b a c", "a c", "c"], "space", size=6).tokens == ("c", "a")
    assert Units.build(["b a c", "a c", "c"], "space", min_count=2).tokens == ("c", "a")
    assert Units.build(["b a", "aa"], "char").tokens == ("a", " ", "b")
    assert Units.build(iter(["Bo b", "Bo"]), "word").tokens == ("▁Bo", "▁b")


def test_building_in_chunks_changes_nothing(monkeypatch):
    whole = {level: Units.build(TEXTS, level) for level in LEVELS}
    monkeypatch.setattr("kseq.data.units.CHUNK", 2)
    assert {level: Units.build(TEXTS, level) for level in LEVELS} == whole


def test_invalid_utf8_is_unknown(units):
    rows = units.encode(tf.constant([b"a\xffb", b"\xff\xfe", "the dog".encode("utf-16")])).to_list()
    assert all(1 in row for row in rows)


def test_batches_equal_single_texts_and_graphs(units):
    in_graph = tf.function(units.encode, input_signature=[tf.TensorSpec([None], tf.string)])
    expected = units.encode(tf.constant(TEXTS)).to_list()
    assert in_graph(tf.constant(TEXTS)).to_list() == expected
    for text, row in zip(TEXTS, expected, strict=True):
        assert in_graph(tf.constant([text])).to_list() == [row]
    assert in_graph(tf.constant([], tf.string)).to_list() == []


def test_saved_model_reads_and_writes(units, tmp_path):
    fresh = Units.from_config(units.get_config())  # its tables are first asked for inside of the graph

    class Both(tf.Module):
        def __init__(self):
            super().__init__()
            self.tables = fresh.tables

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def __call__(self, texts):
            ids = fresh.encode(texts, add_eos=True)
            beams = tf.stack([ids.to_tensor()] * 2, axis=1)
            return {"ids": ids.to_tensor(), "texts": fresh.decode(ids), "beams": fresh.decode(beams)}

    module = Both()
    tf.saved_model.save(module, str(tmp_path), signatures=module.__call__)
    texts = tf.constant([*TEXTS, "unseen ☃ words"])
    loaded = tf.saved_model.load(str(tmp_path)).signatures["serving_default"](texts=texts)
    expected = units.encode(texts, add_eos=True)
    assert loaded["ids"].numpy().tolist() == expected.to_tensor().numpy().tolist()
    assert loaded["texts"].numpy().tolist() == units.decode(expected).numpy().tolist()
    assert loaded["beams"].numpy().tolist() == [[text] * 2 for text in loaded["texts"].numpy().tolist()]
    graph = (
        saved_model_pb2.SavedModel.FromString((tmp_path / "saved_model.pb").read_bytes())
        .meta_graphs[0]
        .graph_def
    )
    used = {node.op for function in graph.library.function for node in function.node_def}
    functions = {function.signature.name for function in graph.library.function}
    assert all(hasattr(tf.raw_ops, op) for op in used - functions)


def test_config_and_file(units, tmp_path):
    config = json.loads(json.dumps(units.get_config()))
    assert Units.from_config(config) == units and hash(Units.from_config(config)) == hash(units)
    path = tmp_path / "new" / "units.json"
    path.parent.mkdir()
    units.save(path)
    assert Units.load(path) == units
    assert [file.name for file in path.parent.iterdir()] == ["units.json"]


def test_loading_says_what_is_wrong(tmp_path):
    with pytest.raises(UserError, match="no such file of units: .*none.json"):
        Units.load(tmp_path / "none.json")
    for content in (
        "{",
        "[1]",
        '{"level": "char"}',
        '{"tokens": [], "level": "x"}',
        '{"words": []}',
        "\udcff",
    ):
        path = tmp_path / "bad.json"
        path.write_bytes(content.encode("utf-8", "surrogateescape"))
        with pytest.raises(UserError, match="bad.json is no file of units"):
            Units.load(path)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("a", "a"), "`tokens` must differ from each other, got 'a' more than once"),
        (("a", ""), "`tokens` must not be empty, got ''"),
    ],
)
def test_wrong_tokens_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        Units(arguments)


def test_wrong_merges_are_named():
    with pytest.raises(ValueError, match="`merges` must be of two tokens that make a third, got 'a c'"):
        Units(("a", "b", "ab"), "bpe", ("a b", "a c"))
    with pytest.raises(ValueError, match="`merges` are for level 'bpe', got some at level 'char'"):
        Units(("a", "b", "ab"), "char", ("a b",))


@pytest.mark.parametrize(
    "texts, arguments, message",
    [
        (["a"], ("byte",), "`level` must be one of bpe, char, space, word, got 'byte'"),
        (["a"], ("char", 4), "`size` must be more than the 4 special ids, got 4"),
        (["a"], ("char", None, 0), "`min_count` must be positive, got 0"),
        (["a", "b"], ("word", None, 2), "no units of level 'word' in 2 texts with `min_count` 2"),
        ([], ("char",), "no units of level 'char' in 0 texts"),
        ([" "], ("bpe",), "no characters in 1 texts"),
        (["abc"], ("bpe", 7), "`size` 7 has no room for 4 special ids and the 4 characters of the texts"),
    ],
)
def test_wrong_build_arguments_are_named(texts, arguments, message):
    with pytest.raises(UserError, match=message):
        Units.build(texts, *arguments)


@pytest.mark.parametrize("level", ("space", "bpe"))
def test_multi30k_in_seconds(german, level):
    units = Units.build(german, level)
    start = time.perf_counter()
    ids = units.encode(tf.constant(german))
    assert time.perf_counter() - start < 10  # about 1 s
    found = [text.decode() for text in units.decode(ids).numpy()]
    assert found == [restored(text, level) for text in german]
    assert units.size == {"space": 24_893, "bpe": 8_000}[level]


def test_phonemes():
    units = Units.build(["HH AH L OW", "W ER L D"], "space")
    assert units.size == 7 + 4
    assert tokens(units, "HH ER OW") == ["HH", "ER", "OW"]
