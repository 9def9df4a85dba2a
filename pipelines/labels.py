"""Labelled texts for a classifier, its scores on them, and labels of new texts, as people read them."""

import dataclasses
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pipelines import encoding, runs
from pipelines.task import PARTS

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf

    from kseq.data import LabelledCorpus
    from kseq.data.token_features import TokenFeatures
    from kseq.export.classifier import TextClassifier
    from kseq.training.run import RunDirectory

BATCH = 64  # texts classified at once


@dataclasses.dataclass(frozen=True)
class Data:
    """Labelled texts and what a classifier sees of their tokens."""

    corpus: "LabelledCorpus"
    level: str
    tokens: dict[str, list[list[str]]]  # by part
    features: "TokenFeatures"
    vectors: "tuple[np.ndarray, np.ndarray] | None" = None

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
        """Number of texts of each part."""
        return [len(getattr(self.corpus, part)) for part in PARTS]

    def truth(self, part: str) -> list[int]:
        """The number of the label of each text of a part."""
        number = {label: n for n, label in enumerate(self.corpus.labels)}
        return [number[example.label] for example in getattr(self.corpus, part)]

    def count(self, part: str) -> int:
        """Tokens of a part."""
        return sum(map(len, self.tokens[part]))

    def batches(self, part: str, config: Any) -> "tf.data.Dataset":
        """Batches for `fit`: those to train on weighted, and in another order each epoch."""
        import tensorflow as tf

        from kseq.data.bucketed import bucketed_batches
        from kseq.data.windowed import windowed

        training = part == "train"
        order, windows = {"shuffle": training, "seed": config.seed}, config.window is not None
        truth = self.truth(part)
        order_of_texts = {} if windows else order
        batches = bucketed_batches(
            self.features, self.tokens[part], truth, config.batch_size, **order_of_texts
        )
        if training and config.balance:
            weights = tf.constant(self.class_weights(), tf.float32)
            batches = batches.map(lambda features, truth: (features, truth, tf.gather(weights, truth)))
        return (
            windowed(batches, config.window, "all" if training else "last", **order) if windows else batches
        )

    def class_weights(self) -> list[float]:
        """Weights of the labels with which all count alike."""
        truth = self.truth("train")
        labels = range(len(self.corpus.labels))
        return [len(truth) / (len(self.corpus.labels) * truth.count(n)) for n in labels]


def read(config: Any, source: str | None = None, features: "TokenFeatures | None" = None) -> Data:
    """Read labelled texts, split them into tokens, and learn what there is to know of these.

    Args:
        config: configuration of the pipeline.
        source: other data than the configuration's.
        features: what is known of tokens already, not to be learned.
    """
    from kseq.data import read_labelled

    corpus = read_labelled(
        config.data if source is None else source,
        validation=config.validation,
        test=config.test,
        text_column=runs.column(config.text_column),
        label_column=runs.column(config.label_column),
        labels=config.labels,
        encoding=config.encoding,
    )
    level = _level(corpus) if config.level == "auto" else config.level
    tokens = {part: _split(getattr(corpus, part), level, config) for part in PARTS}
    vectors = None
    if features is None:
        features, vectors = encoding.features(config, tokens["train"], tokens["validation"] + tokens["test"])
    return Data(corpus, level, tokens, features, vectors)


def _level(corpus: "LabelledCorpus") -> str:
    texts = "".join(example.text for example in corpus.train[:1000])
    return "char" if sum("\u4e00" <= c <= "\u9fff" for c in texts) > 0.3 * len(texts) else "word"


def _split(examples: Sequence[Any], level: str, config: Any) -> list[list[str]]:
    import tensorflow as tf

    from kseq.data.segmentation import segment, truncate

    texts = tf.constant([example.text for example in examples])
    tokens = truncate(segment(texts, level).tokens, config.max_tokens, config.keep)
    return [[token.decode() for token in row] for row in tokens.to_list()]


