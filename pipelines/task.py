"""A task on texts is a class; `pipeline` makes the verbs of it, which are written here once for all."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from kseq.errors import one_of
from pipelines import exporting, fitting, runs, tuning
from pipelines.config import option
from pipelines.pipeline import Pipeline, Verb

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


def pipeline(task: Task) -> Pipeline:
    """The program of a task."""
    train_options = dataclasses.make_dataclass("Train", (), bases=(task.Config, runs.NewRun), frozen=True)
    options = {"train": train_options, "evaluate": task.Evaluate, "predict": task.Predict}
    options["export"] = exporting.Export
    verbs = {"train": train, "evaluate": evaluate, "predict": predict, "export": export}
    made = {
        name: Verb(
            name,
            task.helps[name],
            options[name],
            lambda given, run=run: run(task, given),
            config_file=name == "train",
        )
        for name, run in verbs.items()
    }
    ordered = (made["train"], tuning.verb(task), *(made[name] for name in verbs if name != "train"))
    return Pipeline(task.name, task.summary, ordered)


def train(task: Task, options: Any) -> int | None:
    """Train a model and report on the test part."""
    import keras

    from kseq.training.distribution import scope

    config = runs.split_options(options, task.Config)
    runs.check_resume(options)
    strategy = runs.distribute(options)
    keras.utils.set_random_seed(config.seed)
    data = task.read(config)
    config = task.resolve(config, data)
    with scope(strategy):
        reader = task.build(config, data)
    batches = data.batches("train", config)
    run = runs.start(task.name, config, options, data.name, config.seed)

    with run.training():
        runs.say("run", run.path)
        _describe(task, config, data, reader.model)
        task.save_vocabulary(data, run)
        fit(task, config, run, reader, data, batches)
        reader = task.load(config, run)
        print()
        run.write_metrics(validation=task.report(reader, data, "validation"))
        figures = task.write_report(run, reader, data, "test")
        run.write_metrics(test=figures)
        _draw(task, run, config, data)
    if run.status == "interrupted":
        print(f"\ninterrupted; go on with: {runs.resume_command(task.name, run, options)}")
        return 130
    runs.forget_others(run, options)
    runs.say("test", task.result(figures))
    runs.say("files", f"{run.path}/ ({task.files}, learning_curve.png, metrics.json, model.keras)")
    runs.say("next", f"python -m pipelines.{task.name} predict --run {run.path} {task.example()}")
    runs.say("", f"python -m pipelines.{task.name} export --run {run.path}")
    return None


def evaluate(task: Task, options: Any) -> None:
    """Score a part of the run's own data or of other data."""
    run, config, reader = _restore(task, options)
    data = task.read(config, options.data, reader)
    runs.say("run", run.path)
    runs.say("data", f"{options.part} part of {data.name}; {data.note}")
    task.write_report(run, reader, data, options.part, options)
    runs.say("files", f"{run.path}/ ({task.files})")


def predict(task: Task, options: Any) -> None:
    """Results for raw texts."""
    task.predict(_restore(task, options)[2], options)


def export(task: Task, options: exporting.Export) -> None:
    """Write a SavedModel that takes raw text, LiteRT models, or both, and check them."""
    from kseq.export.reader import save_reader

    for chosen in options.formats:
        one_of("formats", chosen, task.formats)
    run, config, reader = _restore(task, options)
    about = {"config": {"task": task.name, "run": run.name, **run.config}, "metrics": run.metrics}
    name = options.name or task.name
    if "saved_model" in options.formats:
        path = save_reader(reader, options.saved_models, name, **about)
        runs.say("export", f"{path}, loaded back and equal to the model")
        for signature, words in reader.signatures().items():
            runs.say("signature", f"{signature}: {words}")
    if "litert" in options.formats:
        score = None
        if options.measure != "none" and task.scores:
            data = task.read(config, None, reader)

            def score(one: Any) -> dict[str, float]:
                report = task.report(one, data, options.measure)
                return {key: report[key] for key in task.scores}

        exporting.litert(options, name, task.lite(reader), about, score, reader)


def _restore(task: Task, options: runs.TrainedRun) -> "tuple[RunDirectory, Any, Any]":
    """Run, configuration and reader."""
    from pipelines.config import read_yaml

    run = runs.find(task.name, options)
    config = task.Config(**read_yaml(run.path / "config.yaml", task.Config))
    return run, config, task.load(config, run)


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


def _describe(task: Task, config: Any, data: Any, model: "keras.Model") -> None:
    sizes = ", ".join(f"{size:,} {part}" for part, size in zip(PARTS, data.sizes, strict=True))
    runs.say("data", f"{data.name}: {sizes}")
    runs.say("", data.note)
    for label, text in task.describe(config, data).items():
        runs.say(label, text)
    runs.say("model", f"{task.network(config)}, {model.count_params():,} parameters")


def _draw(task: Task, run: "RunDirectory", config: Any, data: Any) -> None:
    from kseq.inspection.curves import learning_curve

    monitor, mode = task.monitored(config)
    options = {"metric": monitor.removeprefix("val_"), "mode": mode, **task.curve()}
    title = f"{data.name}: {task.network(config)}"
    learning_curve(run.history, run.learning_curve, title=title, **options)
