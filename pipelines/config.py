"""One frozen dataclass is the configuration: its fields are the flags and the YAML keys.

simple-parsing was weighed and left: in 0.1.9 it passes over unknown YAML keys in silence, and it has
neither `--no-tie-weights` nor errors of one line. `argparse` does the splitting and the help text
here; names, types and choices are checked by the same code for a flag and for a YAML value.
"""

import argparse
import dataclasses
import types
import typing
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from kseq.errors import UserError, did_you_mean, one_of

_WORDS = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}


def option(default: Any = dataclasses.MISSING, help: str = "", choices: Iterable[Any] | None = None) -> Any:
    """A dataclass field with the one line that explains it in `--help`.

    Example:
        >>> @dataclasses.dataclass(frozen=True)
        ... class Config:
        ...     units: int = option(256, "width of a recurrent layer")
        >>> parse(Config, ["--units", "64"])
        Config(units=64)

    Args:
        default: Value when neither a flag nor the file gives one; without it the flag is required.
        help: What it means, in one line, with its unit.
        choices: Allowed values; anything else is an error that names them.

    Returns:
        A `dataclasses.field`. Types may be int, float, str, bool, `X | None`, `tuple[X, ...]`.
    """
    metadata = {"help": help, "choices": None if choices is None else tuple(choices)}
    return dataclasses.field(default=default, metadata=metadata)


def parse(
    options: type, arguments: Sequence[str], prog: str = "", about: str = "", file: bool = False
) -> Any:
    """Builds an instance of `options` from a command line, which wins over the file it names.

    Args:
        options: A frozen dataclass whose fields are made by `option`.
        arguments: The words of the command line after the verb.
        prog: The command, as `--help` shows it.
        about: One sentence for the top of `--help`.
        file: Whether `--config file.yaml` is taken: its values replace the defaults.

    Returns:
        The instance; its own `__post_init__` has checked the values.

    Raises:
        UserError: Unknown flags or keys, values of the wrong type, missing or malformed files.
    """
    parser = _parser(options, prog, about, file)
    known, unknown = parser.parse_known_args(list(arguments))
    if unknown:
        _refuse(unknown[0], parser)
    given = {name: value for name, value in vars(known).items() if value is not None}
    values = read_yaml(given.pop("config"), options) if "config" in given else {}
    for field, kind in _fields(options):
        if field.name in given:
            values[field.name] = _convert(_flag(field), kind, given[field.name], field, _from_word)
        elif field.name not in values and field.default is dataclasses.MISSING:
            raise UserError(f"`{_flag(field)}` is required: {field.metadata.get('help', '')}")
    return options(**values)


def read_yaml(path: str | Path, options: type) -> dict[str, Any]:
    """Reads a YAML mapping of field names to values, each checked against its field.

    Args:
        path: The file.
        options: The dataclass whose fields are the allowed keys.

    Returns:
        Name to value, only what the file names.

    Raises:
        UserError: The file is missing or malformed, a key is unknown or a value has the wrong type.
    """
    return {key: checked(options, key, value, path) for key, value in load_yaml(path).items()}


def checked(options: type, key: str, value: Any, source: str | Path) -> Any:
    """A value of a YAML file in its field's type.

    Args:
        options: The dataclass whose fields are the allowed keys.
        key: The field's name.
        value: What the file says.
        source: The file, to name in errors.

    Raises:
        UserError: The key is unknown or the value has the wrong type.
    """
    fields = {field.name: (field, kind) for field, kind in _fields(options)}
    if key not in fields:
        near = did_you_mean(key, fields) or f"; known keys: {', '.join(fields)}"
        raise UserError(f"unknown key `{key}` in `{source}`{near}")
    field, kind = fields[key]
    return _convert(f"{key}` in `{source}", kind, value, field, _from_yaml)


