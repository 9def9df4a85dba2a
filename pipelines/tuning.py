"""`tune`, written once for all pipelines: from a space to the best configuration."""

import contextlib
import dataclasses
import os
import shlex
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kseq.errors import UserError, not_negative, positive
from pipelines import runs, trials
from pipelines.config import as_dict, checked, load_yaml, option, read_yaml
from pipelines.pipeline import INTERRUPTED, Verb
from pipelines.task import Task

if TYPE_CHECKING:
    from kseq.training.tuning.oracle import Memory
    from kseq.training.tuning.place import SearchDirectory
    from kseq.training.tuning.space import Space
    from kseq.training.tuning.tuner import Tuner

ALGORITHMS = ("random", "bayesian", "hyperband")


@dataclasses.dataclass(frozen=True)
class Search:
    """Which search: mixed into a pipeline's configuration it makes the options of `tune`."""

    name: str | None = option(None, "name of the search; none: made of the data's name and the time")
    tuning: str = option("tuning", "directory of all searches")
    resume: bool = option(False, "go on with the search of this name")
    algorithm: str = option("random", "what chooses the next trial", choices=ALGORITHMS)
    space: str | None = option(None, "YAML file of what to choose from; none: the pipeline's own space")
    show_space: bool = option(False, "print the space as YAML, and do nothing else")
    trials: int | None = option(None, "trials at most, rejected ones not counted; none: 20 if no other limit")
    max_seconds: float | None = option(None, "seconds of search at most")
    max_parameters: int | None = option(None, "larger models are rejected before they train")
    search_seed: int = option(1, "of the search; `--seed` is that of each training")
    workers: int = option(0, "processes that run trials; 0: this one")
    against: str | None = option(None, "directory of a run that the best trial is compared with")

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("trials", "max_seconds", "max_parameters", "search_seed"):
            positive(name, getattr(self, name))
        not_negative("workers", self.workers)
        if self.resume and self.name is None:
            raise UserError("`--resume` needs `--name`: which search to go on with")

    @property
    def settings(self) -> dict[str, Any]:
        """What a search is, beside its configuration and its space."""
        names = ("algorithm", "trials", "max_seconds", "max_parameters", "search_seed")
        settings = {name: getattr(self, name) for name in names}
        if self.algorithm != "hyperband" and self.trials is None and self.max_seconds is None:
            settings["trials"] = 20
        return settings


def verb(task: Task) -> Verb:
    """The verb of a task."""
    options = dataclasses.make_dataclass("Tune", (), bases=(Search, task.Config), frozen=True)
    help = "search for the best hyperparameters"
    return Verb("tune", help, options, lambda given: tune(task, given), config_file=True)


def tune(task: Task, options: Any) -> int | None:
    """Search for the best configuration, and write it as YAML."""
    import yaml

    base = runs.split_options(options, task.Config)
    file = options.space
    space = check(task.space, base, "the space") if file is None else read_space(file, base)
    plain = {name: dimension.plain for name, dimension in space.items()}
    if options.show_space:
        print(yaml.safe_dump(plain, sort_keys=False), end="")
        return None
    role = os.environ.get("KERASTUNER_TUNER_ID")
    if role is not None and "chief" not in role:
        return work(task, options, role)
    rival = trials.Rival.find(options.against, task.objective(base))
    search = _start(task, options, base, plain)
    if options.resume:  # what a search is was decided when it began
        base = task.Config(**read_yaml(search.config, task.Config))
        space = read_space(search.space, base)
    with contextlib.closing(search):
        return _direct(task, options, base, space, search, rival)


def read_space(path: str | Path, base: Any) -> "Space":
    """The space of a YAML file, checked."""
    from kseq.training.tuning.space import from_plain

    return check(from_plain(load_yaml(path), str(path)), base, str(path))


def check(space: "Space", base: Any, source: str) -> "Space":
    """The space, each of its values in the type of its field.

    Raises:
        UserError: A name is no field of the configuration, or a value is not one that it may have.
    """
    if not space:
        raise UserError(f"`{source}` is empty: there is nothing to choose from")
    typed = {}
    for name, dimension in space.items():
        values = [checked(type(base), name, value, source) for value in dimension]
        if any(isinstance(value, tuple) for value in values):
            raise UserError(f"`{name}` in `{source}` is a list itself, which `tune` cannot choose")
        typed[name] = dimension.with_ends(values)
        for value in values:
            try:
                dataclasses.replace(base, **{name: value})
            except UserError as error:
                raise UserError(f"`{name}` in `{source}`: {error}") from None
    return typed


