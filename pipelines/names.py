"""One to many: learn to write names, or other short texts, of a class.

`python -m pipelines.names train --data DIR` takes a folder with a file for each class, one name a line,
or anything else that has texts with labels.
"""

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from kseq.errors import UserError, did_you_mean, positive
from kseq.training.tuning.space import Choice, Range
from pipelines import fitting, runs, task, verbs
from pipelines.config import option
from pipelines.encoding import CELLS
from pipelines.fitting import Fitting
from pipelines.pipeline import main

if TYPE_CHECKING:
    import tensorflow as tf

    from kseq.data import LabelledCorpus
    from kseq.data.units import Units
    from kseq.export.writer import ClassWriter
    from kseq.training.run import RunDirectory

SAMPLES = 20  # names of each class that the report writes


@dataclasses.dataclass(frozen=True)
class Config(Fitting):
    """What a writer of names is made from."""

    data: str | None = option(None, "folder with a file for each class, table, or tfds name; needed")
    encoding: str = option("utf-8", "of the files")
    validation: float = option(0.1, "share of the names for validation where there is no such part")
    test: float = option(0.1, "share for testing, likewise; 0: validation serves as test")
    max_tokens: int = option(40, "characters of a name at most")
    cell: str = option("gru", "recurrent cell", choices=CELLS)
    embedding_dim: int = option(32, "width of the embedding of characters")
    class_dim: int = option(32, "width of the embedding of classes")
    units: int = option(256, "width of a layer")
    num_layers: int = option(1, "recurrent layers")
    dropout: float = option(0.3, "share of features dropped around the layers, one mask a name")
    batch_size: int = option(64, "names a batch")
    epochs: int = option(12, "times through the data at most")
    learning_rate: float = option(3e-3, "of the optimizer, or its peak")
    clip_norm: float | None = option(5.0, "largest norm of the gradient of the loss of a name")
    patience: int | None = option(3, "epochs without improvement before training ends")

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes = ("max_tokens", "embedding_dim", "class_dim", "units", "num_layers", "batch_size")
        self.check(positives=sizes, fractions=("validation", "test", "dropout"))


SPACE = {
    "cell": Choice("lstm", "peephole_lstm", "gru"),
    "embedding_dim": Choice(16, 32, 64),
    "class_dim": Choice(8, 16, 32),
    "units": Range(64, 512, 64),
    "num_layers": Range(1, 2),
    "dropout": Range(0.0, 0.5, 0.1),
    "learning_rate": Range(5e-4, 1e-2, log=True),
    "clip_norm": Choice(1.0, 5.0, 20.0),
    "batch_size": Choice(32, 64, 128),
}


@dataclasses.dataclass(frozen=True)
class Predict(runs.TrainedRun):
    """Options of `predict`."""

    label: tuple[str, ...] = option((), "classes to write names of; none: all")
    count: int = option(5, "names of each")
    temperature: float = option(0.8, "0: the most probable characters; 1: as the model says")
    top_k: int = option(0, "sample from the k most probable characters; 0: from all")
    top_p: float = option(1.0, "sample from the most probable characters that reach this mass")
    start: str = option("", "what names begin with")
    seed: int = option(1, "of the sampling")

    def __post_init__(self) -> None:
        positive("count", self.count)


@dataclasses.dataclass(frozen=True)
class Data:
    """Names by class."""

    corpus: "LabelledCorpus"
    units: "Units"
    labels: tuple[str, ...]

    @property
    def name(self) -> str:
        """Short name of the data."""
        return self.corpus.name

    @property
    def note(self) -> str:
        """Where its parts come from."""
        return self.corpus.note

    @property
    def sizes(self) -> list[int]:
        """Number of names of each part."""
        return [len(getattr(self.corpus, part)) for part in task.PARTS]

    def count(self, part: str) -> int:
        """Characters of a part, the ends among them."""
        return sum(len(example.text) + 1 for example in getattr(self.corpus, part))

    def batches(self, part: str, config: Config) -> "tf.data.Dataset":
        """Batches for `fit`, those to train on in another order each epoch."""
        import tensorflow as tf

        examples = [e for e in getattr(self.corpus, part) if 0 < len(e.text) <= config.max_tokens]
        if not examples:
            raise UserError(f"no name of the {part} part has {config.max_tokens} characters or fewer")
        number = {label: n for n, label in enumerate(self.labels)}
        classes = tf.constant([number[example.label] for example in examples], tf.int32)
        ids = self.units.encode(tf.constant([example.text for example in examples])).to_tensor()
        lengths = tf.reduce_sum(tf.cast(ids != 0, tf.int32), axis=1)
        ids = tf.pad(ids, [[0, 0], [0, 1]])
        targets = tf.where(tf.range(tf.shape(ids)[1]) == lengths[:, None], self.units.eos_id, ids)
        fed = tf.pad(ids[:, :-1], [[0, 0], [1, 0]], constant_values=self.units.bos_id)
        weights = tf.cast(targets != 0, tf.float32)
        inputs = {"source": classes, "target_in": fed}
        dataset = tf.data.Dataset.from_tensor_slices((inputs, targets, weights))
        if part == "train":
            dataset = dataset.shuffle(len(examples), seed=config.seed, reshuffle_each_iteration=True)
        return dataset.batch(config.batch_size)


