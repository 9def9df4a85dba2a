"""Sequence to sequence: learn to turn texts into other texts, with recurrent networks and attention.

`python -m pipelines.translation train` learns dates from sentences made by patterns; `--data` takes a
table of pairs, a folder of aligned files, a pronouncing dictionary or a tfds name.
"""

import dataclasses
from typing import TYPE_CHECKING, Any

from kseq.errors import UserError, not_negative, one_of, positive
from kseq.training.tuning.space import Choice, Range
from pipelines import fitting, pairs, runs, task, verbs
from pipelines.config import option
from pipelines.encoding import CELLS
from pipelines.fitting import Fitting
from pipelines.pipeline import main

if TYPE_CHECKING:
    from kseq.export.translator import Translator
    from kseq.models import Seq2Seq
    from kseq.training.run import RunDirectory

LEVELS = ("char", "space", "word", "bpe")
SCORES = ("additive", "general", "dot", "scaled_dot", "none")
SCHEDULES = ("linear", "exponential", "inverse_sigmoid")


@dataclasses.dataclass(frozen=True)
class Pairs:
    """The pairs of texts; the defaults are for the embedded dates."""

    data: str = option("kseq_dates", "table of pairs, folder of aligned files, dictionary, or tfds name")
    source_language: str | None = option(None, "ending of aligned files, or name of a column; none: found")
    target_language: str | None = option(None, "likewise")
    test_set: str | None = option(None, "which of several test sets of aligned files; none: the first")
    stress: bool = option(True, "keep the stress digits of a pronouncing dictionary")
    encoding: str = option("utf-8", "of the files")
    validation: float = option(0.1, "share of the sources for validation where there is no such part")
    test: float = option(0.0, "share for testing, likewise; 0: validation serves as test")
    source_units: str = option("char", "what a token of the source is", choices=LEVELS)
    target_units: str = option("char", "what a token of the target is", choices=LEVELS)
    source_size: int | None = option(None, "how many of them at most; none: all, 8000 of bpe")
    target_size: int | None = option(None, "likewise")
    min_count: int = option(1, "tokens seen less often in training are unknown")
    shared: bool = option(False, "one vocabulary, and one embedding, for both sides")
    max_tokens: int = option(100, "pairs with a longer side are left out of training")
    metric: str = option("exact", "what epochs are compared by", choices=pairs.METRICS)
    measured: int = option(500, "validation pairs that are decoded for it after each epoch; 0: all")


@dataclasses.dataclass(frozen=True)
class Network:
    """The network."""

    cell: str = option("lstm", "recurrent cell", choices=CELLS)
    embedding_dim: int = option(64, "width of the embeddings")
    encoder_units: int = option(128, "width of a direction of the encoder")
    encoder_layers: int = option(1, "its recurrent layers")
    bidirectional: bool = option(True, "read the source in both directions")
    units: int = option(256, "width of the decoder")
    num_layers: int = option(1, "its recurrent layers")
    attention: str = option("additive", "score of the attention", choices=SCORES)
    coverage: bool = option(False, "attention knows what it has looked at before (additive)")
    input_feeding: bool = option(False, "the decoder hears its output of the step before; slower")
    tie_weights: bool = option(False, "the target embedding is the output layer as well")
    dropout: float = option(0.2, "share of features dropped around the layers, one mask a sequence")
    recurrent_dropout: float = option(0.0, "share of features dropped inside the recurrence")
    word_dropout: float = option(0.0, "share of fed target tokens that training takes for unknown")
    label_smoothing: float = option(0.0, "share of the target's probability spread over all tokens")
    sampling: str | None = option(None, "feed own tokens too: output, embedding, mean_embedding; none: no")
    sampling_schedule: str = option("inverse_sigmoid", "how the true share falls", choices=SCHEDULES)
    sampling_rate: float = option(1000.0, "its k; slope of a linear one")
    beam_size: int = option(5, "beams of the report and of `predict`")
    length_penalty: float = option(0.6, "exponent of the length that scores are divided by")


