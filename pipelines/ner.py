"""Named entities: learn to find names in text, with a recurrent network and a CRF.

`python -m pipelines.ner train` learns from sentences made by a grammar; `--data` takes a CoNLL file,
a directory of splits or a tfds name.
"""

import dataclasses
from typing import TYPE_CHECKING, Any

from kseq.errors import positive
from pipelines import encoding, entities, fitting, runs
from pipelines.config import option
from pipelines.encoding import Encoding
from pipelines.fitting import Fitting
from pipelines.pipeline import Pipeline, Verb, main

if TYPE_CHECKING:
    from kseq.export.tagger import TextTagger
    from kseq.models import Tagger
    from kseq.training.run import RunDirectory

TASK = "ner"


@dataclasses.dataclass(frozen=True)
class Sentences:
    """The sentences and their tags; the defaults are for the embedded sentences."""

    data: str = option("kseq_entities/en", "CoNLL file (.gz too), directory of splits, or tfds name")
    token_column: str = option("0", "column of the tokens, by number or name")
    tag_column: str = option("-1", "column of the tags, likewise; -1: the last")
    validation: float = option(0.1, "share of the sentences for validation where there is no such part")
    test: float = option(0.0, "share for testing, likewise; 0: validation serves as test")
    scheme: str = option(
        "BIOES", "of the tags that the network gives", choices=("IOB1", "BIO", "BIOES", "BMES")
    )
    head: str = option("crf", "how tags are chosen", choices=("crf", "softmax"))


@dataclasses.dataclass(frozen=True)
class Config(Fitting, Encoding, Sentences):
    """What a tagger is made from."""

    epochs: int = option(15, "times through the data at most")
    learning_rate: float = option(3e-3, "of the optimizer, or its peak")
    clip_norm: float | None = option(5.0, "largest norm of the gradient of the loss of a sentence")
    patience: int | None = option(5, "epochs without improvement before training ends")
    time_limit: float | None = option(180.0, "seconds of training at most; a cosine schedule ends with it")

    def __post_init__(self) -> None:
        super().__post_init__()
        shares = ("validation", "test")
        self.check(positives=encoding.POSITIVE, fractions=(*encoding.FRACTIONS, *shares))


@dataclasses.dataclass(frozen=True)
class Train(Config, runs.NewRun):
    """Options of `train`."""


@dataclasses.dataclass(frozen=True)
class Evaluate(runs.TrainedRun):
    """Options of `evaluate`."""

    data: str | None = option(None, "tagged sentences; none: the run's own data")
    part: str = option("test", "which part of them", choices=("train", "validation", "test"))
    errors: int = option(20, "sentences with errors to show; the file in the run directory has all")

    def __post_init__(self) -> None:
        positive("errors", self.errors)


@dataclasses.dataclass(frozen=True)
class Predict(runs.Texts):
    """Options of `predict`."""

    tokens: bool = option(False, "texts are tokens already, with spaces between them")


@dataclasses.dataclass(frozen=True)
class Export(runs.TrainedRun):
    """Options of `export`."""

    name: str = option(TASK, "name of the export")
    saved_models: str = option("saved_models", "directory of all exports")


def train(options: Train) -> int | None:
    """Train a tagger and report on the test sentences."""
    import keras

    config = runs.split_options(options, Config)
    runs.check_resume(options)
    keras.utils.set_random_seed(config.seed)
    data = entities.read(config)
    config = dataclasses.replace(config, level=data.level)
    tagger = build(config, data)
    batches = data.batches("train", config.batch_size, seed=config.seed)
    run = runs.start(TASK, config, options, data.corpus.name, config.seed)

    with run.training():
        runs.say("run", run.path)
        describe(config, data, tagger.model)
        data.features.save(run.vocabulary)
        tagger.model.fit(
            batches,
            validation_data=data.batches("validation", config.batch_size),
            epochs=config.epochs,
            shuffle=False,
            verbose=runs.verbosity(),
            callbacks=fitting.callbacks(
                config,
                run,
                "val_f1",
                "max",
                steps_per_epoch=len(batches),
                tokens_per_step=data.count("train") // len(batches),
                measure=lambda: {"val_f1": entities.report(tagger, data, "validation")["f1"]},
            ),
        )
        _, tagger = restore(run)
        print()
        run.write_metrics(validation=entities.report(tagger, data, "validation"))
        figures = entities.write_report(run, tagger, data, "test")
        run.write_metrics(test=figures)
        draw(run, config, data.corpus.name)
    if run.status == "interrupted":
        print(f"\ninterrupted; go on with: {runs.resume_command(TASK, run)}")
        return 130
    summary(run, figures)
    return None


