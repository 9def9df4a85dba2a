import random
import warnings

import pytest

from kseq.errors import UserError
from kseq.inspection.entities import entity_report, report_table, seen_entities
from kseq.inspection.entity_errors import EntityError, entity_errors, error_listing
from kseq.tags import Entity


def rows(text):
    return [line.split() for line in text.strip().splitlines()]


TOKENS = rows("""
Ada Byron works for Acme Corp in Paris .
In May Paris met Bo .
Nothing here .
""")
TRUE = rows("""
B-PER I-PER O O B-ORG I-ORG O B-LOC O
O B-DATE B-PER O B-PER O
O O O
""")
# wrong boundary, right, wrong type; right, wrong type, missed; spurious
PREDICTED = rows("""
B-PER O O O B-ORG I-ORG O B-ORG O
O B-DATE B-LOC O O O
B-PER O O
""")


def conlleval(true, predicted):
    """Precision, recall, F1 by the rules of conlleval's endOfChunk and startOfChunk, token by token."""

    def chunks(tags):
        found, open_type, open_at = set(), None, None
        for place, tag in enumerate([*tags, "O"]):
            prefix, _, kind = tag.partition("-")
            if open_type is not None and (prefix in "BO" or kind != open_type):
                found.add((open_type, open_at, place))
                open_type = None
            if prefix != "O" and open_type is None:
                open_type, open_at = kind, place
        return found

    pairs = [(chunks(row), chunks(other)) for row, other in zip(true, predicted, strict=True)]
    right = sum(len(a & b) for a, b in pairs)
    in_data, found = (sum(len(pair[side]) for pair in pairs) for side in (0, 1))
    precision, recall = right / found if found else 0, right / in_data if in_data else 0
    return precision, recall, 2 * precision * recall / (precision + recall) if right else 0, in_data


def scores(row):
    return row["precision"], row["recall"], row["f1"], row["support"]


def test_numbers_worked_out_on_paper():
    report = entity_report(TRUE, PREDICTED)
    # right: Acme Corp, May; in the data 6; predicted: Ada, Acme Corp, Paris, May, Paris, Nothing
    assert scores(report) == pytest.approx((2 / 6, 2 / 6, 2 / 6, 6))
    assert scores(report["types"]["ORG"]) == pytest.approx((1 / 2, 1, 2 / 3, 1))
    assert scores(report["types"]["PER"]) == (0, 0, 0, 3)
    assert scores(report["types"]["DATE"]) == (1, 1, 1, 1)
    assert list(report["types"]) == ["DATE", "LOC", "ORG", "PER"]
    assert report["token_accuracy"] == pytest.approx(13 / 18)
    assert "unseen" not in report


def test_unseen_worked_out_on_paper():
    # the same text of another type is another entity: (LOC, Paris) of the second sentence is known
    seen = {("ORG", "Acme Corp"), ("LOC", "Paris"), ("PER", "Ada")}
    unseen = entity_report(TRUE, PREDICTED, sentences=TOKENS, seen=seen)["unseen"]
    # in the data Ada Byron, May, (PER, Paris), Bo; predicted (ORG, Paris), May, Nothing; right: May
    assert scores(unseen) == pytest.approx((1 / 3, 1 / 4, 2 / 7, 4))
    everything = seen_entities(TOKENS, TRUE) | seen_entities(TOKENS, PREDICTED)
    assert scores(entity_report(TRUE, PREDICTED, sentences=TOKENS, seen=everything)["unseen"]) == (0, 0, 0, 0)
    nothing = entity_report(TRUE, PREDICTED, sentences=TOKENS, seen=set())
    assert scores(nothing["unseen"]) == scores(nothing)


def test_seen_entities_of_characters():
    tags = ["B-ORG", "I-ORG", "I-ORG", "I-ORG", "O"]
    assert seen_entities([list("北京大学在")], [tags], joiner="") == {("ORG", "北京大学")}


@pytest.mark.parametrize("seed", range(5))
def test_random_tags_against_conlleval(seed):
    rng = random.Random(seed)
    labels = ["O", "O", "B-A", "I-A", "B-B", "I-B", "B-a-b", "I-a-b"]

    true = [rng.choices(labels, k=1 + length % 12) for length in range(60)]
    predicted = [[tag if rng.random() < 0.7 else rng.choice(labels) for tag in row] for row in true]
    report = entity_report(true, predicted)
    assert scores(report) == pytest.approx(conlleval(true, predicted))
    for kind, row in report["types"].items():
        only = [
            [[tag if tag.endswith(f"-{kind}") and tag[2:] == kind else "O" for tag in row] for row in part]
            for part in (true, predicted)
        ]
        assert scores(row) == pytest.approx(conlleval(*only))


@pytest.mark.parametrize("true, predicted", [("O", "O"), ("B-A", "O"), ("O", "B-A"), ("B-A", "B-B")])
def test_nothing_to_count_warns_of_nothing(true, predicted):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = entity_report([[true]], [[predicted]], sentences=[["x"]], seen=set())
    assert scores(report)[:3] == (0, 0, 0)
    assert all(type(score) is float for score in scores(report)[:3])
    assert type(report["support"]) is int