@dataclasses.dataclass(frozen=True)
class Config(Fitting, Network, Pairs):
    """What a translator is made from."""

    batch_size: int = option(64, "pairs a batch")
    epochs: int = option(15, "times through the data at most")
    learning_rate: float = option(3e-3, "of the optimizer, or its peak")
    clip_norm: float | None = option(5.0, "largest norm of the gradient of the loss of a pair")
    patience: int | None = option(None, "epochs without improvement before training ends")

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes = ("source_size", "target_size", "min_count", "max_tokens", "embedding_dim", "encoder_units")
        sizes += ("encoder_layers", "units", "num_layers", "batch_size", "beam_size", "sampling_rate")
        shares = ("validation", "test", "dropout", "recurrent_dropout", "word_dropout", "label_smoothing")
        self.check(positives=sizes, fractions=shares)
        not_negative("length_penalty", self.length_penalty)
        not_negative("measured", self.measured)
        if self.sampling is not None:
            one_of("sampling", self.sampling, ("output", "embedding", "mean_embedding"))
        if self.shared and (self.source_units, self.source_size) != (self.target_units, self.target_size):
            raise UserError("`shared` needs the same units and size on both sides")


SPACE = {
    "cell": Choice("lstm", "peephole_lstm", "gru"),
    "embedding_dim": Choice(32, 64, 128),
    "encoder_units": Range(64, 256, 64),
    "encoder_layers": Range(1, 2),
    "units": Range(128, 512, 128),
    "num_layers": Range(1, 2),
    "attention": Choice("additive", "general", "scaled_dot"),
    "dropout": Range(0.0, 0.5, 0.1),
    "recurrent_dropout": Range(0.0, 0.3, 0.1),
    "word_dropout": Range(0.0, 0.2, 0.05),
    "label_smoothing": Choice(0.0, 0.1),
    "learning_rate": Range(5e-4, 1e-2, log=True),
    "clip_norm": Choice(1.0, 5.0, 20.0),
    "batch_size": Choice(32, 64, 128),
}


@dataclasses.dataclass(frozen=True)
class Evaluate(task.Evaluate):
    """Options of `evaluate`."""

    beam_size: int | None = option(None, "beams; none: as configured; 1: greedy")
    length_penalty: float | None = option(None, "exponent of the length; none: as configured")

    def __post_init__(self) -> None:
        positive("beam_size", self.beam_size)
        not_negative("length_penalty", self.length_penalty)


@dataclasses.dataclass(frozen=True)
class Predict(runs.Texts):
    """Options of `predict`."""

    beam_size: int | None = option(None, "beams; none: as configured; 1: greedy")
    length_penalty: float | None = option(None, "exponent of the length; none: as configured")
    best: int = option(3, "how many translations to show")
    attention: str | None = option(None, "PNG file for the attention of the first text; none: not drawn")

    def __post_init__(self) -> None:
        for name in ("beam_size", "best"):
            positive(name, getattr(self, name))
        not_negative("length_penalty", self.length_penalty)


