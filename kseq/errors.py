"""Exceptions that are no bugs: the input was wrong, or the user stopped the program."""

import difflib
from collections.abc import Iterable
from typing import Any, TypeVar

Value = TypeVar("Value")


class UserError(ValueError):
    """Input that cannot be used: a missing file, a wrong column, an unknown cell or option.

    The message is one line that names what is wrong and what would be right. The command line prints it
    as `error: ...` and exits with status 2; library users catch it as the `ValueError` it is.
    """


class TrainingInterrupted(KeyboardInterrupt):
    """Training was stopped by a signal after the current batch, its state saved.

    It is a `KeyboardInterrupt`, so that nothing that catches `Exception` takes it for an error.
    """


def positive(name: str, value: Value) -> Value:
    """Returns `value`; raises unless it is above zero; `None` (the option is off) passes.

    Example:
        >>> positive("units", -3)
        Traceback (most recent call last):
            ...
        kseq.errors.UserError: `units` must be positive, got -3

    Args:
        name: The argument to name in the message.
        value: The number to check.

    Raises:
        UserError: `value` is zero, negative or NaN.
    """
    if value is not None and not value > 0:
        raise UserError(f"`{name}` must be positive, got {value}")
    return value


def not_negative(name: str, value: Value) -> Value:
    """Returns `value`; raises unless it is zero or more; `None` (the option is off) passes.

    Args:
        name: The argument to name in the message.
        value: The number to check.

    Raises:
        UserError: `value` is negative or NaN.
    """
    if value is not None and not value >= 0:
        raise UserError(f"`{name}` must not be negative, got {value}")
    return value


def fraction(name: str, value: Value) -> Value:
    """Returns `value`; raises unless it is a fraction, 0 <= `value` < 1; `None` passes.

    Args:
        name: The argument to name in the message.
        value: The number to check.

    Raises:
        UserError: `value` is outside of [0, 1).
    """
    if value is not None and not 0 <= value < 1:
        raise UserError(f"`{name}` must be at least 0 and below 1, got {value}")
    return value


def one_of(name: str, value: Value, choices: Iterable[Value]) -> Value:
    """Returns `value`; raises unless it is one of `choices`.

    Example:
        >>> one_of("cell", "lsmt", ["lstm", "gru"])
        Traceback (most recent call last):
            ...
        kseq.errors.UserError: `cell` must be one of gru, lstm, got 'lsmt'; did you mean `lstm`?

    Args:
        name: The argument to name in the message.
        value: The value to check.
        choices: What is allowed.

    Raises:
        UserError: `value` is none of them; a near match is named.
    """
    choices = list(choices)
    if value not in choices:
        allowed = ", ".join(sorted(map(str, choices)))
        raise UserError(f"`{name}` must be one of {allowed}, got {value!r}{did_you_mean(value, choices)}")
    return value


def did_you_mean(word: Any, choices: Iterable[Any]) -> str:
    """The tail of a message that names near matches of `word`, empty when there are none.

    Example:
        >>> did_you_mean("unitz", ["units", "epochs"])
        '; did you mean `units`?'

    Args:
        word: What was received.
        choices: What would be known.

    Returns:
        `"; did you mean `a` or `b`?"`, or `""`.
    """
    near = difflib.get_close_matches(str(word), [str(choice) for choice in choices], n=3)
    return "; did you mean " + " or ".join(f"`{match}`" for match in near) + "?" if near else ""
