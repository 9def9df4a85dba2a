"""The verbs of a task, written once for all: train, tune, evaluate, predict, export."""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kseq.errors import one_of
from pipelines import exporting, runs, tuning
from pipelines.pipeline import Pipeline, Verb
from pipelines.task import PARTS, Task, fit

if TYPE_CHECKING:
    import keras

    from kseq.training.run import RunDirectory


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
    name, score = options.name or task.name, _score(task, config, reader, options.measure)
    exporting.keras_scores(options, score, reader)
    if "saved_model" in options.formats:
        path = save_reader(reader, options.saved_models, name, **about)
        exporting.saved_model(path, reader, score)
    if "litert" in options.formats:
        exporting.litert(options, name, task.lite(reader), about, score)


def _score(task: Task, config: Any, reader: Any, part: str) -> Callable[[Any], dict[str, float]] | None:
    """From a reader to its scores on a part of the run's data; None if there are none, or no data here."""
    if part == "none" or not task.scores:
        return None
    data = exporting.data_if_here(lambda: task.read(config, None, reader))
    if data is None:
        return None

    def score(one: Any) -> dict[str, float]:
        report = task.report(one, data, part)
        return {key: report[key] for key in task.scores}

    return score


def _restore(task: Task, options: runs.TrainedRun) -> "tuple[RunDirectory, Any, Any]":
    """Run, configuration and reader."""
    from pipelines.config import read_yaml

    run = runs.find(task.name, options)
    config = task.Config(**read_yaml(run.path / "config.yaml", task.Config))
    return run, config, task.load(config, run)


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
