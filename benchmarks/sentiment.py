"""The bidirectional LSTM on film reviews of keras.io, as it stands there and with kseq: examples a second.

    python -m benchmarks.sentiment        writes sentiment.json

Reviews are drawn: words of a vocabulary of 20,000, Zipf-distributed, and lengths as those of IMDB
(log-normal, median 178, mean 238), cut to 200. A number is the median of whole epochs of `fit`; all take
turns in one process.
"""

import argparse
import json
import math
import os
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

import kseq.layers
import kseq.models
from benchmarks.measure import alternate, machine
from kseq.data.bucketed import bucketed_batches
from kseq.data.token_features import TokenFeatures

VOCABULARY, LENGTH, EMBEDDING, UNITS, BATCH = 20_000, 200, 128, 64, 32
MEDIAN, MEAN = 178, 238  # of the words of a review in the set `imdb_reviews`


def reviews(count: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Ids of the words of each review, and its label."""
    rng = np.random.default_rng(0)
    sigma = math.sqrt(2 * math.log(MEAN / MEDIAN))
    lengths = np.clip(rng.lognormal(math.log(MEDIAN), sigma, count), 10, LENGTH).astype(int)
    words = np.minimum(rng.zipf(1.2, lengths.sum()), VOCABULARY - 3) + 1
    return np.split(words, np.cumsum(lengths)[:-1]), rng.integers(0, 2, count)


def keras_io(layers: object, texts: list[np.ndarray], labels: np.ndarray) -> Callable[[], object]:
    """One epoch of the example, every review padded to the same length; with the layers of a module."""
    inputs = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(VOCABULARY, EMBEDDING)(inputs)
    x = layers.Bidirectional(layers.LSTM(UNITS, return_sequences=True))(x)
    x = layers.Bidirectional(layers.LSTM(UNITS))(x)
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(x))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    padded = keras.utils.pad_sequences(texts, LENGTH)
    return lambda: model.fit(padded, labels, batch_size=BATCH, verbose=0)


def classifier(texts: list[np.ndarray], labels: np.ndarray) -> Callable[[], object]:
    """One epoch of the same network as a `Classifier`, on batches of like lengths."""
    words = tuple(f"w{n}" for n in range(VOCABULARY - 2))
    features = TokenFeatures(("", "[UNK]", *words))
    sentences = [[f"w{n}" for n in text] for text in texts]
    batches = bucketed_batches(features, sentences, labels, BATCH, shuffle=True, seed=1)
    encoder = kseq.models.SequenceEncoder(
        features.sizes, units=UNITS, num_layers=2, widths={"tokens": EMBEDDING}, dropout=0.0
    )
    model = kseq.models.Classifier(encoder, ("negative", "positive"), pooling="last")
    model.compile("adam", model.make_loss(), metrics=["accuracy"])
    return lambda: model.fit(batches, shuffle=False, verbose=0)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reviews", type=int, default=1024)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--output", type=Path, default=Path("."), help="directory of sentiment.json")
    options = parser.parse_args()
    data = reviews(options.reviews)
    print(f"{options.reviews:,} reviews of {np.mean([len(text) for text in data[0]]):.0f} words on average")
    contestants = {
        "keras.io example": keras_io(keras.layers, *data),
        "the same, kseq.layers": keras_io(kseq.layers, *data),
        "kseq.models.Classifier": classifier(*data),
    }
    seconds = alternate(contestants, options.repeats)
    for name, value in seconds.items():
        ratio = seconds["keras.io example"] / value
        print(f"  {name:24} {options.reviews / value:8,.0f} reviews a second  {ratio:5.2f} x keras.io")
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "sentiment.json"
    found = {"machine": machine(), "reviews": options.reviews, "seconds": seconds}
    path.write_text(json.dumps(found, indent=1))
    print(f"\nwritten: {path}")


if __name__ == "__main__":
    main()