def load_yaml(path: str | Path) -> dict[str, Any]:
    """Reads a YAML mapping, its values as they are.

    Args:
        path: The file.

    Returns:
        Name to value.

    Raises:
        UserError: The file is missing or malformed.
    """
    import yaml

    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read the configuration `{path}`: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"`{path}` is not UTF-8 text, at byte {error.start}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "malformed"
        raise UserError(f"`{path}`{line} is not valid YAML: {problem}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        got = type(content).__name__
        raise UserError(f"`{path}` must hold lines of `key: value`, got a YAML {got}")
    return content


def as_dict(options: Any) -> dict[str, Any]:
    """The resolved configuration as plain values that YAML and JSON can hold, and `--config` reads.

    Args:
        options: An instance of a configuration dataclass.

    Returns:
        Field name to value; tuples become lists.
    """
    values = dataclasses.asdict(options)
    return {key: list(v) if isinstance(v, tuple) else v for key, v in values.items()}


class _Parser(argparse.ArgumentParser):
    """An `ArgumentParser` whose mistakes are `UserError`s instead of a usage dump."""

    def error(self, message: str) -> typing.NoReturn:
        raise UserError(message.replace("argument ", "", 1))


def _parser(options: type, prog: str, about: str, file: bool) -> _Parser:
    parser = _Parser(prog=prog, usage=f"{prog} [options]", description=about, allow_abbrev=False)
    if file:
        parser.add_argument(
            "--config", metavar="FILE", help="YAML file of values for the options below; flags win"
        )
    for field, kind in _fields(options):
        base, optional, many = _shape(kind)
        help = field.metadata.get("help", "").replace("%", "%%") + _default(field)
        choices = field.metadata.get("choices")
        if base is bool:
            parser.add_argument(_flag(field), action=argparse.BooleanOptionalAction, help=help)
            continue
        metavar = "{" + ",".join(map(str, choices)) + "}" if choices else base.__name__.upper()
        nargs = "*" if many else None
        parser.add_argument(_flag(field), metavar=metavar, nargs=nargs, help=help)
    return parser


def _default(field: dataclasses.Field) -> str:
    default = field.default
    if default is dataclasses.MISSING:
        return " (required)"
    if isinstance(default, bool):
        text = "yes" if default else "no"
    elif isinstance(default, tuple):
        text = " ".join(map(str, default)) or "empty"
    else:
        text = {None: "none", "": "empty"}.get(default, str(default))
    return f" (default: {text})".replace("%", "%%")


def _refuse(word: str, parser: _Parser) -> typing.NoReturn:
    flags = [flag for action in parser._actions for flag in action.option_strings]
    if not word.startswith("-"):
        raise UserError(f"unexpected argument `{word}`; see --help")
    word = word.split("=")[0]
    raise UserError(f"unknown option `{word}`{did_you_mean(word, flags) or '; see --help'}")


def _fields(options: type) -> list[tuple[dataclasses.Field, Any]]:
    kinds = typing.get_type_hints(options)
    return [(field, kinds[field.name]) for field in dataclasses.fields(options) if field.init]


def _flag(field: dataclasses.Field) -> str:
    return "--" + field.name.replace("_", "-")


def _shape(kind: Any) -> tuple[type, bool, bool]:
    """Takes `int`, `int | None` or `tuple[int, ...]` apart into (int, is optional, is a tuple)."""
    optional = many = False
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        (kind,) = (part for part in typing.get_args(kind) if part is not types.NoneType)
        optional = True
    if typing.get_origin(kind) is tuple:
        kind, many = typing.get_args(kind)[0], True
    if kind not in _WORDS:
        raise TypeError(f"an option may be int, float, str or bool, got {kind!r}")
    return kind, optional, many


def _convert(
    name: str, kind: Any, value: Any, field: dataclasses.Field, one: Callable[[type, Any], Any]
) -> Any:
    """Brings a flag's words or a YAML value into the field's type, or says what it should have been."""
    base, optional, many = _shape(kind)
    if optional and (value is None or value in ("none", "None", ["none"])):
        return None
    wanted = ("a list, each " if many else "") + _WORDS[base] + (" or none" if optional else "")
    try:
        if many and not isinstance(value, list):
            raise ValueError
        items = [one(base, item) for item in (value if many else [value])]
    except (ValueError, OverflowError):
        shown = " ".join(map(str, value)) if isinstance(value, list) and many else value
        raise UserError(f"`{name}` must be {wanted}, got {shown!r}") from None
    if field.metadata.get("choices") is not None:
        for item in items:
            one_of(name, item, field.metadata["choices"])
    return tuple(items) if many else items[0]


def _from_word(base: type, word: Any) -> Any:
    return word if base is bool else base(word)


def _from_yaml(base: type, value: Any) -> Any:
    if base is float and isinstance(value, str):  # YAML 1.1 reads `1e-3`, without a dot, as text
        return float(value)
    if base is float and type(value) is int:
        return float(value)
    if type(value) is not base:
        raise ValueError
    return value
