import gzip

import pytest

from kseq.data import Example, read_table
from kseq.data.tables import open_table
from kseq.errors import UserError

PAIRS = [("What a day!", "glad"), ("Not again.", "sad"), ("Fine", "glad")]


@pytest.fixture
def write(tmp_path):
    def write(text: str | bytes, name: str = "a.tsv"):
        data = text.encode() if isinstance(text, str) else text
        path = tmp_path / name
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return write


def pairs(path, **arguments):
    return [(example.text, example.label) for example in read_table(path, **arguments)]


def error_of(path, **arguments) -> str:
    """The message of the UserError, which is one line."""
    with pytest.raises(UserError) as error:
        read_table(path, **arguments)
    message = str(error.value)
    assert message and "\n" not in message
    return message


@pytest.mark.parametrize(
    "name, text",
    [
        ("a.tsv", "text\tlabel\nWhat a day!\tglad\nNot again.\tsad\nFine\tglad\n"),
        ("a.tsv.gz", "Label\tReview\nglad\tWhat a day!\nsad\tNot again.\nglad\tFine"),
        ("a.TSV", "\ufefftext\tlabel\r\nWhat a day!\tglad\r\nNot again.\tsad\r\n\r\nFine\tglad\r\n"),
        ("a.csv", 'id,sentiment,text\n1,glad,"What a day!"\n2,sad,Not again.\n3,glad,Fine\n'),
        ("a.csv", "glad;What a day!\nsad;Not again.\nglad;Fine\n"),
        ("a", "glad\tWhat a day!\nsad\tNot again.\nglad\tFine\n"),
        ("a.txt", "glad,What a day!\nsad,Not again.\nglad,Fine\n"),
        ("a.train", "glad What a day!\nsad Not again.\nglad Fine\n"),
        ("a.txt", "__label__glad What a day!\n__label__sad Not again.\n__label__glad Fine\n"),
        ("a.tsv", "glad\tWhat a day!\rsad\tNot again.\rglad\tFine\r"),
        (
            "a.jsonl",
            '{"text": "What a day!", "label": "glad"}\n{"label": "sad", "text": "Not again."}\n'
            '{"label": "glad", "more": [1], "text": "Fine"}\n',
        ),
        ("a", '{"a": "What a day!", "b": "glad"}\n{"a": "Not again.", "b": "sad"}\n{"a":"Fine","b":"glad"}'),
    ],
)
def test_formats(write, name, text):
    assert pairs(write(text, name)) == PAIRS


def test_trees(write):
    path = write("(3 (2 a) (4 (2 real) (4 joy)))\n(1 (1 no) (2 -LRB-))\n", "train.txt")
    assert read_table(path) == [Example("a real joy", "3", 1), Example("no (", "1", 2)]
    assert open_table(path).remark == "each line is a tree in brackets"


def test_lines_are_those_of_the_file(write):
    path = write('text,label\n\n"two\nlines, and ""quotes""",a\nx,b\n', "a.csv")
    assert read_table(path) == [Example('two\nlines, and "quotes"', "a", 3), Example("x", "b", 5)]


def test_quotes_in_tsv(write):
    assert pairs(write('"a\tb" x\t1\n'.replace("\tb", ""))) == [('"a" x', "1")]
    assert pairs(write('"a ""b"" c"\t1\nd\t0\n')) == [('a "b" c', "1"), ("d", "0")]
    assert pairs(write('"Open\t1\nd\t0\n')) == [('"Open', "1"), ("d", "0")]
    assert pairs(write('"Open\t1\nshut"\t0\nd\t0\n')) == [('"Open', "1"), ('shut"', "0"), ("d", "0")]


def test_columns_by_name_number_and_guess(write):
    path = write("a\tb\tc\nx\ty\tz\n")
    assert pairs(path, text_column="b", label_column="c") == [("y", "z")]
    assert pairs(path, text_column=0, label_column=-1) == [("a", "c"), ("x", "z")]
    assert pairs(path, text_column=0, label_column=-1, header=True) == [("x", "z")]
    table = open_table(path, "b", "c")
    assert (table.columns, table.remark) == (("b", "c"), "")
    table = open_table(write("good day\t1\nbad day\t0\nfine day\t1\n"))
    assert table.columns == (0, 1)
    assert table.remark == "label is column 1, with fewer different values (2), text column 0"
    table = open_table(write("x\tsentiment\nday\t1\n"))
    assert table.columns == ("x", "sentiment")
    assert table.remark == "label is column 'sentiment', text column 'x', the one from the other"
    assert open_table(write("label\ttext_a\n1\tday\n")).remark.endswith("by their names")


def test_usual_names_in_the_rows_are_no_header(write):
    assert pairs(write("category\tone\ncategory\ttwo\nother\tthree\n"))[0] == ("one", "category")
    path = write("text\tlabel\na\tb\nc\tlabel\n")
    assert pairs(path)[0] == ("a", "b")
    assert pairs(path, header=False) == [("text", "label"), ("a", "b"), ("c", "label")]


