import itertools
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kseq.errors import UserError
from kseq.tags import (
    SCHEMES,
    Contradiction,
    Entity,
    allowed,
    check_scheme,
    convert,
    detect_scheme,
    entities,
    from_entities,
    labels,
    out_of_order,
    split_tag,
)

schemes = st.sampled_from(SCHEMES)


@st.composite
def marked_sentences(draw):
    """A sentence's length and entities in it, many of them side by side."""
    found, end = [], 0
    for kind, gap, size in draw(
        st.lists(
            st.tuples(st.sampled_from(["PER", "LOC", "a-b.C"]), st.integers(0, 2), st.integers(1, 4)),
            max_size=6,
        )
    ):
        found.append(Entity(kind, end + gap, end + gap + size))
        end = found[-1].end
    return end + draw(st.integers(0, 2)), found


@given(marked_sentences(), schemes, schemes)
def test_round_trips_between_all_schemes(sentence, first, second):
    length, marked = sentence
    tags = from_entities(marked, length, first)
    assert len(tags) == length
    assert entities(tags, first) == marked
    assert out_of_order(tags, first) == []
    other = convert(tags, first, second)
    assert other == from_entities(marked, length, second)
    assert convert(other, second, first) == tags
    assert set(tags) <= set(labels([entity.type for entity in marked], first))


@given(st.lists(marked_sentences(), max_size=4), schemes)
def test_detected_scheme_reads_the_same_entities(sentences, scheme):
    """Data of a few prefixes fits several schemes, which then say the same of it."""
    tagged = [from_entities(marked, length, scheme) for length, marked in sentences]
    detected = detect_scheme(tagged)
    assert check_scheme(tagged, detected) == []
    assert [entities(tags, detected) for tags in tagged] == [marked for _, marked in sentences]


@pytest.mark.parametrize(
    ("tags", "scheme"),
    [
        ("", "BIO"),
        ("O O", "BIO"),
        ("B-X", "BIO"),
        ("B-X B-X", "BIO"),
        ("I-X", "IOB1"),
        ("I-X I-Y O I-X B-X I-X", "IOB1"),
        ("I-X O B-X", "BIO"),  # B- after O: an I- that begins an entity is a slip
        ("I-Y B-X", "BIO"),
        ("B-X I-Y O I-X", "BIO"),
        ("S-X", "BIOES"),
        ("B-X E-X", "BIOES"),
        ("B-X I-X E-X O S-Y", "BIOES"),
        ("B-X M-X E-X", "BMES"),
        ("B-PER.NOM I-PER.NOM", "BIO"),
    ],
)
def test_detected_schemes(tags, scheme):
    assert detect_scheme([[], tags.split()]) == scheme


@pytest.mark.parametrize(
    ("tags", "position", "reason"),
    [
        ("O PER", 1, "unknown tag 'PER': expected `O` or B-, I-, M-, E- or S- and a type, as in `B-PER`"),
        ("U-PER", 0, "unknown tag 'U-PER'"),
        ("O-PER", 0, "unknown tag 'O-PER'"),
        ("BI-PER", 0, "unknown tag 'BI-PER'"),
        ("-PER", 0, "unknown tag '-PER'"),
        ("o", 0, "unknown tag 'o'"),
        ("O B-", 1, "tag 'B-' has no entity type: expected something like `B-PER`"),
        ("O I", 1, "tag 'I' has no entity type"),
        ("B-X I-X O B-X M-X E-X", 4, "`I-` and `M-` are of two schemes"),
        ("B-X M-X E-X O I-X", 4, "`I-` and `M-` are of two schemes"),
        ("B-X O S-X", 1, "`O` after `B-X` is not possible in BIOES"),
        ("O E-X", 1, "`E-X` after `O` is not possible in BIOES"),
        ("E-X", 0, "`E-X` at the start is not possible in BIOES"),
        ("S-X B-X I-X", 2, "`I-X` at the end is not possible in BIOES"),
        ("B-X M-X S-X", 2, "`S-X` after `M-X` is not possible in BMES"),
        ("B-X E-Y", 1, "`E-Y` after `B-X` is not possible in BIOES"),
    ],
)
def test_contradictions(tags, position, reason):
    with pytest.raises(Contradiction) as error:
        detect_scheme([["O"], tags.split()])
    assert (error.value.slip.sequence, error.value.slip.position) == (1, position)
    assert reason in error.value.slip.reason
    assert f"tags[1][{position}]: {reason}" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_few_slips_are_no_contradiction():
    """The Chinese resumes have two tags out of order among 79,000."""
    tagged = [["B-X", "M-X", "E-X"]] * 20 + [["O", "E-X"]]
    assert detect_scheme(tagged) == "BMES"
    assert check_scheme(tagged, "BMES") == [(20, 1, "`E-X` after `O` is not possible in BMES")]
    with pytest.raises(Contradiction):
        detect_scheme(tagged[15:])


