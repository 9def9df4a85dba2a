"""One trial of a search as a training, and how trials read on a terminal."""

import dataclasses
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kseq.errors import UserError
from pipelines import runs
from pipelines.config import as_dict
from pipelines.task import Task, fit

if TYPE_CHECKING:
    from kseq.training.tuning.board import Row
    from kseq.training.tuning.oracle import Memory
    from kseq.training.tuning.place import SearchDirectory
    from kseq.training.tuning.space import Space
    from kseq.training.tuning.tuner import Trial

SHOWN = 10  # trials of the leaderboard


def trainer(
    task: Task, base: Any, search: "SearchDirectory", most: int | None, table: "Table | None" = None
) -> "Callable[[Trial], tuple[float, int]]":
    """The function that trains a trial: its score, and the parameters of its model.

    Args:
        task: which.
        base: the configuration that trials start from.
        search: where it is kept; a trial that was interrupted goes on from its last checkpoint.
        most: parameters of a model at most.
        table: shows how far a trial is; None: nothing is shown.
    """

    def train(trial: "Trial") -> tuple[float, int]:
        import keras

        from kseq.files import read_history
        from kseq.training.run import RunDirectory
        from kseq.training.tuning.tuner import SHORTEST, TooLarge

        config = dataclasses.replace(base, **trial.values)
        if trial.epochs is not None:
            config = dataclasses.replace(config, epochs=trial.epochs)
        if trial.seconds is not None:
            limit = min(config.time_limit or trial.seconds, max(SHORTEST, trial.seconds))
            config = dataclasses.replace(config, time_limit=limit)
        keras.utils.set_random_seed(config.seed)
        data = task.read(config)
        config = task.resolve(config, data)
        reader = task.build(config, data)
        parameters = reader.model.count_params()
        if most is not None and parameters > most:
            raise TooLarge(parameters, most)
        name, values = f"trial-{trial.id}", as_dict(config)
        run = RunDirectory(search.runs / task.name / name)
        if not run.path.exists() or run.status != "finished":  # or killed before anybody heard of its end
            options = {"resume": run.path.exists(), "may_change": runs.MAY_CHANGE}
            run = RunDirectory.create(search.runs, task.name, name, values, config.seed, **options)
            with run.training():
                task.save_vocabulary(data, run)
                shown = [] if table is None else table.progress(trial.id, config.epochs)
                fit(task, config, run, reader, data, data.batches("train", config), verbose=0, extra=shown)
            if run.status == "interrupted":
                raise KeyboardInterrupt
        objective, mode = task.objective(config)
        return _best(read_history(run.history)[objective], mode), parameters

    return train


def _best(scores: list[float], mode: str) -> float:
    return min(scores) if mode == "min" else max(scores)


@dataclasses.dataclass(frozen=True)
class Rival:
    """A run that a search is to beat.

    Args:
        path: its directory.
        score: of its best epoch.
        objective: the metric, and `"min"` or `"max"`.
    """

    path: str
    score: float
    objective: tuple[str, str]

    @classmethod
    def find(cls, path: str | None, objective: tuple[str, str]) -> "Rival | None":
        """The run at a path, None where none is given.

        Raises:
            UserError: There is no such run, or it does not have the metric.
        """
        if path is None:
            return None
        from kseq.files import read_history
        from kseq.training.run import RunDirectory

        name, mode = objective
        history = read_history(RunDirectory.open(path).history)
        if name not in history:
            raise UserError(f"the run `{path}` has no {name} to compare with: is it of another pipeline?")
        return cls(path, _best(history[name], mode), objective)

    def against(self, score: float) -> str:
        """What is to be said of the best score of a search."""
        name, mode = self.objective
        better = score < self.score if mode == "min" else score > self.score
        return f"{name} {score:.5g} {'beats' if better else 'does not beat'} {self.score:.5g} of {self.path}"