class Translation(task.Task):
    """Texts into texts."""

    name = "translation"
    summary = "turn texts into other texts: translate, spell out, normalise"
    Config = Config
    space = SPACE
    Evaluate = Evaluate
    Predict = Predict
    helps = {
        "train": "train an encoder-decoder and report on the test pairs",
        "evaluate": "score translations of the sources of pairs",
        "predict": "write the best translations of texts",
        "export": "write a SavedModel that takes raw text, or LiteRT models, with the beam search inside",
    }
    files = "translations.tsv, attention.png, free_running.png"
    scores = ("exact", "bleu", "token_error_rate")

    def read(
        self, config: Config, source: str | None = None, reader: "Translator | None" = None
    ) -> pairs.Data:
        return pairs.read(config, source, reader and (reader.source, reader.target))

    def build(self, config: Config, data: pairs.Data) -> "Translator":
        from kseq.losses import NextTokenLoss
        from kseq.metrics import Perplexity

        model = make_model(config, data)
        loss = NextTokenLoss(config.label_smoothing)
        model.compile(fitting.optimizer(config), loss, weighted_metrics=[Perplexity(name="perplexity")])
        return pairs.translator(config, model, data.source, data.target)

    def load(self, config: Config, run: "RunDirectory") -> "Translator":
        return pairs.translator(config, runs.load_model(run), *pairs.load_units(run))

    def save_vocabulary(self, data: pairs.Data, run: "RunDirectory") -> None:
        data.save_units(run)

    def monitored(self, config: Config) -> tuple[str, str]:
        return f"val_{config.metric}", pairs.METRICS[config.metric]

    def describe(self, config: Config, data: pairs.Data) -> dict[str, Any]:
        return data.describe()

    def network(self, config: Config) -> str:
        directions = "2 x " if config.bidirectional else ""
        encoder = f"{config.encoder_layers} x {directions}{config.encoder_units}"
        return (
            f"{config.cell} {encoder} to {config.num_layers} x {config.units}, {config.attention} attention"
        )

    def callbacks(self, config: Config, run: "RunDirectory", reader: "Translator", data: pairs.Data) -> list:
        from kseq.training.sampling_schedule import ScheduledSampling

        return [] if config.sampling is None else [ScheduledSampling(schedule(config))]

    def measure(self, config: Config, reader: "Translator", data: pairs.Data) -> dict[str, float]:
        return pairs.measure(config, reader, data)

    def report(self, reader: "Translator", data: pairs.Data, part: str) -> dict[str, Any]:
        return pairs.report(reader, data, part)

    def write_report(
        self, run: "RunDirectory", reader: "Translator", data: pairs.Data, part: str, options: Any = None
    ) -> dict[str, Any]:
        return pairs.write_report(run, reader, data, part, options)

    def result(self, figures: dict[str, Any]) -> str:
        return pairs.in_words(figures)

    def predict(self, reader: "Translator", options: Predict) -> None:
        pairs.predict(reader, options)

    def lite(self, reader: "Translator") -> Any:
        from kseq.export.litert.translator import LiteTranslator

        return LiteTranslator(reader)


def make_model(config: Config, data: pairs.Data) -> "Seq2Seq":
    """The network of a configuration, built."""
    from kseq.models import Seq2Seq, SequenceEncoder

    encoder = SequenceEncoder(
        {"tokens": data.source.size},
        cell=config.cell,
        units=config.encoder_units,
        num_layers=config.encoder_layers,
        bidirectional=config.bidirectional,
        widths={"tokens": config.embedding_dim},
        dropout=config.dropout,
        recurrent_dropout=config.recurrent_dropout,
        seed=config.seed,
    )
    model = Seq2Seq(
        encoder,
        data.target.size,
        config.cell,
        config.units,
        config.num_layers,
        embedding_dim=config.embedding_dim,
        attention=config.attention,
        coverage=config.coverage,
        input_feeding=config.input_feeding,
        share_embeddings=config.shared,
        tie_weights=config.tie_weights,
        dropout=config.dropout,
        recurrent_dropout=config.recurrent_dropout,
        word_dropout=config.word_dropout,
        sampling=config.sampling,
        bos_id=data.target.bos_id,
        eos_id=data.target.eos_id,
        seed=config.seed,
    )
    model.build()
    return model


def schedule(config: Config) -> Any:
    """The schedule of scheduled sampling: optimizer steps to the share of true tokens."""
    import functools

    from kseq.training import sampling_schedule

    function = getattr(sampling_schedule, config.sampling_schedule)
    name = "slope" if config.sampling_schedule == "linear" else "k"
    return functools.partial(function, **{name: config.sampling_rate})


PIPELINE = verbs.pipeline(Translation())

if __name__ == "__main__":
    raise SystemExit(main(PIPELINE))
