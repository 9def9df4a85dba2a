"""`python -m pipelines`: lists the programs of this package, pipelines with their verbs."""

import importlib
import pkgutil
import sys

import pipelines
from kseq.errors import UserError
from pipelines.pipeline import Command, Pipeline, guarded, overview


def found() -> list[Pipeline | Command]:
    """The programs of this package: of every module in it that defines `PIPELINE`.

    Returns:
        Pipelines and commands, by name.
    """
    names = sorted(m.name for m in pkgutil.iter_modules(pipelines.__path__) if m.name != "__main__")
    modules = [importlib.import_module(f"pipelines.{name}") for name in names]
    return [module.PIPELINE for module in modules if hasattr(module, "PIPELINE")]


def main(arguments: list[str]) -> None:
    """Prints the list.

    Args:
        arguments: The command line without the program's name; only `--help` is known.

    Raises:
        UserError: Anything else is on the command line.
    """
    if arguments and arguments[0] not in ("-h", "--help"):
        raise UserError(
            f"unexpected argument `{arguments[0]}`; a pipeline runs as `python -m pipelines.NAME VERB`"
        )
    for program in found():
        print(overview(program) + "\n")
    print("`python -m pipelines.NAME VERB --help` shows the options of a verb.")


if __name__ == "__main__":
    raise SystemExit(guarded(lambda: main(sys.argv[1:])))
