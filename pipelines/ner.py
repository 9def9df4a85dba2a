"""Named entities: learn to find names in text, with a recurrent network and a CRF.

`python -m pipelines.ner train` learns from sentences made by a grammar; `--data` takes a CoNLL file,
a directory of splits or a tfds name.
"""

import dataclasses
from typing import TYPE_CHECKING, Any

from kseq.errors import positive
from kseq.training.tuning.space import Choice, Range
from pipelines import encoding, entities, fitting, runs, task, verbs
from pipelines.config import option
from pipelines.encoding import Encoding
from pipelines.fitting import Fitting
from pipelines.pipeline import main

if TYPE_CHECKING:
    from kseq.export.tagger import TextTagger
    from kseq.training.run import RunDirectory


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


SPACE = {
    **encoding.SPACE,
    "characters": Choice("cnn", "lstm", "none"),
    "head": Choice("crf", "softmax"),
    "learning_rate": Range(5e-4, 1e-2, log=True),
    "clip_norm": Choice(1.0, 5.0, 20.0),
    "batch_size": Choice(8, 16, 32),
}


@dataclasses.dataclass(frozen=True)
class Evaluate(task.Evaluate):
    """Options of `evaluate`."""

    errors: int = option(20, "sentences with errors to show; the file in the run directory has all")

    def __post_init__(self) -> None:
        positive("errors", self.errors)


@dataclasses.dataclass(frozen=True)
class Predict(runs.Texts):
    """Options of `predict`."""

    tokens: bool = option(False, "texts are tokens already, with spaces between them")


class NamedEntities(task.Task):
    """Entities in sentences."""

    name = "ner"
    summary = "find named entities in text"
    Config = Config
    space = SPACE
    Evaluate = Evaluate
    Predict = Predict
    helps = {
        "train": "train a tagger and report on the test sentences",
        "evaluate": "score the entities of tagged sentences and list the errors",
        "predict": "find the entities of texts",
        "export": "write a SavedModel that takes raw text, or LiteRT models",
    }
    files = "confusion.png, errors.txt"
    scores = ("f1",)

    def read(
        self, config: Config, source: str | None = None, reader: "TextTagger | None" = None
    ) -> entities.Data:
        return entities.read(config, source, reader and reader.features)

    def resolve(self, config: Config, data: entities.Data) -> Config:
        return dataclasses.replace(config, level=data.level)

    def build(self, config: Config, data: entities.Data) -> "TextTagger":
        from kseq.export.tagger import TextTagger
        from kseq.losses import CRFLoss
        from kseq.models import Tagger

        encoder = encoding.encoder(config, data.features.sizes)
        model = Tagger(encoder, data.labels, config.scheme, head=config.head, seed=config.seed)
        model.build()
        encoding.begin(config, encoder, data)
        model.compile(fitting.optimizer(config), CRFLoss())
        return TextTagger(model, data.features, config.level)

    def load(self, config: Config, run: "RunDirectory") -> "TextTagger":
        from kseq.export.tagger import TextTagger

        return TextTagger(*encoding.load(run), config.level)

    def save_vocabulary(self, data: entities.Data, run: "RunDirectory") -> None:
        data.features.save(run.vocabulary)

    def describe(self, config: Config, data: entities.Data) -> dict[str, Any]:
        tags = f"{', '.join(data.corpus.types)}; {data.corpus.scheme}, learned as {config.scheme}"
        return {"tags": tags, **encoding.describe(config, data)}

    def monitored(self, config: Config) -> tuple[str, str]:
        return "val_f1", "max"

    def network(self, config: Config) -> str:
        return f"{encoding.network(config)}, {config.head}"

    def measure(self, config: Config, reader: "TextTagger", data: entities.Data) -> dict[str, float]:
        return {"val_f1": entities.report(reader, data, "validation")["f1"]}

    def report(self, reader: "TextTagger", data: entities.Data, part: str) -> dict[str, Any]:
        return entities.report(reader, data, part)

    def write_report(
        self, run: "RunDirectory", reader: "TextTagger", data: entities.Data, part: str, options: Any = None
    ) -> dict[str, Any]:
        return entities.write_report(run, reader, data, part, options and options.errors)

    def curve(self) -> dict[str, Any]:
        return {"unit": "F1 of the entities, validation"}

    def result(self, figures: dict[str, Any]) -> str:
        unseen = figures.get("unseen", {"f1": 0.0, "support": 0})
        return f"F1 {figures['f1']:.2%}; of {unseen['support']} entities not in training {unseen['f1']:.2%}"

    def predict(self, reader: "TextTagger", options: Predict) -> None:
        entities.predict(reader, options)

    def lite(self, reader: "TextTagger") -> Any:
        from kseq.export.litert.tagger import LiteTagger

        return LiteTagger(reader)


PIPELINE = verbs.pipeline(NamedEntities())

if __name__ == "__main__":
    raise SystemExit(main(PIPELINE))