def test_columns_that_are_wrong(write):
    path = write("id\treview\tsentiment\n1\ta\tb\n")
    message = error_of(path, text_column="reviews")
    assert message == (
        f"{path}:1: no column 'reviews' (`text_column`): the columns are id, review, sentiment; "
        "did you mean `review`?".replace(":1:", ":2:")
    )
    assert "no column 3 (`label_column`): there are 3, from 0" in error_of(path, label_column=3)
    assert "are both column 1" in error_of(path, text_column=1, label_column="review")
    three = write("1\ta\tb\n2\tc\td\n")
    assert "not clear which of 3 columns without names is the text: name it (`text_column`)" in error_of(
        three
    )
    assert "is the label: name it" in error_of(three, text_column=1)
    assert "only one column" in error_of(write("a\nb\n"))
    assert "no line names the columns" in error_of(three, text_column="x", header=False)
    many = write("index\tsentence\n" + "".join(f"{i}\tday {i}\n" for i in range(50)))
    assert "no column of labels: the one that may be, 'index', has 50 different" in error_of(many)
    with pytest.raises(UserError, match="`header` must be one of"):
        read_table(many, header="maybe")


@pytest.mark.parametrize(
    "name, text, expected",
    [
        ("a.tsv", "a\t1\nb\n", ":2: 1 column where line 1 has 2: 'b'"),
        ("a.csv", "a,1\nb, c,1\n", ":2: 3 columns where line 1 has 2: 'b  c 1'"),
        ("a.tsv", "a\t1\nb\t \n", ":2: the label (column 1) is missing"),
        ("a.tsv", "text\tlabel\n\nb\t\n", ":3: the label (column 'label') is missing"),
        ("a.tsv", "text\tlabel\n", ":1: only the names of the columns, no row below them"),
        ("a.csv", 'a,1\n"b,1\nc,0\n', ":2: no valid CSV from here on"),
        ("a.csv", 'a,1\n"b" c,1\n', ":2: no valid CSV from here on"),
        (
            "a.jsonl",
            '{"text": "a", "label": 1}\n{"text": "b"}\n',
            ":2: the label (column 'label') is missing",
        ),
        ("a.jsonl", '{"text": null, "label": 1}\n', ":1: the text (column 'text') is missing"),
        ("a.jsonl", '{"text": "a", "label": 1}\n{"text"\n', ":2: no JSON (Expecting"),
        ("a.jsonl", "[1, 2]\n", ":1: one JSON object a line was expected"),
        ("a.txt", "one day\ntwo days\nthree days\n", ":1: neither TSV, CSV, JSON lines nor a label"),
        ("a.tsv", "", " is empty"),
        ("a.tsv", " \n", " is empty"),
        ("a.tsv", "a\t1\nb\0\t0\n", " is not a text file: byte 0x00 at offset 5 (line 2)"),
    ],
)
def test_bad_files(write, name, text, expected):
    path = write(text, name)
    assert error_of(path).startswith(f"{path}{expected}")


def test_missing_file_and_broken_gzip(write, tmp_path):
    assert "cannot read" in error_of(tmp_path / "none.tsv")
    path = tmp_path / "a.tsv.gz"
    path.write_bytes(b"\x1f\x8b123")
    assert "is no intact gzip file" in error_of(path)


def test_json_values(write):
    path = write(
        '{"text": "a", "label": 1}\n{"text": "b", "label": true}\n{"text": "c", "label": 1.5}\n', "a.jsonl"
    )
    assert [label for _, label in pairs(path)] == ["1", "true", "1.5"]


def test_half_a_surrogate_pair(write):
    path = write(r'{"text": "a \ud83d b \ud83d\ude00", "label": 1}', "a.jsonl")
    assert pairs(path) == [("a \ufffd b \U0001f600", "1")]


def test_odd_line_ends_within_a_line(write):
    assert pairs(write("1 a\rb\n0 c\u2028d\n1 e\n", "a")) == [("a\rb", "1"), ("c\u2028d", "0"), ("e", "1")]
    assert pairs(write("a\x85b,1\nc\u2028d,0\ne,0\n", "a.csv"))[0] == ("a\x85b", "1")
    assert "(field larger than" in error_of(write(f'a,1\n"{"b" * 200_000}",1\n', "a.csv"))


def test_empty_text_is_kept(write):
    assert pairs(write("text\tlabel\n\t1\n b \t0\n")) == [("", "1"), ("b", "0")]
    assert pairs(write("1 day\n0\n1 no\n", "a.train"))[1] == ("", "0")


def test_encodings(write):
    path = write("很好\t1\n房间很差\t0\n".encode("gb18030"))
    message = error_of(path)
    assert "byte 0xba at offset 0 (line 1)" in message
    assert message.endswith("; it may be gb18030: give `--encoding gb18030`")
    assert pairs(path, encoding="gb18030") == [("很好", "1"), ("房间很差", "0")]
    latin = write("café \t1\nno\t0\n".encode("latin-1"))
    assert error_of(latin).endswith("it may be cp1252: give `--encoding cp1252`")
    wide = write("hé\t1\nno\t0\n".encode("utf-16"))
    assert error_of(wide).endswith("it may be utf-16: give `--encoding utf-16`")
    assert pairs(wide, encoding="utf-16") == [("hé", "1"), ("no", "0")]
    utf8 = write("a\t1\n很好é\t0\n")
    message = error_of(utf8, encoding="ascii")
    assert f"{utf8}:2: byte 0xe5 at offset 4 is no ascii text; it is UTF-8, leave" in message
    assert pairs(utf8, encoding="utf8")[1] == ("很好é", "0")
    assert "`encoding` must be a text encoding such as gb18030, got 'gb'" in error_of(utf8, encoding="gb")
    assert "must be a text encoding" in error_of(utf8, encoding="hex")
    assert "is empty" in error_of(write(" \n"), encoding="gb18030")
    assert ":2: a zero character" in error_of(write("a\t1\n\0"), encoding="gb18030")
