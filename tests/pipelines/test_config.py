from __future__ import annotations  # the field types are then texts, which must not matter

from dataclasses import FrozenInstanceError, dataclass
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kseq.errors import UserError, fraction, not_negative, one_of, positive
from pipelines.config import as_dict, option, parse, read_yaml


@dataclass(frozen=True)
class Config:
    units: int = option(256, "width of a recurrent layer")
    learning_rate: float = option(0.002, "step size of the optimizer")
    cell: str = option("lstm", "recurrent cell", choices=("lstm", "gru"))
    tie_weights: bool = option(True, "the output layer shares the embedding's matrix")
    residual: bool = option(False, "100% of a layer's input is added to its output")
    time_limit: float | None = option(None, "seconds of training")
    name: str | None = option(None, "name of the run")
    sizes: tuple[int, ...] = option((1, 2), "some sizes")
    prompts: tuple[str, ...] = option((), "texts to go on with")

    def __post_init__(self):
        positive("units", self.units)


def error_of(action, *args, **kwargs) -> str:
    with pytest.raises(UserError) as caught:
        action(*args, **kwargs)
    message = str(caught.value)
    assert "\n" not in message
    return message


def from_file(tmp_path: Path, text: str | bytes, *flags: str) -> Config:
    path = tmp_path / "config.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return parse(Config, ["--config", str(path), *flags], file=True)


def test_defaults():
    assert parse(Config, []) == Config()
    with pytest.raises(FrozenInstanceError):
        parse(Config, []).units = 3


@pytest.mark.parametrize(
    "words, field, value",
    [
        ("--units 64", "units", 64),
        ("--units=64", "units", 64),
        ("--units 8 --units 9", "units", 9),
        ("--learning-rate 1e-3", "learning_rate", 0.001),
        ("--learning-rate 1", "learning_rate", 1.0),
        ("--cell gru", "cell", "gru"),
        ("--no-tie-weights", "tie_weights", False),
        ("--tie-weights", "tie_weights", True),
        ("--residual", "residual", True),
        ("--time-limit 180", "time_limit", 180.0),
        ("--time-limit none", "time_limit", None),
        ("--name first", "name", "first"),
        ("--sizes 3 4 5", "sizes", (3, 4, 5)),
        ("--sizes", "sizes", ()),
        ("--prompts To be", "prompts", ("To", "be")),
    ],
)
def test_flags(words, field, value):
    result = getattr(parse(Config, words.split()), field)
    assert result == value and type(result) is type(value)


@pytest.mark.parametrize(
    "words, message",
    [
        ("--unitz 3", "unknown option `--unitz`; did you mean `--units`?"),
        ("--unitz=3", "unknown option `--unitz`; did you mean `--units`?"),
        ("--tie_weights", "unknown option `--tie_weights`; did you mean `--tie-weights`"),
        ("--unit 3", "unknown option `--unit`; did you mean `--units`?"),
        ("--xyzzy", "unknown option `--xyzzy`; see --help"),
        ("-u 3", "unknown option `-u`; see --help"),
        ("extra", "unexpected argument `extra`"),
        ("--units 3 4", "unexpected argument `4`"),
        ("--units", "--units: expected one argument"),
        ("--units many", "`--units` must be a whole number, got 'many'"),
        ("--units 2.5", "`--units` must be a whole number, got '2.5'"),
        ("--learning-rate fast", "`--learning-rate` must be a number, got 'fast'"),
        ("--time-limit soon", "`--time-limit` must be a number or none, got 'soon'"),
        ("--sizes 1 b", "`--sizes` must be a list, each a whole number, got '1 b'"),
        ("--cell lsmt", "one of gru, lstm, got 'lsmt'; did you mean `lstm`?"),
        ("--units -3", "`units` must be positive, got -3"),
        ("--config a.yaml", "unknown option `--config`"),
    ],
)
def test_wrong_flags_are_one_line(words, message):
    assert message in error_of(parse, Config, words.split())


def test_a_field_without_default_is_required():
    @dataclass(frozen=True)
    class Needs:
        text: str = option(help="the text to score")

    assert parse(Needs, ["--text", "a"]).text == "a"
    assert error_of(parse, Needs, []) == "`--text` is required: the text to score"


