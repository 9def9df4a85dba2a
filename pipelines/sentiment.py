"""Sentiment, and any other label of a text: learn it with a recurrent network.

`python -m pipelines.sentiment train` learns from sentences made by a grammar; `--data` takes a table
(TSV, CSV, JSONL), a folder or a tfds name.
"""

import dataclasses
from typing import TYPE_CHECKING, Any

from kseq.errors import positive
from pipelines import encoding, fitting, labels, runs
from pipelines.config import option
from pipelines.encoding import Encoding
from pipelines.fitting import Fitting
from pipelines.pipeline import Pipeline, Verb, main

if TYPE_CHECKING:
    from kseq.data.token_features import TokenFeatures
    from kseq.export.classifier import TextClassifier
    from kseq.models import Classifier
    from kseq.training.run import RunDirectory

TASK = "sentiment"


@dataclasses.dataclass(frozen=True)
class Texts:
    """The texts and their labels; the defaults are for the embedded sentences."""

    data: str = option("kseq_sentiment/en", "table (TSV, CSV, JSONL; .gz too), folder, or tfds name")
    text_column: str | None = option(None, "column of the texts, by number or name; none: found")
    label_column: str | None = option(None, "column of the labels, likewise")
    labels: str | None = option(None, "which to keep, as in '0,1=negative; 3,4=positive'; none: all")
    encoding: str = option("utf-8", "of the files")
    validation: float = option(0.1, "share of the texts for validation where there is no such part")
    test: float = option(0.0, "share for testing, likewise; 0: validation serves as test")
    max_tokens: int | None = option(400, "tokens of a text that are read")
    keep: str = option("both", "which end of a longer text", choices=("start", "end", "both"))
    pooling: str = option(
        "max", "from steps to one vector", choices=("last", "mean", "max", "all", "attention")
    )
    window: int | None = option(None, "tokens read at once; the state is carried on; none: the whole text")
    balance: bool = option(False, "let all labels count alike, however rare")


@dataclasses.dataclass(frozen=True)
class Config(Fitting, Encoding, Texts):
    """What a classifier is made from."""

    characters: str = option(
        "none", "network over the characters of a token", choices=("cnn", "lstm", "none")
    )
    casing: bool = option(False, "tell the network how a token is capitalised")
    embedding_scale: float = option(0.1, "bound of the numbers that embeddings begin with")
    batch_size: int = option(32, "texts a batch")
    epochs: int = option(10, "times through the data at most")
    learning_rate: float = option(2e-3, "of the optimizer, or its peak")
    clip_norm: float | None = option(1.0, "largest norm of the gradient")
    patience: int | None = option(None, "epochs without improvement before training ends")
    time_limit: float | None = option(180.0, "seconds of training at most; a cosine schedule ends with it")

    def __post_init__(self) -> None:
        super().__post_init__()
        positive("max_tokens", self.max_tokens)
        positive("window", self.window)
        shares = ("validation", "test")
        self.check(positives=encoding.POSITIVE, fractions=(*encoding.FRACTIONS, *shares))


@dataclasses.dataclass(frozen=True)
class Train(Config, runs.NewRun):
    """Options of `train`."""


@dataclasses.dataclass(frozen=True)
class Evaluate(runs.TrainedRun):
    """Options of `evaluate`."""

    data: str | None = option(None, "labelled texts; none: the run's own data")
    part: str = option("test", "which part of them", choices=("train", "validation", "test"))


@dataclasses.dataclass(frozen=True)
class Export(runs.TrainedRun):
    """Options of `export`."""

    name: str = option(TASK, "name of the export")
    saved_models: str = option("saved_models", "directory of all exports")


def train(options: Train) -> int | None:
    """Train a classifier and report on the test texts."""
    import keras

    config = runs.split_options(options, Config)
    runs.check_resume(options)
    keras.utils.set_random_seed(config.seed)
    data = labels.read(config)
    config = dataclasses.replace(config, level=data.level)
    classifier = build(config, data)
    batches = data.batches("train", config)
    run = runs.start(TASK, config, options, data.corpus.name, config.seed)

    with run.training():
        runs.say("run", run.path)
        describe(config, data, classifier.model)
        data.features.save(run.vocabulary)
        classifier.model.fit(
            batches,
            validation_data=data.batches("validation", config),
            epochs=config.epochs,
            shuffle=False,
            verbose=runs.verbosity(),
            callbacks=fitting.callbacks(
                config,
                run,
                "val_accuracy",
                "max",
                steps_per_epoch=len(batches),
                tokens_per_step=data.count("train") // len(batches),
            ),
        )
        _, classifier = restore(run)
        print()
        run.write_metrics(validation=labels.report(classifier, data, "validation"))
        figures = labels.write_report(run, classifier, data, "test")
        run.write_metrics(test=figures)
        draw(run, config, data.corpus.name)
    if run.status == "interrupted":
        print(f"\ninterrupted; go on with: {runs.resume_command(TASK, run)}")
        return 130
    summary(run, figures)
    return None


