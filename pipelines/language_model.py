"""Language modelling: learn to continue a text, by character or by word.

`python -m pipelines.language_model train` learns from the text that every Python carries;
`--data` takes a text file, a directory of splits or a tfds name.
"""

import dataclasses
import itertools
from typing import TYPE_CHECKING, Any

from kseq.errors import UserError, not_negative, positive
from kseq.training.tuning.space import Choice, Range
from pipelines import exporting, fitting, perplexity, runs, task, texts, tuning, writing
from pipelines.config import option
from pipelines.encoding import CELLS
from pipelines.fitting import Fitting
from pipelines.pipeline import Pipeline, Verb, main

if TYPE_CHECKING:
    from kseq.data import Vocabulary
    from kseq.models import LanguageModel

TASK = "language_model"


@dataclasses.dataclass(frozen=True)
class Model:
    """The text and the network; the defaults are for the embedded text."""

    data: str = option("kseq_python_topics", "text file (.gz too), directory of splits, or tfds name")
    cache: str | None = option(None, "directory for the ids of texts larger than memory; none: in memory")
    level: str = option("char", "what a token is", choices=("char", "word"))
    validation: float = option(0.05, "share of the text for validation where there is no such part")
    test: float = option(0.05, "share of the text for testing, likewise; 0: validation serves as test")
    max_vocab: int | None = option(None, "keep this many tokens, the rest is unknown")
    min_count: int = option(1, "tokens seen less often in training are unknown")
    cell: str = option("lstm", "recurrent cell", choices=CELLS)
    units: int = option(384, "width of a recurrent layer")
    num_layers: int = option(1, "recurrent layers")
    embedding_dim: int | None = option(64, "width of the embedding; none: as units")
    tie_weights: bool = option(False, "use the embedding as output layer too")
    residual: bool = option(False, "add each layer's input to its output")
    input_ngrams: int | None = option(
        None, "longest n-gram that has an embedding; 1: tokens alone; none: 3 for characters, 1 for words"
    )
    input_ngram_rows: int = option(8_000, "rows of the table of each length; n-grams share some if more")
    dropout: float = option(0.25, "share of features dropped around the layers, one mask a window")
    recurrent_dropout: float = option(0.0, "share of features dropped inside the recurrence")
    weight_dropout: float = option(0.0, "share of the recurrent weights dropped")
    batch_size: int = option(16, "parallel streams of text")
    time_steps: int = option(64, "tokens a window: how far the gradient goes back")
    ngram_order: int | None = option(None, "of the baseline; none: 8 for characters, 5 for words")


@dataclasses.dataclass(frozen=True)
class Config(Fitting, Model):
    """What a language model is made from."""

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes = ("units", "num_layers", "embedding_dim", "batch_size", "time_steps")
        counts = ("input_ngrams", "input_ngram_rows", "ngram_order", "min_count", "max_vocab")
        shares = ("dropout", "recurrent_dropout", "weight_dropout", "validation", "test")
        self.check(positives=sizes + counts, fractions=shares)

    @property
    def unit(self) -> str:
        """What a token is called in reports."""
        return "character" if self.level == "char" else "word"


SPACE = {
    "cell": Choice("lstm", "peephole_lstm", "gru"),
    "units": Range(128, 512, 64),
    "num_layers": Range(1, 2),
    "embedding_dim": Choice(32, 64, 128),
    "dropout": Range(0.0, 0.5, 0.05),
    "recurrent_dropout": Range(0.0, 0.3, 0.05),
    "learning_rate": Range(1e-3, 2e-2, log=True),
    "clip_norm": Choice(5.0, 20.0, 80.0),
    "batch_size": Choice(8, 16, 32),
}


@dataclasses.dataclass(frozen=True)
class Train(Config, runs.NewRun):
    """Options of `train`."""


@dataclasses.dataclass(frozen=True)
class Evaluate(runs.TrainedRun):
    """Options of `evaluate`."""

    text: str | None = option(None, "text file to evaluate on; none: the test part of the run's data")


@dataclasses.dataclass(frozen=True)
class Generate(runs.TrainedRun):
    """Options of `generate`."""

    prompt: str = option("", "text to go on from")
    length: int = option(500, "tokens to write")
    temperature: float = option(0.7, "below 1 sharpens, above 1 flattens, 0 always takes the likeliest")
    top_k: int = option(0, "choose among the k likeliest tokens; 0: among all")
    top_p: float = option(1.0, "choose among the likeliest tokens that together reach this probability")
    unk: bool = option(False, "let the unknown token be written")
    seed: int | None = option(None, "the same seed writes the same text; none: another each time")
    beams: int = option(0, "write the so many likeliest texts that as many beams find; 0: sample one")

    def __post_init__(self) -> None:
        positive("length", self.length)
        not_negative("beams", self.beams)