def probabilities(classifier: "TextClassifier", texts: Sequence[str]) -> "np.ndarray":
    """Of each label for each text; texts of like lengths are classified together."""
    import numpy as np
    import tensorflow as tf

    found = np.zeros((len(texts), len(classifier.labels)))
    order = sorted(range(len(texts)), key=lambda n: len(texts[n]))
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        batch = tf.constant([texts[n] for n in rows])
        found[rows] = classifier.classify(batch)["probabilities"].numpy()
    return found


def report(classifier: "TextClassifier", data: Data, part: str) -> dict[str, Any]:
    """The scores of a classifier on a part of the data."""
    from kseq.inspection.classification import classification_report

    texts = [example.text for example in getattr(data.corpus, part)]
    return classification_report(data.truth(part), probabilities(classifier, texts), data.corpus.labels)


def write_report(run: "RunDirectory", classifier: "TextClassifier", data: Data, part: str) -> dict[str, Any]:
    """Print scores; write confusion.png, calibration.png and errors.jsonl, the surest errors first."""
    import numpy as np

    from kseq.files import write_text
    from kseq.inspection.classification import calibration_plot, classification_report, classification_table
    from kseq.inspection.confusion import confusion_matrix

    examples, labels, truth = getattr(data.corpus, part), data.corpus.labels, np.array(data.truth(part))
    given = probabilities(classifier, [example.text for example in examples])
    figures = classification_report(truth, given, labels)
    print(f"\n{classification_table(figures)}\n", flush=True)
    predicted = given.argmax(1)
    counts = np.zeros((len(labels), len(labels)), int)
    np.add.at(counts, (truth, predicted), 1)
    title = f"{data.corpus.name}, {part} part"
    confusion_matrix(labels, counts, run.path / "confusion.png", title=title)
    calibration_plot(truth, given, run.path / "calibration.png", title=title)
    wrong = sorted(np.flatnonzero(predicted != truth).tolist(), key=lambda n: -given[n].max())
    lines = [
        {
            "line": examples[n].line,
            "label": labels[truth[n]],
            "predicted": labels[predicted[n]],
            "probability": round(float(given[n].max()), 4),
            "text": examples[n].text,
        }
        for n in wrong
    ]
    listing = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    write_text(run.path / "errors.jsonl", listing)
    return figures


def predict(classifier: "TextClassifier", options: Any) -> None:
    """Print the labels of texts: for people on a terminal, as JSON lines elsewhere."""
    import tensorflow as tf

    coloured = sys.stdout.isatty() and not options.json
    weighs = classifier.model.pooling == "attention"
    for text in runs.texts(options):
        found = {name: value.numpy() for name, value in classifier.classify(tf.constant([text])).items()}
        label, probability = found["label"][0].decode(), float(found["probability"][0])
        weights = _weights(classifier, text) if weighs else []
        if coloured:
            print(f"{label} {probability:.2f}  {_shaded(weights) if weighs else text}", flush=True)
            continue
        line = {"text": text, "label": label, "probability": probability}
        everything = found["probabilities"][0].tolist()
        line["probabilities"] = dict(zip(classifier.labels, everything, strict=True))
        if weighs:
            line["weights"] = weights
        print(json.dumps(line, ensure_ascii=False), flush=True)


def _weights(classifier: "TextClassifier", text: str) -> list[tuple[str, float]]:
    import tensorflow as tf

    found = classifier.weigh(tf.constant([text]))
    tokens, weights = found["tokens"].numpy()[0], found["weights"].numpy()[0]
    return [(token.decode(), float(weight)) for token, weight in zip(tokens, weights, strict=True)]


def _shaded(weights: list[tuple[str, float]]) -> str:
    """The words, those that weighed most on the strongest ground."""
    most = max((weight for _, weight in weights), default=1.0)
    return " ".join(_on_ground(token, weight / most) for token, weight in weights)


def _on_ground(token: str, strength: float) -> str:
    shade = (None, 236, 238, 22, 28)[min(int(5 * strength), 4)]  # of 256 colours, grey to green
    return token if shade is None else f"\033[48;5;{shade};38;5;231m{token}\033[0m"