def evaluate(options: Evaluate) -> None:
    """Score labelled texts."""
    run = runs.find(TASK, options)
    config, classifier = restore(run)
    data = labels.read(config, options.data, classifier.features)
    runs.say("run", run.path)
    runs.say("texts", f"{options.part} part of {data.corpus.name}; {data.corpus.note}")
    labels.write_report(run, classifier, data, options.part)
    runs.say("files", f"{run.path}/ (confusion.png, calibration.png, errors.jsonl)")


def predict(options: runs.Texts) -> None:
    """Find the labels of texts."""
    run = runs.find(TASK, options)
    _, classifier = restore(run)
    labels.predict(classifier, options)


def export(options: Export) -> None:
    """Write a SavedModel that takes raw text, and check it."""
    from kseq.export.classifier import save_classifier, signatures

    run = runs.find(TASK, options)
    _, classifier = restore(run)
    config = {"task": TASK, "run": run.name, **run.config}
    path = save_classifier(classifier, options.saved_models, options.name, config=config, metrics=run.metrics)
    runs.say("export", f"{path}, loaded back and equal to the model")
    for name, signature in signatures(classifier.model).items():
        runs.say("signature", f"{name}: {signature}")


def build(config: Config, data: labels.Data) -> "TextClassifier":
    """The model, compiled, and what it needs to read text."""
    from kseq.models import Classifier

    encoder = encoding.encoder(config, data.features.sizes)
    model = Classifier(encoder, data.corpus.labels, pooling=config.pooling, seed=config.seed)
    model.build()
    if data.vectors is not None:
        encoder.set_vectors("tokens", *data.vectors)
    model.compile(fitting.optimizer(config), model.make_loss(), weighted_metrics=["accuracy"])
    return text_classifier(config, model, data.features)


def restore(run: "RunDirectory") -> tuple[Config, "TextClassifier"]:
    """Configuration and classifier of a run."""
    from kseq.data.token_features import TokenFeatures
    from pipelines.config import read_yaml

    config = Config(**read_yaml(run.path / "config.yaml", Config))
    return config, text_classifier(config, runs.load_model(run), TokenFeatures.load(run.vocabulary))


def text_classifier(config: Config, model: "Classifier", features: "TokenFeatures") -> "TextClassifier":
    """A model with the way from raw text to its inputs."""
    from kseq.export.classifier import TextClassifier

    cut = {"max_tokens": config.max_tokens, "keep": config.keep, "window": config.window}
    return TextClassifier(model, features, config.level, **cut)


def describe(config: Config, data: labels.Data, model: "Classifier") -> None:
    """Say what is about to be trained on what."""
    sizes = [f"{len(getattr(data.corpus, part)):,} {part}" for part in ("train", "validation", "test")]
    runs.say("data", f"{data.corpus.name}: {', '.join(sizes)} texts")
    runs.say("", data.corpus.note)
    runs.say("labels", ", ".join(data.corpus.labels))
    known = ", ".join(f"{size:,} {name}" for name, size in data.features.sizes.items())
    runs.say("features", f"{known}; text is split by {config.level}")
    if data.vectors is not None:
        runs.say("vectors", f"{data.vectors[1].mean():.1%} of the words have one in {config.vectors}")
    network = f"{encoding.describe(config)}, {config.pooling} pooling"
    runs.say("model", f"{network}, {model.count_params():,} parameters")


def draw(run: "RunDirectory", config: Config, data: str) -> None:
    """Draw the learning curve."""
    from kseq.inspection.curves import learning_curve

    learning_curve(
        run.history,
        run.learning_curve,
        metric="accuracy",
        mode="max",
        title=f"{data}: {encoding.describe(config)}, {config.pooling} pooling",
    )


def summary(run: "RunDirectory", figures: dict[str, Any]) -> None:
    """Say how it went and what can be done next."""
    runs.say("test", f"accuracy {figures['accuracy']:.2%}, macro F1 {figures['macro_f1']:.2%}")
    runs.say(
        "files", f"{run.path}/ (confusion.png, calibration.png, errors.jsonl, metrics.json, model.keras)"
    )
    runs.say("next", f"python -m pipelines.{TASK} predict --run {run.path} --text 'your text'")
    runs.say("", f"python -m pipelines.{TASK} export --run {run.path}")


PIPELINE = Pipeline(
    TASK,
    "find the sentiment, or any other label, of texts",
    (
        Verb("train", "train a classifier and report on the test texts", Train, train, config_file=True),
        Verb("evaluate", "score labelled texts", Evaluate, evaluate),
        Verb("predict", "find the labels of texts", runs.Texts, predict),
        Verb("export", "write a SavedModel that takes raw text", Export, export),
    ),
)

if __name__ == "__main__":
    raise SystemExit(main(PIPELINE))