@dataclasses.dataclass(frozen=True)
class Reader:
    """A model and its vocabulary."""

    vocabulary: "Vocabulary"
    model: "LanguageModel"


class Continuation(task.Task):
    """What training and `tune` ask of language modelling."""

    name = TASK
    Config = Config
    space = SPACE

    def read(self, config: Config, source: str | None = None, reader: Reader | None = None) -> texts.Data:
        return texts.read(config)

    def save_vocabulary(self, data: texts.Data, run: Any) -> None:
        data.vocabulary.save(run.vocabulary)

    def build(self, config: Config, data: texts.Data) -> Reader:
        return Reader(data.vocabulary, build(config, len(data.vocabulary)))

    def monitored(self, config: Config) -> tuple[str, str]:
        return "val_nats", "min"

    def objective(self, config: Config) -> tuple[str, str]:
        return "val_perplexity", "min"


def train(options: Train) -> int | None:
    """Train a model, report on the test text, write a sample."""
    import keras

    from kseq.training.distribution import scope

    config = runs.split_options(options, Config)
    runs.check_resume(options)
    strategy = runs.distribute(options)
    keras.utils.set_random_seed(config.seed)
    data = texts.read(config)
    bos = data.vocabulary.bos_id
    # too short a part is said now
    batches, _, _ = (data.batches(part, config) for part in task.PARTS)
    with scope(strategy):
        reader = CONTINUATION.build(config, data)
    run = runs.start(TASK, config, options, data.name, config.seed)

    with run.training():
        runs.say("run", run.path)
        describe(config, data, reader.model)
        data.vocabulary.save(run.vocabulary)
        ngram = texts.baseline(config, data)
        run.write_metrics(
            ngram=perplexity.score_ngram(ngram, data.test[:]),
            ngram_validation=perplexity.score_ngram(ngram, data.validation[:]),
        )
        runs.say("n-gram", perplexity.ngram_line(run.metrics["ngram"], config.unit))
        task.fit(CONTINUATION, config, run, reader, data, batches)
        best = runs.load_model(run)
        print(f"\nexact evaluation of the best epoch on {len(data.test):,} test {config.unit}s")
        run.write_metrics(test=perplexity.score(best, data.test, bos))
        draw(run, config, data.name)
    if run.status == "interrupted":
        print(f"\ninterrupted; go on with: {runs.resume_command(TASK, run, options)}")
        return 130
    summary(run, config, best, data)
    runs.forget_others(run, options)
    return None


def evaluate(options: Evaluate) -> None:
    """Give the exact perplexity of a text, the baseline's beside it."""
    from pathlib import Path

    from kseq.data.text_files import read_text

    run = runs.find(TASK, options)
    config, vocabulary, model = restore(run)
    text = None if options.text is None else vocabulary.encode(read_text(Path(options.text)))
    data = texts.read(config)
    ids = data.test[:] if text is None else text
    if len(ids) < 2:
        raise UserError(f"{options.text} is too short: 2 {config.unit}s are the least")
    runs.say("run", run.path)
    runs.say("text", f"{options.text or 'test part of ' + config.data}, {len(ids):,} {config.unit}s")
    runs.say("unknown", f"{(ids == vocabulary.unk_id).mean():.2%} of the {config.unit}s")
    ngram = perplexity.score_ngram(texts.baseline(config, data), ids)
    result = perplexity.score(model, ids, vocabulary.bos_id)
    runs.say("n-gram", perplexity.ngram_line(ngram, config.unit))
    runs.say("network", perplexity.network_line(result, config.unit))


def write(options: Generate) -> None:
    """Write text, token by token."""
    from kseq.decoding import check_options

    check_options(options.temperature, options.top_k, options.top_p)
    run = runs.find(TASK, options)
    _, vocabulary, model = restore(run)
    if options.beams:
        names = ("beams", "prompt", "length", "unk")
        chosen = {name: getattr(options, name) for name in names}
        for text, nats in writing.likeliest(model, vocabulary, **chosen):
            runs.say(f"{nats:.2f} nats")
            print(text, end="\n\n")
        return
    runs.write_live(
        itertools.chain([options.prompt], writing.continuation(model, vocabulary, **sampling(options)))
    )


def export(options: exporting.Export) -> None:
    """Write a SavedModel that takes raw text, LiteRT models, or both, and check them."""
    from kseq.export.language_model import SIGNATURES, save_language_model

    run = runs.find(TASK, options)
    config, vocabulary, model = restore(run)
    about = {"config": {"task": TASK, "run": run.name, **run.config}, "metrics": run.metrics}
    name = options.name or TASK
    if "saved_model" in options.formats:
        path = save_language_model(model, vocabulary, options.saved_models, name, **about)
        runs.say("export", f"{path}, loaded back and equal to the model")
        for signature, words in SIGNATURES.items():
            runs.say("signature", f"{signature}: {words}")
    if "litert" in options.formats:
        from kseq.export.litert.language_model import LiteLanguageModel

        score = None
        data = None if options.measure == "none" else exporting.data_if_here(lambda: texts.read(config))
        if data is not None:
            ids = getattr(data, options.measure)[:]

            def score(one: Any) -> dict[str, float]:
                figures = perplexity.figures(-float(one.log_probs(ids).mean()), len(ids))
                return {"perplexity": figures["perplexity"]}

        lite = LiteLanguageModel(model, vocabulary)
        exporting.keras_scores(options, score, lite)
        exporting.litert(options, name, lite, about, score)


