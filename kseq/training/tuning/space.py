"""What a search chooses from: a few values of a name, or a range of numbers."""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kseq.errors import UserError, did_you_mean

if TYPE_CHECKING:
    import keras_tuner


@dataclasses.dataclass(frozen=True)
class Choice:
    """One of a few values, of any kind.

    Args:
        values: different values; a single one is fixed.

    Raises:
        UserError: there is none, or one is there twice.
    """

    values: tuple[Any, ...]

    def __init__(self, *values: Any):
        object.__setattr__(self, "values", values)
        if not values or len(set(values)) < len(values):
            raise UserError(f"a choice must be between different values, got {list(values)}")

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values)

    @property
    def plain(self) -> Any:
        """As YAML has it."""
        return list(self.values) if len(self.values) > 1 else self.values[0]

    def with_ends(self, values: Sequence[Any]) -> "Choice":
        """The same with other values in their places."""
        return Choice(*values)

    def declare(self, name: str, space: "keras_tuner.HyperParameters") -> None:
        """Add it to a space of keras-tuner's, which takes no None and no two kinds of numbers: by place."""
        space.Choice(name, list(range(len(self.values))), ordered=_ordered(self.values))

    def value(self, drawn: Any) -> Any:
        """What a number of keras-tuner's stands for."""
        return self.values[int(drawn)]


@dataclasses.dataclass(frozen=True)
class Range:
    """A number between two, both among them: whole if both are whole.

    Args:
        low: the smallest.
        high: the largest.
        step: what lies between neighbours; None: 1 for whole numbers, nothing for others.
        log: whether small numbers are drawn as often as their size says: as many between 0.001 and
            0.01 as between 0.01 and 0.1.

    Raises:
        UserError: the bounds contradict each other.
    """

    low: int | float
    high: int | float
    step: int | float | None = None
    log: bool = False

    def __post_init__(self) -> None:
        for name in ("low", "high", "step"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float, type(None))):
                raise UserError(f"`{name}` must be a number, got {value!r}")
            if value is not None and not math.isfinite(value):
                raise UserError(f"`{name}` must be finite, got {value}")
        if not isinstance(self.log, bool):
            raise UserError(f"`log` must be true or false, got {self.log!r}")
        if None in (self.low, self.high) or not self.low < self.high:
            raise UserError(f"`low` must be below `high`, got {self.low} and {self.high}")
        if self.step is not None and not 0 < self.step <= self.high - self.low:
            raise UserError(f"`step` must be above 0 and fit between the bounds, got {self.step}")
        if self.log and (self.low <= 0 or self.step is not None):
            raise UserError("`log` needs a `low` above 0 and no `step`")
        if self.whole and not isinstance(self.step, (int, type(None))):
            raise UserError(f"`step` between whole numbers must be whole, got {self.step}")

    def __iter__(self) -> Iterator[Any]:
        return iter((self.low, self.high))

    @property
    def whole(self) -> bool:
        """Whether its numbers are whole."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def plain(self) -> dict[str, Any]:
        """As YAML has it."""
        fields = dataclasses.asdict(self)
        return {key: value for key, value in fields.items() if value is not None and value is not False}

    def with_ends(self, values: Sequence[Any]) -> "Range":
        """The same between other ends."""
        return dataclasses.replace(self, low=values[0], high=values[1])

    def declare(self, name: str, space: "keras_tuner.HyperParameters") -> None:
        """Add it to a space of keras-tuner's."""
        options = {"sampling": "log" if self.log else "linear"}
        if self.whole:
            step = None if self.log else self.step or 1
            space.Int(name, int(self.low), int(self.high), step=step, **options)
        else:
            space.Float(name, float(self.low), float(self.high), step=self.step, **options)

    def value(self, drawn: Any) -> Any:
        """A number of keras-tuner's, with no more digits than anybody would write."""
        return int(drawn) if self.whole else float(f"{drawn:.4g}")


Space = Mapping[str, Choice | Range]
_KEYS = ("low", "high", "step", "log")


def from_plain(content: Mapping[str, Any], source: str) -> dict[str, Choice | Range]:
    """The space that a YAML file writes down.

    ```yaml
    cell: [lstm, gru]                                   # one of these
    units: {low: 64, high: 512, step: 64}               # a whole number
    learning_rate: {low: 1e-4, high: 1e-2, log: true}
    dropout: 0.3                                        # always this
    ```

    Args:
        content: name to a list, a mapping with the fields of `Range`, or a value.
        source: the file, to name in errors.

    Raises:
        UserError: an entry is none of these, or its bounds contradict each other.
    """
    space = {}
    for name, entry in content.items():
        try:
            space[name] = _entry(entry)
        except UserError as error:
            raise UserError(f"`{name}` in `{source}`: {error}") from None
    return space


def _entry(entry: Any) -> Choice | Range:
    if isinstance(entry, list):
        if any(isinstance(value, (list, dict)) for value in entry):
            raise UserError(f"a choice must be between plain values, got {entry}")
        return Choice(*entry)
    if not isinstance(entry, dict):
        return Choice(entry)
    for key in entry:
        if key not in _KEYS:
            raise UserError(
                f"unknown key `{key}`{did_you_mean(key, _KEYS) or '; known: ' + ', '.join(_KEYS)}"
            )
    # YAML 1.1 reads `1e-3`, without a dot, as text
    return Range(**{"low": None, "high": None, **{key: _number(value) for key, value in entry.items()}})


def _number(value: Any) -> Any:
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def hyperparameters(space: Space) -> "keras_tuner.HyperParameters":
    """The space as keras-tuner has it."""
    import keras_tuner

    declared = keras_tuner.HyperParameters()
    for name, dimension in space.items():
        dimension.declare(name, declared)
    return declared


def values(space: Space, drawn: Mapping[str, Any]) -> dict[str, Any]:
    """What keras-tuner drew, as values of the space."""
    return {name: dimension.value(drawn[name]) for name, dimension in space.items()}


def _ordered(values: tuple[Any, ...]) -> bool:
    """Whether neighbours are alike: numbers in order."""
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
    return numbers and list(values) == sorted(values)