def work(task: Task, options: Any, role: str) -> None:
    """Run trials that a chief chooses, until it says that the search is over."""
    from kseq.training.tuning.heartbeat import Heartbeat
    from kseq.training.tuning.place import SearchDirectory

    if options.name is None:
        raise UserError("a worker needs `--name`: which search to work for")
    search = SearchDirectory.wait(Path(options.tuning) / task.name / options.name)
    base = task.Config(**read_yaml(search.config, task.Config))
    tuner, _ = _tuner(task, base, read_space(search.space, base), search)
    with Heartbeat(search.path, role, watch="chief"):
        tuner.search()


def _start(task: Task, options: Any, base: Any, space: dict[str, Any]) -> "SearchDirectory":
    from kseq.training.names import default_name
    from kseq.training.tuning.place import SearchDirectory

    if options.resume:
        return SearchDirectory.resume(options.tuning, task.name, options.name, settings=options.settings)
    data = task.read(base)  # what is wrong with it is said before anything is written
    name = options.name or default_name(options.tuning, task.name, data.name)
    return SearchDirectory.create(
        options.tuning, task.name, name, config=as_dict(base), space=space, settings=options.settings
    )


def _tuner(
    task: Task, base: Any, space: "Space", search: "SearchDirectory", table: trials.Table | None = None
) -> "tuple[Tuner, Memory]":
    from kseq.training.tuning.oracle import make_oracle
    from kseq.training.tuning.tuner import Tuner

    settings = search.settings
    oracle = make_oracle(
        settings["algorithm"],
        space,
        task.objective(base),
        directory=search.path,
        epochs=base.epochs,
        trials=settings["trials"],
        seconds=settings["max_seconds"],
        seed=settings["search_seed"],
        notify=table and table.notify,
    )
    train = trials.trainer(task, base, search, settings["max_parameters"], table)
    return Tuner(oracle, space, train, search.path), oracle


def _direct(
    task: Task,
    options: Any,
    base: Any,
    space: "Space",
    search: "SearchDirectory",
    rival: trials.Rival | None,
) -> int | None:
    """Run a search from this process, alone or with workers, and report."""
    from kseq.training.tuning import hparams

    objective, mode = task.objective(base)
    table = trials.Table(space, objective, mode)
    role = os.environ.get("KERASTUNER_TUNER_ID")
    with _as_chief(bool(options.workers) and role is None):
        tuner, oracle = _tuner(task, base, space, search, table)
        table.oracle = oracle
        runs.say("search", f"{search.path}: {options.algorithm}, by {objective} ({mode})")
        table.begin()
        oracle.begin_session()
        hparams.write_space(search.path, space, objective)
        interrupted = False
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            if options.workers or role:
                _serve(task, options, tuner, oracle, search)
            else:
                tuner.search()
        except KeyboardInterrupt:
            interrupted = True
        finally:
            signal.signal(signal.SIGTERM, before)
            oracle.save()
            best = trials.report(search, base, space, oracle, objective, mode)
    if interrupted:
        print(f"\ninterrupted; go on with: {_resume_command(task, options, search)}")
        return INTERRUPTED
    if best:
        if rival is not None:
            runs.say("compared", rival.against(best.score))
        runs.say("files", f"{search.path}/ (leaderboard.csv, parallel_coordinates.png, objective.png)")
        runs.say("next", f"python -m pipelines.{task.name} train --config {search.best}")
        runs.say("", f"tensorboard --logdir {search.path}")
    return None


def _serve(task: Task, options: Any, tuner: "Tuner", oracle: "Memory", search: "SearchDirectory") -> None:
    from kseq.training.tuning.heartbeat import Heartbeat
    from kseq.training.tuning.workers import Workers, direct

    workers = None
    if options.workers:
        command = [sys.executable, "-m", f"pipelines.{task.name}", "tune"]
        command += ["--name", search.path.name, "--tuning", str(search.path.parent.parent)]
        workers = Workers(command, options.workers, search.path / "workers")
    with Heartbeat(search.path, "chief") as heartbeat:
        direct(tuner, oracle, workers, heartbeat)


@contextlib.contextmanager
def _as_chief(needed: bool) -> Iterator[None]:
    """Inside, this process is keras-tuner's chief for workers on this machine."""
    from kseq.training.tuning.workers import ADDRESS, PORT, WHO, free_port

    mine = {WHO: "chief", ADDRESS: "127.0.0.1", PORT: str(free_port())} if needed else {}
    os.environ.update(mine)
    try:
        yield
    finally:
        for name in mine:
            del os.environ[name]


def _resume_command(task: Task, options: Any, search: "SearchDirectory") -> str:
    """The command line that goes on with an interrupted search."""
    words = ["python", "-m", f"pipelines.{task.name}", "tune", "--resume", "--name", search.path.name]
    if options.tuning != "tuning":
        words += ["--tuning", options.tuning]
    for name, value in {**options.settings, "workers": options.workers, "against": options.against}.items():
        if value not in (None, 0):
            words += ["--" + name.replace("_", "-"), str(value)]
    return shlex.join(words)