def test_help_shows_every_field_with_default_and_explanation(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    with pytest.raises(SystemExit) as ended:
        parse(Config, ["--help"], "prog train", "Trains.", file=True)
    text = capsys.readouterr().out
    assert ended.value.code == 0
    assert "prog train" in text and "Trains." in text and "--config FILE" in text
    assert "--units INT" in text and "width of a recurrent layer (default: 256)" in text
    assert "--tie-weights, --no-tie-weights" in text and "matrix (default: yes)" in text
    assert "100% of a layer's input is added to its output (default: no)" in text
    assert "--cell {lstm,gru}" in text and "(default: lstm)" in text
    assert "seconds of training (default: none)" in text
    assert "some sizes (default: 1 2)" in text
    assert "texts to go on with (default: empty)" in text
    assert text.count("(default: ") == 9


def test_file_gives_defaults_and_flags_win(tmp_path):
    text = "units: 64\nlearning_rate: 1e-3\nsizes: [7]\ntime_limit: 3\ncell: gru\n"
    config = from_file(tmp_path, text, "--units", "32", "--time-limit", "none")
    assert config == Config(32, 0.001, "gru", sizes=(7,))
    assert isinstance(from_file(tmp_path, "learning_rate: 1").learning_rate, float)
    assert from_file(tmp_path, "") == Config()


@pytest.mark.parametrize(
    "text, message",
    [
        ("unitz: 3", "unknown key `unitz` in `"),
        ("unitz: 3", "did you mean `units`?"),
        ("tie-weights: true", "did you mean `tie_weights`?"),
        ("xyzzy: 3", "known keys: units, learning_rate, "),
        ("3: 3", "unknown key `3`"),
        ("units: many", "must be a whole number, got 'many'"),
        ("units: 2.0", "must be a whole number, got 2.0"),
        ("units: true", "must be a whole number, got True"),
        ("units: null", "must be a whole number, got None"),
        ("units: [3]", "must be a whole number, got [3]"),
        ("learning_rate: fast", "must be a number, got 'fast'"),
        ("tie_weights: 1", "must be true or false, got 1"),
        ("name: 7", "must be text or none, got 7"),
        ("sizes: 3", "must be a list, each a whole number, got 3"),
        ("sizes: [a]", "must be a list, each a whole number, got 'a'"),
        ("cell: lsmt", "must be one of gru, lstm, got 'lsmt'"),
        ("units: -1", "`units` must be positive, got -1"),
        ("- units", "must hold lines of `key: value`, got a YAML list"),
        ("units", "got a YAML str"),
        ("units: 3\n  cell: : lstm", "line 2 is not valid YAML"),
        ("units: [3", "is not valid YAML"),
        ("units: \x01", "is not valid YAML"),
        (b"name: \xff\xfe", "is not UTF-8 text, at byte 6"),
    ],
)
def test_wrong_files_are_one_line(tmp_path, text, message):
    found = error_of(from_file, tmp_path, text)
    assert message in found
    assert "config.yaml" in found or text == "units: -1"


def test_missing_file_and_directory(tmp_path):
    missing = str(tmp_path / "none.yaml")
    assert "none.yaml`: No such file" in error_of(parse, Config, ["--config", missing], file=True)
    assert "Is a directory" in error_of(parse, Config, ["--config", str(tmp_path)], file=True)


@settings(max_examples=40, deadline=None)
@given(
    st.builds(
        Config,
        units=st.integers(1, 10**6),
        learning_rate=st.floats(allow_nan=False, allow_infinity=False),
        cell=st.sampled_from(["lstm", "gru"]),
        tie_weights=st.booleans(),
        time_limit=st.none() | st.floats(0, 1e9),
        name=st.none() | st.text(st.characters(codec="utf-8", exclude_categories=["C"])),
        sizes=st.lists(st.integers()).map(tuple),
    )
)
def test_as_dict_is_read_back(tmp_path_factory, config):
    if config.name in ("none", "None"):
        return
    path = tmp_path_factory.getbasetemp() / "round.yaml"
    path.write_text(yaml.safe_dump(as_dict(config), allow_unicode=True), encoding="utf-8")
    assert Config(**read_yaml(path, Config)) == config


def test_unsupported_type_is_the_programmers_error():
    @dataclass(frozen=True)
    class Bad:
        table: dict = option(None, "no")

    with pytest.raises(TypeError, match="int, float, str or bool"):
        parse(Bad, [])


def test_validators():
    for good in (1, 0.5, None):
        positive("x", good)
    not_negative("x", 0)
    fraction("x", 0.0)
    fraction("x", None)
    one_of("x", 3, [3, 4])
    assert error_of(positive, "units", 0) == "`units` must be positive, got 0"
    assert error_of(positive, "rate", float("nan")) == "`rate` must be positive, got nan"
    assert error_of(not_negative, "x", -1) == "`x` must not be negative, got -1"
    assert error_of(fraction, "x", 1.0) == "`x` must be at least 0 and below 1, got 1.0"
    assert error_of(one_of, "x", "q", ["a"]) == "`x` must be one of a, got 'q'"