def test_check_against_a_given_scheme():
    assert check_scheme([["O", "I-X"]], "BIO") == [(0, 1, "`I-X` after `O` is not possible in BIO")]
    with pytest.raises(Contradiction, match="`B-X` after `O` is not possible in IOB1"):
        check_scheme([["I-X"], ["O", "B-X"]], "IOB1")
    with pytest.raises(Contradiction, match="tag 'S-X' is not of the scheme BIO, which has O, B-, I-"):
        check_scheme([["O", "S-X"]], "BIO")
    with pytest.raises(UserError, match="`scheme` must be one of BIO, BIOES, BMES, IOB1, got 'IOB2'"):
        check_scheme([["B-X"]], "IOB2")


@pytest.mark.parametrize(("scheme", "prefixes"), [("IOB1", "BI"), ("BIO", "BI"), ("BIOES", "BIES")])
def test_entities_as_seqeval(scheme, prefixes):
    get_entities = pytest.importorskip("seqeval.metrics.sequence_labeling").get_entities
    rng = random.Random(1)
    tags = ["O", *(f"{prefix}-{kind}" for prefix in prefixes for kind in ("PER", "LOC", "creative-work"))]
    for _ in range(3000):
        sequence = rng.choices(tags, k=rng.randrange(9))
        ours = [(kind, start, end - 1) for kind, start, end in entities(sequence, scheme)]
        assert ours == get_entities(sequence), sequence


def test_tags_out_of_order_in_bmes_read_as_in_bioes():
    rng = random.Random(2)
    for _ in range(1000):
        sequence = rng.choices(labels(["X", "Y"], "BMES"), k=rng.randrange(9))
        twin = [tag.replace("M-", "I-") for tag in sequence]
        assert entities(sequence, "BMES") == entities(twin, "BIOES")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_allowed_by_brute_force(scheme):
    """Allowed are exactly the sequences that entities are written as."""
    tags = labels(["X", "Y"], scheme)
    start, transitions, end = allowed(tags, scheme)
    assert start.dtype == transitions.dtype == end.dtype == bool
    assert start.shape == end.shape == (len(tags),)
    assert transitions.shape == (len(tags), len(tags))
    for length in range(1, 5):
        for path in itertools.product(range(len(tags)), repeat=length):
            follows = all(transitions[i, j] for i, j in itertools.pairwise(path))
            sequence = [tags[i] for i in path]
            legal = bool(start[path[0]] and follows and end[path[-1]])
            assert legal == (convert(sequence, scheme, scheme) == sequence), sequence
            assert legal == (not out_of_order(sequence, scheme)), sequence


def test_allowed_keeps_the_order_of_the_labels():
    found = allowed(["I-X", "O", "B-X"], "BIO")
    np.testing.assert_array_equal(found.start, [False, True, True])
    np.testing.assert_array_equal(found.transitions, [[1, 1, 1], [0, 1, 1], [1, 1, 1]])
    np.testing.assert_array_equal(found.end, [True, True, True])


def test_labels():
    assert labels(["PER", "LOC", "PER"], "BIOES") == (
        "O", "B-LOC", "I-LOC", "E-LOC", "S-LOC", "B-PER", "I-PER", "E-PER", "S-PER",
    )  # fmt: skip
    assert labels(["X"], "BMES") == ("O", "B-X", "M-X", "E-X", "S-X")
    assert labels(["X"], "IOB1") == labels(["X"], "BIO") == ("O", "B-X", "I-X")
    assert labels([], "BIO") == ("O",)
    with pytest.raises(UserError, match="`scheme` must be one of"):
        labels(["X"], "BILOU")


def test_adjacent_entities():
    marked = [("X", 0, 2), ("X", 2, 3), ("Y", 3, 4)]
    assert from_entities(marked, 4, "IOB1") == ["I-X", "I-X", "B-X", "I-Y"]
    assert from_entities(marked, 4, "BIO") == ["B-X", "I-X", "B-X", "B-Y"]
    assert from_entities(reversed(marked), 4, "BMES") == ["B-X", "E-X", "S-X", "S-Y"]


@pytest.mark.parametrize(
    "marked", [[("X", 0, 0)], [("X", 2, 1)], [("X", 0, 4)], [("X", -1, 1)], [("X", 0, 2), ("Y", 1, 3)]]
)
def test_entities_that_do_not_fit(marked):
    with pytest.raises(UserError, match="is empty, overlaps another or leaves a sentence of 3 tokens"):
        from_entities(marked, 3, "BIO")


def test_tags_of_another_scheme():
    for call in (entities, allowed, out_of_order):
        with pytest.raises(UserError, match="tag 'E-X' is not of the scheme BIO"):
            call(["B-X", "E-X"], "BIO")
    with pytest.raises(UserError, match="unknown tag"):
        convert(["X"], "BIO", "BIOES")


def test_split_tag():
    assert split_tag("O") == ("O", "")
    assert split_tag("I-PER.NOM") == ("I", "PER.NOM")
    assert split_tag("B-creative-work") == ("B", "creative-work")
