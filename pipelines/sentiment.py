"""Sentiment, and any other label of a text: learn it with a recurrent network.

`python -m pipelines.sentiment train` learns from sentences made by a grammar; `--data` takes a table
(TSV, CSV, JSONL), a folder or a tfds name.
"""

import dataclasses
from typing import TYPE_CHECKING, Any

from kseq.errors import positive
from kseq.training.tuning.space import Choice, Range
from pipelines import encoding, fitting, labels
from pipelines.config import option
from pipelines.encoding import Encoding
from pipelines.fitting import Fitting
from pipelines.pipeline import main
from pipelines.task import Task
from pipelines.verbs import pipeline

if TYPE_CHECKING:
    from kseq.data.token_features import TokenFeatures
    from kseq.export.classifier import TextClassifier
    from kseq.models import Classifier
    from kseq.training.run import RunDirectory


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


SPACE = {
    **encoding.SPACE,
    "pooling": Choice("last", "mean", "max", "attention"),
    "learning_rate": Range(5e-4, 1e-2, log=True),
    "clip_norm": Choice(0.5, 1.0, 5.0),
    "batch_size": Choice(16, 32, 64),
}


class Sentiment(Task):
    """Labels of texts."""

    name = "sentiment"
    summary = "find the sentiment, or any other label, of texts"
    Config = Config
    space = SPACE
    helps = {
        "train": "train a classifier and report on the test texts",
        "evaluate": "score labelled texts",
        "predict": "find the labels of texts",
        "export": "write a SavedModel that takes raw text, or LiteRT models",
    }
    files = "confusion.png, calibration.png, errors.jsonl"
    scores = ("accuracy", "macro_f1")

    def read(
        self, config: Config, source: str | None = None, reader: "TextClassifier | None" = None
    ) -> labels.Data:
        return labels.read(config, source, reader and reader.features)

    def resolve(self, config: Config, data: labels.Data) -> Config:
        return dataclasses.replace(config, level=data.level)

    def build(self, config: Config, data: labels.Data) -> "TextClassifier":
        from kseq.models import Classifier

        encoder = encoding.encoder(config, data.features.sizes)
        model = Classifier(encoder, data.corpus.labels, pooling=config.pooling, seed=config.seed)
        model.build()
        encoding.begin(config, encoder, data)
        model.compile(fitting.optimizer(config), model.make_loss(), weighted_metrics=["accuracy"])
        return _reader(config, model, data.features)

    def load(self, config: Config, run: "RunDirectory") -> "TextClassifier":
        return _reader(config, *encoding.load(run))

    def save_vocabulary(self, data: labels.Data, run: "RunDirectory") -> None:
        data.features.save(run.vocabulary)

    def describe(self, config: Config, data: labels.Data) -> dict[str, Any]:
        return {"labels": ", ".join(data.corpus.labels), **encoding.describe(config, data)}

    def monitored(self, config: Config) -> tuple[str, str]:
        return "val_accuracy", "max"

    def network(self, config: Config) -> str:
        return f"{encoding.network(config)}, {config.pooling} pooling"

    def report(self, reader: "TextClassifier", data: labels.Data, part: str) -> dict[str, Any]:
        return labels.report(reader, data, part)

    def write_report(
        self,
        run: "RunDirectory",
        reader: "TextClassifier",
        data: labels.Data,
        part: str,
        options: Any = None,
    ) -> dict[str, Any]:
        return labels.write_report(run, reader, data, part)

    def result(self, figures: dict[str, Any]) -> str:
        return f"accuracy {figures['accuracy']:.2%}, macro F1 {figures['macro_f1']:.2%}"

    def predict(self, reader: "TextClassifier", options: Any) -> None:
        labels.predict(reader, options)

    def lite(self, reader: "TextClassifier") -> Any:
        from kseq.export.litert.classifier import LiteClassifier

        return LiteClassifier(reader)


def _reader(config: Config, model: "Classifier", features: "TokenFeatures") -> "TextClassifier":
    from kseq.export.classifier import TextClassifier

    cut = {"max_tokens": config.max_tokens, "keep": config.keep, "window": config.window}
    return TextClassifier(model, features, config.level, **cut)


PIPELINE = pipeline(Sentiment())

if __name__ == "__main__":
    raise SystemExit(main(PIPELINE))