def evaluate(options: Evaluate) -> None:
    """Score the entities of tagged sentences, and list the errors."""
    run = runs.find(TASK, options)
    config, tagger = restore(run)
    data = entities.read(config, options.data, tagger.features)
    runs.say("run", run.path)
    runs.say("sentences", f"{options.part} part of {data.corpus.name}; {data.corpus.note}")
    entities.write_report(run, tagger, data, options.part, show=options.errors)


def predict(options: Predict) -> None:
    """Find the entities of texts."""
    run = runs.find(TASK, options)
    _, tagger = restore(run)
    entities.predict(tagger, options)


def export(options: Export) -> None:
    """Write a SavedModel that takes raw text, and check it."""
    from kseq.export.tagger import SIGNATURES, save_tagger

    run = runs.find(TASK, options)
    _, tagger = restore(run)
    config = {"task": TASK, "run": run.name, **run.config}
    path = save_tagger(tagger, options.saved_models, options.name, config=config, metrics=run.metrics)
    runs.say("export", f"{path}, loaded back and equal to the model")
    for name, signature in SIGNATURES.items():
        runs.say("signature", f"{name}: {signature}")


def build(config: Config, data: entities.Data) -> "TextTagger":
    """The model, compiled, and what it needs to read text."""
    from kseq.export.tagger import TextTagger
    from kseq.losses import CRFLoss
    from kseq.models import Tagger

    encoder = encoding.encoder(config, data.features.sizes)
    model = Tagger(encoder, data.labels, config.scheme, head=config.head, seed=config.seed)
    model.build()
    if data.vectors is not None:
        encoder.set_vectors("tokens", *data.vectors)
    model.compile(fitting.optimizer(config), CRFLoss())
    return TextTagger(model, data.features, config.level)


def restore(run: "RunDirectory") -> tuple[Config, "TextTagger"]:
    """Configuration and tagger of a run."""
    from kseq.data.token_features import TokenFeatures
    from kseq.export.tagger import TextTagger
    from pipelines.config import read_yaml

    config = Config(**read_yaml(run.path / "config.yaml", Config))
    model = runs.load_model(run)
    return config, TextTagger(model, TokenFeatures.load(run.vocabulary), config.level)


def describe(config: Config, data: entities.Data, model: "Tagger") -> None:
    """Say what is about to be trained on what."""
    sizes = [f"{len(getattr(data.corpus, part)):,} {part}" for part in ("train", "validation", "test")]
    runs.say("data", f"{data.corpus.name}: {', '.join(sizes)} sentences")
    runs.say("", data.corpus.note)
    runs.say("tags", f"{', '.join(data.corpus.types)}; {data.corpus.scheme}, learned as {config.scheme}")
    known = ", ".join(f"{size:,} {name}" for name, size in data.features.sizes.items())
    runs.say("features", f"{known}; raw text is split by {config.level}")
    if data.vectors is not None:
        runs.say("vectors", f"{data.vectors[1].mean():.1%} of the words have one in {config.vectors}")
    network = f"{encoding.describe(config)}, {config.head}"
    runs.say("model", f"{network}, {model.count_params():,} parameters")


def draw(run: "RunDirectory", config: Config, data: str) -> None:
    """Draw the learning curve."""
    from kseq.inspection.curves import learning_curve

    learning_curve(
        run.history,
        run.learning_curve,
        metric="f1",
        mode="max",
        unit="F1 of the entities, validation",
        title=f"{data}: {encoding.describe(config)}, {config.head}",
    )


def summary(run: "RunDirectory", figures: dict[str, Any]) -> None:
    """Say how it went and what can be done next."""
    unseen = figures.get("unseen", {"f1": 0.0, "support": 0})
    runs.say(
        "test",
        f"F1 {figures['f1']:.2%}; of {unseen['support']} entities not seen in training {unseen['f1']:.2%}",
    )
    runs.say(
        "files", f"{run.path}/ (confusion.png, errors.txt, learning_curve.png, metrics.json, model.keras)"
    )
    runs.say("next", f"python -m pipelines.ner predict --run {run.path} --text 'your text'")
    runs.say("", f"python -m pipelines.ner export --run {run.path}")


PIPELINE = Pipeline(
    TASK,
    "find named entities in text",
    (
        Verb("train", "train a tagger and report on the test sentences", Train, train, config_file=True),
        Verb("evaluate", "score the entities of tagged sentences and list the errors", Evaluate, evaluate),
        Verb("predict", "find the entities of texts", Predict, predict),
        Verb("export", "write a SavedModel that takes raw text", Export, export),
    ),
)

if __name__ == "__main__":
    raise SystemExit(main(PIPELINE))
