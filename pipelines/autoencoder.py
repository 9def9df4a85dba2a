"""Autoencoding: learn to read lines of text into a state that gives them back.

`python -m pipelines.autoencoder train --data lines.txt`; its encoder begins a tagger or classifier with
`--init-from`.
"""

import dataclasses
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kseq.errors import UserError, positive
from kseq.training.tuning.space import Choice, Range
from pipelines import encoding, fitting, runs
from pipelines.config import option
from pipelines.encoding import Encoding
from pipelines.fitting import Fitting
from pipelines.pipeline import main
from pipelines.task import PARTS, Task
from pipelines.verbs import pipeline

if TYPE_CHECKING:
    import tensorflow as tf

    from kseq.data.token_features import TokenFeatures
    from kseq.export.autoencoder import TextAutoencoder
    from kseq.training.run import RunDirectory

BATCH = 64  # lines given back at once
SHOWN = 5  # of them in the report


@dataclasses.dataclass(frozen=True)
class Lines:
    """The lines and the network that gives them back; the defaults are for the embedded text."""

    data: str = option("kseq_python_topics", "text file (.gz too), directory of splits, or tfds name")
    validation: float = option(0.05, "share of the text for validation where there is no such part")
    test: float = option(0.05, "share for testing, likewise; 0: validation serves as test")
    max_tokens: int | None = option(30, "tokens of a line that are read")
    decoder_units: int = option(256, "width of what writes")


@dataclasses.dataclass(frozen=True)
class Config(Fitting, Encoding, Lines):
    """What an autoencoder is made from."""

    casing: bool = option(False, "must stay off: an autoencoder sees words alone")
    characters: str = option("none", "must stay none, likewise", choices=("none",))
    dropout: float = option(0.2, "share of features dropped around the layers, one mask a line")
    word_dropout: float = option(0.0, "share of words that training takes for unknown")
    min_count: int = option(2, "words seen less often in training are unknown")
    batch_size: int = option(32, "lines a batch")
    epochs: int = option(20, "times through the data at most")
    learning_rate: float = option(3e-3, "of the optimizer, or its peak")
    clip_norm: float | None = option(5.0, "largest norm of the gradient of the loss of a line")

    def __post_init__(self) -> None:
        super().__post_init__()
        positive("max_tokens", self.max_tokens)
        self.check(
            positives=(*encoding.POSITIVE, "decoder_units"),
            fractions=(*encoding.FRACTIONS, "validation", "test"),
        )
        if self.casing or self.bigrams:
            raise UserError("`casing` and `bigrams` must stay off: an autoencoder sees words alone")


SPACE = {
    "cell": Choice("lstm", "peephole_lstm", "gru"),
    "embedding_dim": Choice(50, 100, 200),
    "units": Range(64, 256, 64),
    "num_layers": Range(1, 2),
    "decoder_units": Range(128, 512, 128),
    "dropout": Range(0.0, 0.4, 0.1),
    "learning_rate": Range(5e-4, 1e-2, log=True),
    "clip_norm": Choice(1.0, 5.0, 20.0),
    "batch_size": Choice(16, 32, 64),
}


@dataclasses.dataclass(frozen=True)
class Data:
    """Lines in tokens, and what an autoencoder sees of them."""

    name: str
    note: str
    level: str
    lines: dict[str, list[str]]  # by part
    tokens: dict[str, list[list[str]]]
    features: "TokenFeatures"
    vectors: Any = None

    @property
    def sizes(self) -> list[int]:
        """Number of lines of each part."""
        return [len(self.lines[part]) for part in PARTS]

    def count(self, part: str) -> int:
        """Tokens of a part."""
        return sum(map(len, self.tokens[part]))

    def batches(self, part: str, config: Config) -> "tf.data.Dataset":
        """Batches for `fit`, those to train on in another order each epoch."""
        from kseq.data.bucketed import bucketed_batches
        from kseq.models.autoencoder import examples

        order = {"shuffle": part == "train", "seed": config.seed}
        none = [0] * len(self.tokens[part])
        batches = bucketed_batches(self.features, self.tokens[part], none, config.batch_size, **order)
        return batches.map(lambda seen, _: examples(seen["tokens"], self.features.sizes["tokens"]))


