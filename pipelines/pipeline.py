"""A pipeline is a name and its verbs; `main` turns a command line into one verb's run."""

import dataclasses
import sys
from collections.abc import Callable, Sequence
from typing import Any

from kseq.errors import UserError, did_you_mean
from pipelines.config import parse
from pipelines.quiet import start_tensorflow

INTERRUPTED = 130  # what a shell reports for a program that SIGINT ended


@dataclasses.dataclass(frozen=True)
class Verb:
    """One thing a pipeline does.

    Args:
        name: The word on the command line.
        help: What it does, in one sentence.
        options: Frozen dataclass whose fields, made by `pipelines.config.option`, are its flags.
        run: Called with an instance of `options`; returns an exit status or `None` for 0.
        config_file: Whether it takes `--config file.yaml`.
        tensorflow: Whether it needs TensorFlow, which is then started without its usual chatter.
    """

    name: str
    help: str
    options: type
    run: Callable[[Any], int | None]
    config_file: bool = False
    tensorflow: bool = True


@dataclasses.dataclass(frozen=True)
class Command(Verb):
    """A program that does one thing: `python -m pipelines.NAME [ARGUMENT] [options]`.

    Args:
        argument: The option that a first word without dashes is for.
    """

    argument: str = ""


@dataclasses.dataclass(frozen=True)
class Pipeline:
    """A program: `python -m pipelines.NAME VERB [options]`.

    Args:
        name: The module's name in this package.
        summary: What it is for, in one sentence.
        verbs: What it does, in the order in which one uses them.
    """

    name: str
    summary: str
    verbs: tuple[Verb, ...]


def main(program: Pipeline | Command, arguments: Sequence[str] | None = None) -> int:
    """Runs the verb that the command line names, or the command.

    Wrong input (`UserError`) ends in one line on stderr and status 2, Ctrl-C in one line and status
    130. Any other exception is a bug and keeps its traceback.

    Args:
        program: Which one.
        arguments: The command line without the program's name; `sys.argv` when `None`.

    Returns:
        The exit status.
    """
    run = _run_command if isinstance(program, Command) else _run
    return guarded(lambda: run(program, sys.argv[1:] if arguments is None else arguments))


def guarded(action: Callable[[], int | None]) -> int:
    """Calls `action` and turns wrong input and Ctrl-C into one line on stderr and a status.

    Args:
        action: What to run; returns an exit status or `None` for 0.

    Returns:
        The exit status: 2 for wrong input, 130 for an interruption.
    """
    try:
        return action() or 0
    except UserError as error:
        print("error:", " ".join(str(error).split()), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def overview(program: Pipeline | Command) -> str:
    """The text that says what a program does, and lists the verbs of a pipeline.

    Args:
        program: Which one.

    Returns:
        One line or several.
    """
    if isinstance(program, Command):
        return f"{_usage(program)}: {program.help}"
    width = max(len(verb.name) for verb in program.verbs)
    lines = [f"  {verb.name:{width}}  {verb.help}" for verb in program.verbs]
    return "\n".join([f"python -m pipelines.{program.name}: {program.summary}", *lines])


def _run(pipeline: Pipeline, arguments: Sequence[str]) -> int | None:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(overview(pipeline))
        print(f"\n`python -m pipelines.{pipeline.name} VERB --help` shows the options of a verb.")
        return None if arguments else 2
    name, *rest = arguments
    verbs = {verb.name: verb for verb in pipeline.verbs}
    if name not in verbs:
        known = did_you_mean(name, verbs) or f"; known verbs: {', '.join(verbs)}"
        raise UserError(f"unknown verb `{name}`{known}")
    return _start(verbs[name], rest, f"python -m pipelines.{pipeline.name} {name}")


def _run_command(command: Command, arguments: Sequence[str]) -> int | None:
    first = arguments[:1]
    if first and not first[0].startswith("-"):
        arguments = [f"--{command.argument.replace('_', '-')}", *arguments]
    return _start(command, arguments, _usage(command))


def _usage(command: Command) -> str:
    return f"python -m pipelines.{command.name} [{command.argument.upper()}]"


def _start(verb: Verb, arguments: Sequence[str], program: str) -> int | None:
    try:
        options = parse(verb.options, arguments, program, verb.help, file=verb.config_file)
    except SystemExit as shown:  # argparse ends the process after --help
        return shown.code
    if verb.tensorflow:
        start_tensorflow()
    return verb.run(options)
