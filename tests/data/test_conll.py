import dataclasses
import gzip
import re
from pathlib import Path

import pytest

from kseq.data import Sentence, read_conll
from kseq.errors import UserError

TWO = "Ada\tB-PER\nslept\tO\n\nYes\tO\n"
TWO_READ = [Sentence(("Ada", "slept"), ("B-PER", "O"), 1), Sentence(("Yes",), ("O",), 4)]


@pytest.fixture
def write(tmp_path):
    def write(content: str | bytes, name: str = "a.conll") -> Path:
        data = content if isinstance(content, bytes) else content.encode()
        (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return tmp_path / name

    return write


def words(sentences: list[Sentence]) -> list[str]:
    return [" ".join(sentence.tokens) for sentence in sentences]


@pytest.mark.parametrize(
    "text",
    [
        TWO,
        TWO.rstrip("\n"),
        TWO + "\n\n\n",
        TWO.replace("\n", "\r\n"),
        "\ufeff" + TWO,
        TWO.replace("\t", " "),
        TWO.replace("\t", "    ") + "  \n",
        TWO.replace("\n\n", "\n\t\n"),
        TWO.replace("\n\n", "\n \t \n"),
        TWO.replace("Ada\tB-PER", "Ada \t B-PER "),
    ],
)
def test_forms_of_the_same_sentences(write, text):
    assert read_conll(write(text)) == TWO_READ
    assert read_conll(str(write(text, "a.gz"))) == TWO_READ


def test_several_blank_lines_and_line_numbers(write):
    sentences = read_conll(write("\n\n" + TWO.replace("\n\n", "\n\n \n\t\n")))
    assert words(sentences) == ["Ada slept", "Yes"]
    assert [sentence.line for sentence in sentences] == [3, 8]


def test_document_lines_end_a_sentence(write):
    text = "-DOCSTART- -X- O\n\nAda N B-PER\n-DOCSTART-\nYes N O\n"
    assert read_conll(write(text)) == [Sentence(("Ada",), ("B-PER",), 3), Sentence(("Yes",), ("O",), 5)]


def test_columns_by_number(write):
    path = write("1 Ada N B-PER x\n")
    assert read_conll(path, token_column=1, tag_column=3) == [Sentence(("Ada",), ("B-PER",), 1)]
    assert read_conll(path, token_column=-4, tag_column=-2) == [Sentence(("Ada",), ("B-PER",), 1)]
    assert read_conll(path, token_column=1, tag_column=None) == [Sentence(("Ada",), (), 1)]


@pytest.mark.parametrize(
    "first", ["# global.columns = ID FORM NE", "ID\tFORM\tNE", "#global.columns=ID FORM NE"]
)
def test_columns_by_name(write, first):
    path = write(f"{first}\n# sent_id = 1\n1\tAda\tB-PER\n\n# sent_id = 2\n1\tYes\tO\n")
    expected = [Sentence(("Ada",), ("B-PER",), 3), Sentence(("Yes",), ("O",), 6)]
    assert read_conll(path, token_column="FORM", tag_column="NE") == expected
    assert read_conll(path, token_column="FORM") == expected


def test_columns_that_do_not_exist(write):
    for text in ("# global.columns = ID FORM NER\n1 Ada O\n", "\nID FORM NER\n1 Ada O\n"):
        with pytest.raises(UserError) as error:
            read_conll(write(text), token_column="FORM", tag_column="NERR")
        known = "(`tag_column`): the columns are ID, FORM, NER; did you mean `NER`?"
        assert f"a.conll:2: no column 'NERR' {known}" in str(error.value)
    with pytest.raises(
        UserError, match=re.escape("a.conll:1: no column 2 (`tag_column`): the line has 2 columns")
    ):
        read_conll(write(TWO), tag_column=2)
    with pytest.raises(UserError, match=re.escape("no column -3 (`token_column`)")):
        read_conll(write(TWO), token_column=-3)
    with pytest.raises(UserError, match="`token_column` and `tag_column` are both column 1"):
        read_conll(write(TWO), token_column=1)
    with pytest.raises(UserError, match=re.escape("no column 1 (`tag_column`): the line has 1 column")):
        read_conll(write("Ada\n"), tag_column=1)


def test_one_column_is_tokens_without_tags(write):
    path = write("# a comment\nAda\nslept\n\n#late\n#\n")
    assert read_conll(path) == [Sentence(("Ada", "slept"), (), 2), Sentence(("#late", "#"), (), 5)]


@pytest.mark.parametrize("gap", ["\t", " "])
def test_hashes_that_are_tokens(write, gap):
    text = "#late O\n# O\n\n# O\n1 B-X\n\n## O\n\n#a=b O\n\n# text = # 1\n#id = 7\n# I am\nAda O\n".replace(
        " O", gap + "O"
    )
    text = text.replace("1 B", f"1{gap}B")
    assert words(read_conll(write(text))) == ["#late #", "# 1", "##", "#a=b", "Ada"]


def test_comment_of_as_many_words_as_there_are_columns(write):
    path = write("# sent_id = 5\n1\tAda\tN\tB-PER\n\n# sent_id = 6\n1\tYes\tN\tO\n")
    assert words(read_conll(path, token_column=1)) == ["Ada", "Yes"]


def test_hash_within_a_sentence_is_no_comment(write):
    with pytest.raises(UserError, match="a.conll:2: 3 columns where line 1 has 2: '# a comment'"):
        read_conll(write("Ada O\n# a comment\n"))


def test_hashtag_without_a_tag_is_no_comment(write):
    with pytest.raises(UserError, match="a.conll:3: 1 column where line 1 has 2: '#late'"):
        read_conll(write("Ada O\n\n#late\nYes O\n"))


def test_rare_characters_stay(write):
    text = "\u3000\tO\n\u2028x\tO\na\xa0b\tO\n\x85\tO\n\ufeffy\tO\nNew York\tB-LOC\n"
    (sentence,) = read_conll(write(text))
    assert sentence.tokens == ("\u3000", "\u2028x", "a\xa0b", "\x85", "\ufeffy", "New York")


def test_segmented_characters(write):
    text = "科0\tO\n技1\tO\n10\tO\n\n\ufffd\ufffd0\tO\n{}\tO\n"
    assert words(read_conll(write(text.format("好12")))) == ["科 技 1", "\ufffd\ufffd 好"]
    assert words(read_conll(write(text.format("好")))) == ["科0 技1 10", "\ufffd\ufffd0 好"]
    assert words(read_conll(write(text.format("好0")), segmented=False))[0] == "科0 技1 10"
    with pytest.raises(UserError, match="a.conll:6: '好' is no character with its position"):
        read_conll(write(text.format("好")), segmented=True)
    with pytest.raises(UserError, match="`segmented` must be one of"):
        read_conll(write(text), segmented="no")


def test_numbered_names_are_not_segmented(write):
    assert words(read_conll(write("H2 O\nB6 O\n"))) == ["H2 B6"]


def test_long_sentence(write):
    (sentence,) = read_conll(write("".join(f"w{i} O\n" for i in range(5000))))
    assert len(sentence.tokens) == len(sentence.tags) == 5000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        (" \n\n\t\n", "is empty"),
        ("# only\n# comments\n", "has no sentences: lines of columns, one token each, were expected"),
        ("-DOCSTART- O\n\n", "has no sentences"),
        ("Ada\tO\nslept\n", "a.conll:2: 1 column where line 1 has 2: 'slept'"),
        ("\nAda O\n\nslept N O\n", "a.conll:4: 3 columns where line 2 has 2: 'slept N O'"),
        ("Ada\tO\nslept\t\n", "a.conll:2: the tag (column 1) is missing: 'slept\\t'"),
        ("Ada\tO\n\n\tO\n", "a.conll:3: the token (column 0) is empty: '\\tO'"),
        ("Ada\tO\n \tO\n", "a.conll:2: the token (column 0) is empty: ' \\tO'"),
        (b"Ada O\nsl\0ept O\n", "a.conll is not a text file: byte 0x00 at offset 8 (line 2)"),
        ("Ada O\nsüß O\n".encode("latin-1"), "byte 0xfc at offset 7 (line 2) where UTF-8 text was expected"),
    ],
)
def test_bad_files(write, content, message):
    with pytest.raises(UserError) as error:
        read_conll(write(content))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_header_alone_and_missing_file(write, tmp_path):
    with pytest.raises(UserError, match="has no sentences"):
        read_conll(write("token\ttag\n"), token_column="token", tag_column="tag")
    with pytest.raises(UserError, match="cannot read .*missing"):
        read_conll(tmp_path / "missing")
    (tmp_path / "broken.gz").write_bytes(b"no gzip")
    with pytest.raises(UserError, match="broken.gz is no intact gzip file"):
        read_conll(tmp_path / "broken.gz")