class Names(task.Task):
    """Names of a class."""

    name = "names"
    summary = "write names, or other short texts, of a class"
    Config = Config
    space = SPACE
    Predict = Predict
    helps = {
        "train": "train a writer of names and report on the test names",
        "evaluate": "perplexity of names, and how many written names are new",
        "predict": "write names of classes",
        "export": "write a SavedModel that takes a class and writes names",
    }
    files = "samples.txt"

    def read(self, config: Config, source: str | None = None, reader: "ClassWriter | None" = None) -> Data:
        from kseq.data import read_labelled
        from kseq.data.units import Units

        source = config.data if source is None else source
        if source is None:
            raise UserError("`--data` is needed: a folder with a file for each class, one name a line")
        corpus = read_labelled(
            source,
            validation=config.validation,
            test=config.test,
            encoding=config.encoding,
        )
        if reader is not None:
            return Data(corpus, reader.units, reader.labels)
        units = Units.build([example.text for example in corpus.train], "char")
        return Data(corpus, units, corpus.labels)

    def build(self, config: Config, data: Data) -> "ClassWriter":
        from kseq.export.writer import ClassWriter
        from kseq.losses import NextTokenLoss
        from kseq.metrics import Perplexity
        from kseq.models import ClassEncoder, Seq2Seq

        model = Seq2Seq(
            ClassEncoder(len(data.labels), config.class_dim, seed=config.seed),
            data.units.size,
            config.cell,
            config.units,
            config.num_layers,
            embedding_dim=config.embedding_dim,
            attention="none",
            feed_summary=True,
            dropout=config.dropout,
            seed=config.seed,
        )
        model.build()
        metrics = [Perplexity(name="perplexity")]
        model.compile(fitting.optimizer(config), NextTokenLoss(), weighted_metrics=metrics)
        return ClassWriter(model, data.units, data.labels, config.max_tokens)

    def load(self, config: Config, run: "RunDirectory") -> "ClassWriter":
        from kseq.data.units import Units
        from kseq.export.writer import ClassWriter

        known = json.loads(run.vocabulary.read_text(encoding="utf-8"))
        units = Units.from_config(known["units"])
        return ClassWriter(runs.load_model(run), units, known["labels"], config.max_tokens)

    def save_vocabulary(self, data: Data, run: "RunDirectory") -> None:
        from kseq.files import write_text

        known = {"labels": data.labels, "units": data.units.get_config()}
        write_text(run.vocabulary, json.dumps(known, ensure_ascii=False))

    def describe(self, config: Config, data: Data) -> dict[str, Any]:
        return {"classes": ", ".join(data.labels), "characters": data.units.size}

    def network(self, config: Config) -> str:
        return f"{config.cell}, {config.num_layers} x {config.units} units"

    def monitored(self, config: Config) -> tuple[str, str]:
        return "val_perplexity", "min"

    def report(self, reader: "ClassWriter", data: Data, part: str) -> dict[str, Any]:
        from kseq.metrics import Perplexity

        metric, config = Perplexity(), Config(max_tokens=reader.max_tokens)
        for inputs, targets, weights in data.batches(part, config):
            metric.update_state(targets, reader.model(inputs), weights)
        return {"perplexity": float(metric.result()), "names": len(getattr(data.corpus, part))}

    def write_report(
        self, run: "RunDirectory", reader: "ClassWriter", data: Data, part: str, options: Any = None
    ) -> dict[str, Any]:
        from kseq.files import write_text

        figures = self.report(reader, data, part)
        known = {example.text for example in data.corpus.train}
        written = {label: reader.names(label, SAMPLES, seed=1) for label in reader.labels}
        everything = [name for names in written.values() for name in names]
        figures["new"] = sum(name not in known for name in everything) / len(everything)
        lines = [f"{label}: {', '.join(names)}\n" for label, names in written.items()]
        write_text(run.path / "samples.txt", "".join(lines))
        print("\n" + "".join(f"{label}: {', '.join(names[:5])}\n" for label, names in written.items()))
        return figures

    def result(self, figures: dict[str, Any]) -> str:
        return f"perplexity {figures['perplexity']:.3f}; {figures['new']:.0%} of the names written are new"

    def example(self) -> str:
        return "--count 5"

    def predict(self, reader: "ClassWriter", options: Predict) -> None:
        how = {name: getattr(options, name) for name in ("temperature", "top_k", "top_p", "start", "seed")}
        for label in options.label or reader.labels:
            if label not in reader.labels:
                hint = did_you_mean(label, reader.labels)
                raise UserError(f"no class `{label}`{hint or '; classes: ' + ', '.join(reader.labels)}")
            for name in reader.names(label, options.count, **how):
                print(f"{label}\t{name}", flush=True)

    def lite(self, reader: "ClassWriter") -> Any:
        from kseq.export.litert.writer import LiteClassWriter

        return LiteClassWriter(reader)


PIPELINE = verbs.pipeline(Names())

if __name__ == "__main__":
    raise SystemExit(main(PIPELINE))
