"""The runner's tokenisers against those inside the graphs."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from kseq.data import Vocabulary
from kseq.data.segmentation import LEVELS, SIDES, segment, truncate
from kseq.data.token_features import CASES, TokenFeatures
from kseq.data.units import LEVELS as UNIT_LEVELS
from kseq.data.units import Units
from kseq.export import lite_runner
from kseq.export.litert.alphabet import CLASSES, alphabet
from kseq.export.litert.task import feature_sidecar
from kseq.export.litert.translator import unit_alphabet

TEXTS = [
    "Ada Lovelace's 1,250.5 km – at 12:30, U.S.A. 3.x .5 5.",
    "酒店环境不错，就是有点吵。ใช้ภาษาไทย ひらがなカタカナ word中word",
    "  tabs\tand\u3000wide\u2003spaces\x85\n\nlines\r\n ",
    "ÀÉÎ ΑΣ ΣΑΣ İstanbul ẞ ǅ ſ \u2c2f\ua7c0",
    "e\u0301 combining ४५ Ⅷ ½ _under_score_ ▁mark▁ [UNK] [EOL] <unk>",
    "a\x00B zero",
    "",
]
PIECES = [
    "A",
    "b",
    "Ω",
    "中",
    "の",
    "5",
    ".",
    ",",
    ":",
    "-",
    "'",
    " ",
    "\n",
    "\u00a0",
    "_",
    "▁",
    "\u0301",
    "Σ",
    "😀",
]
ODD = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
FULL = lite_runner.Alphabet(alphabet(CLASSES, lowers=True))


def strings(row):
    return [token.decode() for token in row]


def assert_segments(texts):
    for level in LEVELS:
        rows = zip(texts, *(part.to_list() for part in segment(tf.constant(texts), level)), strict=True)
        for text, tokens, starts, ends in rows:
            expected = list(zip(strings(tokens), starts, ends, strict=True))
            assert lite_runner.segment(text, level, FULL) == expected, (level, text)


def test_segments():
    assert_segments(TEXTS)


@settings(max_examples=10, deadline=None)
@given(st.lists(ODD, min_size=8, max_size=8))
def test_segments_of_odd_texts(texts):
    assert_segments(texts)


def test_characters_of_every_kind():
    points = [n for n in range(1, 0x110000, 397) if not 0xD800 <= n < 0xE000]
    assert_segments([f"a{chr(n)}b 1{chr(n)}2" for n in points])
    characters = tf.strings.unicode_encode(tf.constant(points)[:, None], "UTF-8")
    lower = tf.strings.lower(characters, encoding="utf-8").numpy()
    assert [FULL.lowered(chr(n)) for n in points] == strings(lower)


@pytest.mark.parametrize("keep", SIDES)
@pytest.mark.parametrize("length", [1, 2, 3, None])
def test_truncation(keep, length):
    tokens = segment(tf.constant(TEXTS), "word").tokens
    found = truncate(tokens, length, keep)
    for n, text in enumerate(TEXTS):
        theirs = [token for token, _, _ in lite_runner.segment(text, "word", FULL)]
        assert lite_runner.truncated(theirs, length, keep) == strings(found[n].numpy())


@pytest.mark.parametrize("lower", [True, False])
def test_features(lower):
    known = [text.split() for text in TEXTS[:5]]
    options = {"characters": True, "casing": True, "bigrams": 1, "digits": True, "max_characters": 5}
    features = TokenFeatures.build(known, lower=lower, **options)
    sidecar = feature_sidecar(features, "word")
    runner = lite_runner.TokenFeatures(sidecar["features"], lite_runner.Alphabet(sidecar["alphabet"]))
    rows = [*known, ["new", "Words", "a", "B", "ÀÉ", "4-5", "x9", "iPhone", "--", "É", "", "1.", "ǅ"], []]
    for tokens in rows:
        ours = features(tf.ragged.constant([tokens], dtype=tf.string, ragged_rank=1))
        theirs = runner(tokens)
        assert sorted(ours) == sorted(theirs)
        for name in ours:
            np.testing.assert_array_equal(ours[name], theirs[name], err_msg=f"{name} of {tokens}")
    assert len(set(runner(rows[-2])["casing"][0])) > len(CASES) - 2


@pytest.mark.parametrize("level", UNIT_LEVELS)
def test_units(level):
    units = Units.build(TEXTS[:5] * 2, level, 130 if level == "bpe" else 40)
    runner = lite_runner.Units(units.get_config(), lite_runner.Alphabet(unit_alphabet(units)))
    texts = [*TEXTS, "unknown words and ▁▁ marks", "▁", " ▁ a"]
    for text, ids in zip(texts, units.encode(tf.constant(texts)).to_list(), strict=True):
        assert runner.encode(text) == ids, text
        ended = [*ids, units.eos_id, 5]
        assert runner.decode(ended) == units.decode(tf.constant([ended])).numpy()[0].decode()


@settings(max_examples=10, deadline=None)
@given(st.lists(ODD, min_size=8, max_size=8))
def test_units_of_odd_texts(texts):
    for level, units in ODD_UNITS.items():
        runner = lite_runner.Units(units.get_config(), FULL)
        assert [runner.encode(text) for text in texts] == units.encode(tf.constant(texts)).to_list(), level


ODD_UNITS = {
    level: Units.build(["Ab5 Ω中 b5b5 の:5.b Ab5", *PIECES], level, 40, 1)
    for level in ("word", "bpe", "space")
}


@pytest.mark.parametrize("level", ["char", "word"])
def test_vocabulary(level):
    vocabulary = Vocabulary.build("\n".join(TEXTS[:5]), level)
    sidecar = alphabet(("space",))
    runner = lite_runner.Vocabulary(vocabulary.get_config(), lite_runner.Alphabet(sidecar))
    for text in [*TEXTS, "\n", " a\n b "]:
        ids = vocabulary.encode(text).tolist()
        assert runner.encode(text) == ids, text
        assert runner.decode([2, *ids, 0]) == vocabulary.decode([2, *ids, 0])


def test_sampling():
    log_probs = np.log(np.array([0.5, 0.3, 0.15, 0.05]))
    rng = np.random.default_rng(1)

    def drawn(*options):
        return {lite_runner.sampled(log_probs, *options, rng) for _ in range(200)}

    assert drawn(0, 0, 1.0) == {0}
    assert drawn(1.0, 0, 1.0) == {0, 1, 2, 3}
    assert drawn(1.0, 2, 1.0) == {0, 1}
    assert drawn(1.0, 0, 0.7) == {0, 1}
    assert drawn(0.01, 0, 1.0) == {0}