def test_sentence_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TWO_READ[0].line = 2


@pytest.mark.parametrize(
    ("file", "sentences", "tokens", "hashes"),
    [
        # SOURCE.md counts the 145 lines -DOCSTART- of wikigold as sentences
        ("wikigold/wikigold.conll.txt.gz", 1841 - 145, 39152 - 145, 39),
        ("broad_twitter/a.conll", 1000, 16612, 384),
        ("broad_twitter/b.conll", 2000, 30825, 632),
        ("broad_twitter/e.conll", 200, 3981, 297),
        ("broad_twitter/g.conll.gz", 2138, 34062, 661),
        ("wnut17/wnut17train.conll.gz", 3394, 62730, 828),
        ("wnut17/emerging.dev.conll", 1009, 15733, 22),
        ("wnut17/emerging.test.annotated", 1287, 23394, 247),
        ("weibo_ner_zh/weiboNER_2nd_conll.train.gz", 1350, 73778, 268),
        ("weibo_ner_zh/weiboNER_2nd_conll.dev", 270, 14509, 64),
        ("weibo_ner_zh/weiboNER_2nd_conll.test", 270, 14842, 19),
        ("resume_ner_zh/train.char.bmes.gz", 3821, 124099, 1),
        ("ncbi_disease/train.tsv.gz", 5424, 135701, 3),
    ],
)
def test_real_files(real_data, file, sentences, tokens, hashes):
    found = read_conll(real_data / file)
    assert len(found) == sentences
    assert sum(len(sentence.tokens) for sentence in found) == tokens
    assert all(len(sentence.tokens) == len(sentence.tags) for sentence in found)
    assert sum(token.startswith("#") for sentence in found for token in sentence.tokens) == hashes
    if file.startswith("weibo"):
        assert all(len(token) == 1 or set(token) == {"\ufffd"} for line in found for token in line.tokens)


@pytest.mark.parametrize(("file", "line"), [("f.conll", 16301), ("h.conll", 22918)])
def test_real_files_with_empty_tokens(real_data, file, line):
    """Emoji that the source lost."""
    with pytest.raises(UserError, match=rf"{file}:{line}: the token \(column 0\) is empty"):
        read_conll(real_data / "broad_twitter" / file)