class Autoencoder(Task):
    """Lines through a state and out again."""

    name = "autoencoder"
    summary = "read lines of text into a state that gives them back"
    Config = Config
    space = SPACE
    formats = ("saved_model",)
    helps = {
        "train": "train an autoencoder and report how much comes back",
        "evaluate": "how much of lines comes back",
        "predict": "what comes back of texts",
        "export": "write a SavedModel from raw text to a vector, and back",
    }
    files = "reconstructions.tsv"

    def read(
        self, config: Config, source: str | None = None, reader: "TextAutoencoder | None" = None
    ) -> Data:
        from kseq.data import read_splits

        corpus = read_splits(source or config.data, config.validation, config.test)
        lines = {part: _lines(getattr(corpus, part)) for part in PARTS}
        level = "word" if config.level == "auto" else config.level
        tokens = {part: _split(lines[part], level, config.max_tokens) for part in PARTS}
        features = reader and reader.features
        if features is None:
            features, _ = encoding.features(config, tokens["train"], [])
        return Data(corpus.name, corpus.note, level, lines, tokens, features)

    def resolve(self, config: Config, data: Data) -> Config:
        return dataclasses.replace(config, level=data.level)

    def build(self, config: Config, data: Data) -> "TextAutoencoder":
        from kseq.export.autoencoder import TextAutoencoder
        from kseq.losses import NextTokenLoss
        from kseq.metrics import TokenLoss
        from kseq.models import SequenceAutoencoder

        encoder = encoding.encoder(config, data.features.sizes)
        options = {"dropout": config.dropout, "seed": config.seed}
        model = SequenceAutoencoder(encoder, config.cell, config.decoder_units, **options)
        model.build()
        encoding.begin(config, encoder, data)
        model.compile(fitting.optimizer(config), NextTokenLoss(), weighted_metrics=[TokenLoss()])
        return TextAutoencoder(model, data.features, data.level, config.max_tokens)

    def load(self, config: Config, run: "RunDirectory") -> "TextAutoencoder":
        from kseq.export.autoencoder import TextAutoencoder

        return TextAutoencoder(*encoding.load(run), config.level, config.max_tokens)

    def save_vocabulary(self, data: Data, run: "RunDirectory") -> None:
        data.features.save(run.vocabulary)

    def describe(self, config: Config, data: Data) -> dict[str, Any]:
        return encoding.describe(config, data)

    def monitored(self, config: Config) -> tuple[str, str]:
        return "val_nats", "min"

    def network(self, config: Config) -> str:
        return f"{encoding.network(config)} to {config.decoder_units}"

    def report(self, reader: "TextAutoencoder", data: Data, part: str) -> dict[str, Any]:
        return _report(reader, data.lines[part])[0]

    def write_report(
        self, run: "RunDirectory", reader: "TextAutoencoder", data: Data, part: str, options: Any = None
    ) -> dict[str, Any]:
        from kseq.files import write_text

        figures, written = _report(reader, data.lines[part])
        rows = [f"{line}\t{text}\n" for line, text in zip(data.lines[part], written, strict=True)]
        write_text(run.path / "reconstructions.tsv", "line\tgiven back\n" + "".join(rows))
        for line, text in list(zip(data.lines[part], written, strict=True))[:SHOWN]:
            print(f"\n{line}\n  {text}")
        print(flush=True)
        return figures

    def curve(self) -> dict[str, Any]:
        return {"unit": "nats per token"}

    def result(self, figures: dict[str, Any]) -> str:
        return f"{figures['tokens']:.2%} of tokens come back, {figures['sequences']:.2%} of lines whole"

    def predict(self, reader: "TextAutoencoder", options: Any) -> None:
        import tensorflow as tf

        for text in runs.texts(options):
            found = reader.reconstruct(tf.constant([text]))["reconstruction"].numpy()[0].decode()
            print(json.dumps({"text": text, "reconstruction": found}, ensure_ascii=False), flush=True)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _split(lines: Sequence[str], level: str, max_tokens: int | None) -> list[list[str]]:
    import tensorflow as tf

    from kseq.data.segmentation import segment, truncate

    tokens = truncate(segment(tf.constant(list(lines)), level).tokens, max_tokens, "start")
    return [[token.decode() for token in row] for row in tokens.to_list()]


def _report(reader: "TextAutoencoder", lines: Sequence[str]) -> tuple[dict[str, float], list[str]]:
    """Shares of tokens and lines that come back, and what comes back of each line."""
    import numpy as np
    import tensorflow as tf

    from kseq.models.autoencoder import reconstruction_scores

    written: list[str] = []
    scores, weights = [], []
    give_back = tf.function(reader.model.reconstruct, reduce_retracing=True)
    for start in range(0, len(lines), BATCH):
        texts = tf.constant(list(lines[start : start + BATCH]))
        ids = reader.ids(texts)
        scores.append(reconstruction_scores(give_back(ids), ids))
        weights.append([np.count_nonzero(ids), len(texts)])
        written += [text.decode() for text in reader.reconstruct(texts)["reconstruction"].numpy()]
    columns = zip(("tokens", "sequences"), np.array(weights, float).T, strict=True)
    return {name: float(np.average([s[name] for s in scores], weights=w)) for name, w in columns}, written


PIPELINE = pipeline(Autoencoder())

if __name__ == "__main__":
    raise SystemExit(main(PIPELINE))