def test_empty_data():
    report = entity_report([], [])
    assert report == {"precision": 0, "recall": 0, "f1": 0, "support": 0, "token_accuracy": 0, "types": {}}
    assert report_table(report).splitlines()[1].split() == ["overall", "0.00", "0.00", "0.00", "0"]


def test_table():
    report = entity_report(TRUE, PREDICTED, sentences=TOKENS, seen=set())
    lines = report_table(report).splitlines()
    assert " ".join(line.split()[0] for line in lines) == "type DATE LOC ORG PER overall not tokens"
    assert len({len(line) for line in lines[:-1]}) == 1
    assert lines[3].split() == ["ORG", "50.00", "100.00", "66.67", "1"]
    assert lines[-1] == "tokens right: 72.22"


def test_kinds():
    def kinds(true, predicted):
        return [error.kind for error in entity_errors(true.split(), predicted.split())]

    assert kinds("B-A I-A O", "B-A I-A O") == []
    assert kinds("B-A I-A O", "O O O") == ["missed"]
    assert kinds("O O O", "B-A I-A O") == ["spurious"]
    assert kinds("B-A I-A O", "B-B I-B O") == ["wrong type"]
    assert kinds("B-A I-A O", "B-A I-A I-A") == ["wrong boundary"]
    assert kinds("B-A I-A O", "O B-B I-B") == ["wrong type and boundary"]
    assert kinds("B-A I-A O", "B-A B-A O") == ["wrong boundary", "spurious"]
    assert kinds("B-A O B-A", "O B-B O") == ["missed", "spurious", "missed"]


def test_entities_of_one_type_pair_before_others():
    errors = entity_errors(*rows("B-A I-A I-A I-A\nB-B I-B B-A I-A"))
    assert errors == [
        EntityError(None, Entity("B", 0, 2)),
        EntityError(Entity("A", 0, 4), Entity("A", 2, 4)),
    ]


def test_listing():
    lines = error_listing(TOKENS, TRUE, PREDICTED).splitlines()
    assert lines[:5] == [
        "5 errors in 3 of 3 sentences",
        "wrong type      2  LOC as ORG 1, PER as LOC 1",
        "wrong boundary  1  PER 1",
        "missed          1  PER 1",
        "spurious        1  PER 1",
    ]
    assert lines[6:11] == [
        "sentence 1",
        "  data       [PER Ada Byron] works for [ORG Acme Corp] in [LOC Paris] .",
        "  predicted  [PER Ada] Byron works for [ORG Acme Corp] in [ORG Paris] .",
        '  wrong boundary: PER "Ada Byron" as PER "Ada"',
        '  wrong type: LOC "Paris" as ORG',
    ]
    assert lines[-1] == '  spurious: PER "Nothing"'


def test_listing_with_a_limit():
    text = error_listing(TOKENS, TRUE, PREDICTED, limit=1)
    assert text.startswith("5 errors in 3 of 3") and text.endswith("\n\nand 2 more sentences with errors")
    assert "sentence 2\n" not in text
    assert error_listing(TOKENS, TRUE, TRUE) == "0 errors in 0 of 3 sentences"


def test_long_sentences_are_cut_but_no_entity_is():
    tokens = [f"w{i}" for i in range(100)]
    true = ["O"] * 50 + ["B-A"] + ["O"] * 49
    true[36:40] = ["B-B", "I-B", "I-B", "I-B"]
    predicted = [*true]
    predicted[50] = "O"
    shown = error_listing([tokens], [true], [predicted]).splitlines()[4]
    assert shown.startswith("  data       ... [B w36 w37 w38 w39] w40")
    assert shown.endswith("[A w50] " + " ".join(f"w{i}" for i in range(51, 63)) + " ...")


def test_characters():
    tags = ["B-ORG", "I-ORG", "I-ORG", "I-ORG", "O"]
    text = error_listing([list("北京大学在")], [tags], [["B-LOC", "I-LOC", "O", "O", "O"]], joiner="")
    assert "  data       [ORG 北京大学]在\n  predicted  [LOC 北京]大学在\n" in text
    assert text.endswith('  wrong type and boundary: ORG "北京大学" as LOC "北京"')


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: entity_report([["O"]], []), "`predicted` has 0 sentences, `true` has 1"),
        (lambda: entity_report([["O"]], [["O", "O"]]), "sentence 1 has 2 tokens in `predicted`, 1 in `true`"),
        (lambda: entity_report([["O"]], [["S-A"]]), "'S-A' is not of the scheme BIO"),
        (lambda: entity_report([["O"]], [["O"]], seen=set()), "`seen` needs `sentences`"),
        (lambda: error_listing([["a"]], [["O"]], [["O"]], limit=0), "`limit` must be positive, got 0"),
    ],
)
def test_wrong_arguments(call, message):
    with pytest.raises(UserError, match=message):
        call()