def build(config: Config, vocab_size: int) -> "LanguageModel":
    """The model, compiled."""
    from kseq.losses import NextTokenLoss
    from kseq.metrics import BitsPerCharacter, Perplexity, TokenLoss
    from kseq.models import LanguageModel

    model = LanguageModel(
        vocab_size,
        config.cell,
        config.units,
        config.num_layers,
        embedding_dim=config.embedding_dim,
        tie_weights=config.tie_weights,
        dropout=config.dropout,
        recurrent_dropout=config.recurrent_dropout,
        weight_dropout=config.weight_dropout,
        residual=config.residual,
        input_ngrams=config.input_ngrams or (3 if config.level == "char" else 1),
        input_ngram_rows=config.input_ngram_rows,
        seed=config.seed,
    )
    model.build()
    in_bits = [BitsPerCharacter()] if config.level == "char" else []
    optimizer = fitting.optimizer(config)
    model.compile(optimizer, NextTokenLoss(), weighted_metrics=[TokenLoss(), Perplexity(), *in_bits])
    return model


def restore(run: Any) -> tuple[Config, "Vocabulary", "LanguageModel"]:
    """Configuration, vocabulary and model of a run."""
    from kseq.data import Vocabulary
    from pipelines.config import read_yaml

    config = Config(**read_yaml(run.path / "config.yaml", Config))
    return config, Vocabulary.load(run.vocabulary), runs.load_model(run)


def sampling(options: Generate) -> dict[str, Any]:
    """The options of `generate` that `continuation` takes."""
    names = ("prompt", "length", "temperature", "top_k", "top_p", "unk", "seed")
    return {name: getattr(options, name) for name in names}


def describe(config: Config, data: texts.Data, model: "LanguageModel") -> None:
    """Say what is about to be trained on what."""
    sizes = [f"{len(getattr(data, part)):,} {part}" for part in ("train", "validation", "test")]
    runs.say("data", f"{data.name}: {', '.join(sizes)} {config.unit}s")
    runs.say("", data.note)
    unknown = (data.test[:] == data.vocabulary.unk_id).mean()
    runs.say("vocabulary", f"{len(data.vocabulary):,} tokens; {unknown:.2%} of the test text is unknown")
    layers = f"{config.num_layers} x {config.units} units"
    runs.say("model", f"{config.cell}, {layers}, {model.count_params():,} parameters")


def draw(run: Any, config: Config, data: str) -> None:
    """Draw the learning curve."""
    from kseq.inspection.curves import learning_curve

    learning_curve(
        run.history,
        run.learning_curve,
        metric="nats",
        unit=f"nats per {config.unit}",
        title=f"{data} by {config.unit}: {config.cell}, {config.num_layers} x {config.units} units",
        baseline=run.metrics["ngram_validation"]["nats"],
        baseline_label=f"{run.metrics['ngram']['order']}-gram model, validation",
    )


def summary(run: Any, config: Config, model: "LanguageModel", data: texts.Data) -> None:
    """Say how it went and what can be done next."""
    print()
    runs.say("test", perplexity.network_line(run.metrics["test"], config.unit))
    runs.say("n-gram", perplexity.ngram_line(run.metrics["ngram"], config.unit))
    runs.say("files", f"{run.path}/ (learning_curve.png, metrics.json, history.csv, model.keras)")
    runs.say("next", f"python -m pipelines.{TASK} generate --run {run.path} --prompt 'The '")
    runs.say("", f"python -m pipelines.{TASK} export --run {run.path}")
    print("\nsample, at temperature 0.7:\n")
    length = 400 if config.level == "char" else 100
    options = {"length": length, "temperature": 0.7, "seed": config.seed}
    runs.write_live(writing.continuation(model, data.vocabulary, **options))


CONTINUATION = Continuation()

PIPELINE = Pipeline(
    TASK,
    "learn to continue a text, by character or by word",
    (
        Verb("train", "train a model and report its perplexity", Train, train, config_file=True),
        tuning.verb(CONTINUATION),
        Verb("evaluate", "exact perplexity of a text, an n-gram model's beside it", Evaluate, evaluate),
        Verb("generate", "write text, token by token", Generate, write),
        Verb("export", "write a SavedModel that takes raw text, or LiteRT models", exporting.Export, export),
    ),
)

if __name__ == "__main__":
    raise SystemExit(main(PIPELINE))
