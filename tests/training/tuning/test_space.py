import pytest

from kseq.errors import UserError
from kseq.training.tuning.space import Choice, Range, from_plain, hyperparameters, values

WRONG = {
    "upside down": ({"low": 9, "high": 3}, "`low` must be below `high`, got 9 and 3"),
    "equal": ({"low": 1.0, "high": 1.0}, "`low` must be below `high`"),
    "one end": ({"low": 1}, "`low` must be below `high`, got 1 and None"),
    "step": ({"low": 1, "high": 3, "step": 5}, "`step` must be above 0 and fit between"),
    "broken step": ({"low": 1, "high": 3, "step": 0.5}, "`step` between whole numbers must be whole"),
    "log of zero": ({"low": 0.0, "high": 1.0, "log": True}, "`log` needs a `low` above 0"),
    "log": ({"low": 0.1, "high": 1.0, "log": "yes"}, "`log` must be true or false"),
    "word": ({"low": "small", "high": 1.0}, "`low` must be a number, got 'small'"),
    "key": ({"low": 1, "hihg": 2}, "unknown key `hihg`; did you mean `high`"),
    "nothing": ([], "between different values"),
    "twice": ([1, 1], "between different values"),
    "nested": ([[1, 2], [3]], "between plain values"),
}


@pytest.mark.parametrize(("entry", "message"), WRONG.values(), ids=WRONG)
def test_what_contradicts_itself(entry, message):
    with pytest.raises(UserError, match=f"`units` in `space.yaml`: .*{message}"):
        from_plain({"units": entry}, "space.yaml")


def test_what_a_file_says_is_what_it_writes():
    plain = {"a": ["x", None], "b": {"low": 0, "high": 9, "step": 3}, "c": 0.5}
    plain["d"] = {"low": 1e-4, "high": 1e-2, "log": True}
    space = from_plain({**plain, "d": {"low": "1e-4", "high": 1e-2, "log": True}}, "f")
    assert {name: dimension.plain for name, dimension in space.items()} == plain
    drawn = values(space, {"a": 1, "b": 3, "c": 0, "d": 0.000123456})
    assert drawn == {"a": None, "b": 3, "c": 0.5, "d": 0.0001235}
    declared = hyperparameters({"r": Range(1, 3), "c": Choice(True, "x")})
    assert [hp.name for hp in declared.space] == ["r", "c"]
