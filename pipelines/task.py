"""A task on texts is a class; `pipelines.verbs` makes a program of it."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pipelines import exporting, fitting, runs
from pipelines.config import option

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    from kseq.training.run import RunDirectory
    from kseq.training.tuning.space import Space

PARTS = ("train", "validation", "test")


@dataclasses.dataclass(frozen=True)
class Evaluate(runs.TrainedRun):
    """Options of `evaluate`."""

    data: str | None = option(None, "data to score on; none: the run's own")
    part: str = option("test", "which part of it", choices=PARTS)


class Task:
    """What a task says of its data, its model and its report.

    `data` is whatever `read` gives; `reader`, a `kseq.export.reader.Reader`, what `build` and `load` give:
    from raw text to results, the trained network being `reader.model`.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    Config: ClassVar[type]
    #: what `tune` chooses from, by field of the configuration
    space: ClassVar["Space"]
    Evaluate: ClassVar[type] = Evaluate
    Predict: ClassVar[type] = runs.Texts
    #: what the verbs do, as `--help` says it
    helps: ClassVar[dict[str, str]]
    #: files of a run that people look at
    files: ClassVar[str]
    #: what it can be exported as
    formats: ClassVar[tuple[str, ...]] = exporting.FORMATS
    #: what of a report a reader that runs LiteRT can be asked for
    scores: ClassVar[tuple[str, ...]] = ()

    def read(self, config: Any, source: str | None = None, reader: Any = None) -> Any:
        """The data of a configuration, or other data for a reader that is trained.

        What is given has `name` and `note`, and `sizes`, of its parts; `batches(part, config)` for `fit`,
        and `count(part)`, their tokens.
        """
        raise NotImplementedError

    def resolve(self, config: Any, data: Any) -> Any:
        """The configuration with what the data decided."""
        return config

    def build(self, config: Any, data: Any) -> Any:
        """A reader with a new model, compiled."""
        raise NotImplementedError

    def load(self, config: Any, run: "RunDirectory") -> Any:
        """The reader of a run."""
        raise NotImplementedError

    def save_vocabulary(self, data: Any, run: "RunDirectory") -> None:
        """Write what `load` needs besides the model."""
        raise NotImplementedError

    def describe(self, config: Any, data: Any) -> dict[str, Any]:
        """Lines for the start of training: label to text."""
        raise NotImplementedError

    def network(self, config: Any) -> str:
        """The network in a few words."""
        raise NotImplementedError

    def monitored(self, config: Any) -> tuple[str, str]:
        """What epochs are compared by, and whether more of it is better (`"max"`) or less (`"min"`)."""
        raise NotImplementedError

    def objective(self, config: Any) -> tuple[str, str]:
        """What `tune` compares by: the task's metric, and which way."""
        return self.monitored(config)

    def callbacks(self, config: Any, run: "RunDirectory", reader: Any, data: Any) -> list:
        """Callbacks of the task's own."""
        return []

    def measure(self, config: Any, reader: Any, data: Any) -> dict[str, float]:
        """Measured after each epoch, beside what `fit` measures."""
        return {}

    def report(self, reader: Any, data: Any, part: str) -> dict[str, Any]:
        """The scores on a part."""
        raise NotImplementedError

    def write_report(
        self, run: "RunDirectory", reader: Any, data: Any, part: str, options: Any = None
    ) -> dict[str, Any]:
        """Print the scores on a part, write files that show more, and give the scores.

        `options` are those of `evaluate`, None at the end of training.
        """
        raise NotImplementedError

    def curve(self) -> dict[str, Any]:
        """Options of the learning curve."""
        return {}

    def result(self, figures: dict[str, Any]) -> str:
        """The scores in a line."""
        raise NotImplementedError

    def example(self) -> str:
        """What to give `predict`, as on a command line."""
        return "--text 'your text'"

    def predict(self, reader: Any, options: Any) -> None:
        """Print results for the texts of the options."""
        raise NotImplementedError

    def lite(self, reader: Any) -> Any:
        """The reader as a `kseq.export.litert.task.LiteTask`."""
        raise NotImplementedError


def fit(
    task: Task,
    config: Any,
    run: "RunDirectory",
    reader: Any,
    data: Any,
    batches: "tf.data.Dataset",
    verbose: int | None = None,
    extra: Sequence["keras.callbacks.Callback"] = (),
) -> None:
    """Train the network of a reader as configured; in a block of `run.training`.

    Args:
        task: which.
        config: its configuration.
        run: where everything is written.
        reader: of `task.build`.
        data: of `task.read`.
        batches: of its training part.
        verbose: of Keras; None: as suits the terminal.
        extra: callbacks that read what the others add to the logs.
    """
    from kseq.training import fitting as training

    own = task.callbacks(config, run, reader, data)
    standard = fitting.callbacks(
        config,
        run,
        *task.monitored(config),
        steps_per_epoch=len(batches),
        tokens_per_step=data.count("train") // len(batches),
        batches=batches,
        measure=lambda: task.measure(config, reader, data),
    )
    training.fit(
        reader.model,
        batches,
        [*own, *standard[:-1], *extra, standard[-1]],
        epochs=config.epochs,
        validation_data=data.batches("validation", config),
        verbose=runs.verbosity() if verbose is None else verbose,
    )
