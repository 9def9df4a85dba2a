"""What the verbs of all pipelines say about runs, once."""

import dataclasses
import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kseq.errors import UserError
from pipelines.config import as_dict, option

if TYPE_CHECKING:
    import keras

    from kseq.training.run import RunDirectory

#: of a configuration, when a run is resumed
MAY_CHANGE = ("epochs", "time_limit", "patience", "backup_seconds", "backup_steps")


@dataclasses.dataclass(frozen=True)
class NewRun:
    """Which run to start: mixed into a pipeline's configuration it makes the options of `train`."""

    name: str | None = option(None, "name of the run; none: made of the data's name and the time")
    runs: str = option("runs", "directory of all runs")
    resume: bool = option(False, "go on with the interrupted run of this name and configuration")
    strategy: str = option("none", "devices to train on", choices=("none", "mirrored", "multi-worker"))
    replicas: int | None = option(None, "parts of the CPU for `mirrored` without a GPU; none: 2")


@dataclasses.dataclass(frozen=True)
class TrainedRun:
    """Which run to use: the base of the options of every other verb."""

    run: str | None = option(None, "directory of the run; none: the latest with a model")
    runs: str = option("runs", "directory of all runs")


@dataclasses.dataclass(frozen=True)
class Texts(TrainedRun):
    """Which run to use on which texts: the base of the options of `predict`."""

    text: tuple[str, ...] = option((), "texts; none: the lines of `--file`, or of standard input")
    file: str | None = option(None, "text file, one text a line")
    json: bool = option(False, "JSON lines also on a terminal")


def texts(options: Texts) -> Iterator[str]:
    """The texts that the options name."""
    if options.text:
        yield from options.text
    elif options.file is not None:
        from kseq.data.text_files import read_text

        yield from read_text(Path(options.file)).splitlines()
    else:
        yield from (line.rstrip("\r\n") for line in sys.stdin)


def column(name: str | None) -> int | str | None:
    """A column by number, by name or not at all."""
    try:
        return None if name is None else int(name)
    except ValueError:
        return name


def start(task: str, config: Any, options: NewRun, data_name: str, seed: int) -> "RunDirectory":
    """Make the directory of a new run, or take up an interrupted one.

    Args:
        task: name of the pipeline.
        config: its configuration.
        options: which run.
        data_name: name of the data, for the run's default name.
        seed: of all randomness.
    """
    from kseq.training.run import RunDirectory

    root, resume = options.runs, options.resume
    if options.strategy == "multi-worker":
        from kseq.training.distribution import worker

        if options.name is None:
            raise UserError("the strategy `multi-worker` needs `--name`, the same for all workers")
        if worker():
            root = Path(root, f".worker-{worker()}")
            resume &= Path(root, task, options.name).exists()  # its disk may be new
    name = options.name or RunDirectory.default_name(root, task, data_name)
    return RunDirectory.create(root, task, name, as_dict(config), seed, resume=resume, may_change=MAY_CHANGE)


def check_resume(options: NewRun) -> None:
    """Raise unless a run to resume is named."""
    if options.resume and options.name is None:
        raise UserError("`--resume` needs `--name`: which run to go on with")


def distribute(options: NewRun) -> Any:
    """The strategy that the options name, None for one device; the workers but the first fall silent."""
    from kseq.training.distribution import make_strategy, worker

    strategy = make_strategy(options.strategy, options.replicas)
    if options.strategy == "multi-worker" and worker():
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  until the process ends
    return strategy


def forget_others(run: "RunDirectory", options: NewRun) -> None:
    """Remove the run of a worker that is not the first: it held only what that worker carried."""
    import contextlib
    import shutil

    from kseq.training.distribution import worker

    if options.strategy == "multi-worker" and worker():
        shutil.rmtree(run.path, ignore_errors=True)
        with contextlib.suppress(OSError):  # it has another run
            run.path.parent.rmdir()
            run.path.parent.parent.rmdir()


def find(task: str, options: TrainedRun) -> "RunDirectory":
    """The run that the options name, or the latest."""
    from kseq.training.run import RunDirectory

    return RunDirectory.open(options.run) if options.run else RunDirectory.latest(options.runs, task)


def load_model(run: "RunDirectory") -> "keras.Model":
    """The best model of a run."""
    import keras

    import kseq.models  # noqa: F401  registers the classes in the file

    return keras.saving.load_model(run.model)


def resume_command(task: str, run: "RunDirectory", options: NewRun) -> str:
    """The command line that goes on with an interrupted run."""
    words = ["python", "-m", f"pipelines.{task}", "train", "--resume", "--name", run.name]
    root = run.path.parent.parent
    if root != Path("runs"):
        words += ["--runs", str(root)]
    for name in ("strategy", "replicas"):
        if getattr(options, name) not in (None, "none"):
            words += [f"--{name}", str(getattr(options, name))]
    return shlex.join([*words, "--config", str(run.path / "config.yaml")])


def split_options(options: Any, config_type: type) -> Any:
    """The configuration inside the options of `train`."""
    names = [field.name for field in dataclasses.fields(config_type)]
    return config_type(**{name: getattr(options, name) for name in names})


def verbosity() -> int:
    """Keras's progress bar on a terminal, a line an epoch elsewhere."""
    return 1 if sys.stdout.isatty() else 2


def say(label: str, text: Any = "") -> None:
    """Print one line of a report, its label in a column of its own."""
    print(f"{label:<12}{text}".rstrip(), flush=True)


def write_live(pieces: Iterator[str]) -> None:
    """Print pieces of text as they come."""
    for piece in pieces:
        sys.stdout.write(piece)
        sys.stdout.flush()
    print()