class Table:
    """A line a trial as it ends; on a terminal also how far the running one is.

    Args:
        space: what is chosen from.
        objective: the metric.
        mode: `"min"` or `"max"`.
    """

    def __init__(self, space: "Space", objective: str, mode: str):
        self.space = space
        self.objective = objective
        self.mode = mode
        self.oracle: Memory | None = None

    def begin(self) -> None:
        """Print the heading, and the trials of earlier sessions."""
        from kseq.training.tuning.board import rows

        best = "best"
        print(f"\n{'trial':>5} {'':8} {self.objective:>14} {best:>10} {'parameters':>11} {'time':>7}")
        for row in rows(self.oracle, self.space):
            if row.status != "running":
                self._print(row)

    def notify(self, trial: Any) -> None:
        """Print a trial that ended."""
        from kseq.training.tuning.board import row

        if self.oracle is not None:
            self._print(row(self.oracle, self.space, trial))

    def progress(self, trial: str, epochs: int) -> list:
        """Callbacks that show how far a trial is."""
        if not sys.stdout.isatty():
            return []
        import keras

        def show(epoch: int, logs: dict[str, float]) -> None:
            score = logs.get(self.objective)
            text = "" if score is None else f", {self.objective} {score:.4g}"
            print(f"\r\033[Ktrial {trial}: epoch {epoch + 1} of {epochs}{text}", end="", flush=True)

        return [keras.callbacks.LambdaCallback(on_epoch_end=show)]

    def _print(self, row: "Row") -> None:
        from kseq.training.tuning.board import ranked, rows

        first = ranked(rows(self.oracle, self.space), self.mode)[:1]
        best = f"{first[0].score:.4g}" if first else "-"
        score = "-" if row.score is None else f"{row.score:.4g}"
        parameters = "-" if row.outcome.parameters is None else f"{row.outcome.parameters:,}"
        seconds = "-" if row.outcome.seconds is None else f"{row.outcome.seconds:.0f} s"
        epochs = "" if row.epochs is None else f"epochs={row.epochs} "
        values = row.outcome.error or epochs + " ".join(f"{k}={v}" for k, v in row.values.items())
        start = "\r\033[K" if sys.stdout.isatty() else ""
        line = f"{row.id:>5} {row.status:8} {score:>14} {best:>10} {parameters:>11} {seconds:>7}  {values}"
        print(start + line, flush=True)


def report(
    search: "SearchDirectory", base: Any, space: "Space", oracle: "Memory", objective: str, mode: str
) -> "Row | None":
    """Print the leaderboard; write it, the pictures and the best configuration. Gives the best trial."""
    import yaml

    from kseq.files import write_text
    from kseq.inspection.search import objective_over_time, parallel_coordinates
    from kseq.training.tuning import board
    from kseq.training.tuning.space import Range

    found = board.rows(oracle, space)
    board.write(found, search.path / "leaderboard.csv", objective)
    best = board.ranked(found, mode)
    if not best:
        return None
    counts = ", ".join(
        f"{sum(row.status == status for row in found)} {status}"
        for status in ("done", "rejected", "failed")
        if any(row.status == status for row in found)
    )
    print(f"\n{counts}, {oracle.total():.0f} seconds; the best by {objective}:\n")
    for place, row in enumerate(best[:SHOWN], 1):
        values = " ".join(f"{name}={value}" for name, value in row.values.items())
        print(f"{place:>3}. {row.score:<10.5g} trial {row.id}  {values}")
    print()
    text = yaml.safe_dump(as_dict(dataclasses.replace(base, **best[0].values)), sort_keys=False, width=100)
    write_text(search.best, text)
    title = f"{search.path.name}: {objective} of {len(best)} trials"
    about = {"objective": objective, "mode": mode, "title": title}
    log = [name for name, dimension in space.items() if isinstance(dimension, Range) and dimension.log]
    scores, values = [row.score for row in best], [row.values for row in best]
    parallel_coordinates(values, scores, search.path / "parallel_coordinates.png", log=log, **about)
    timed = sorted((row.after or 0.0, row.score) for row in best)
    hours, scores = [after / 3600 for after, _ in timed], [score for _, score in timed]
    objective_over_time(hours, scores, search.path / "objective.png", **about)
    return best[0]
