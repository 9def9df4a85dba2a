"""Training the character model of the pipeline, against the same model of keras.layers and in PyTorch.

    python -m benchmarks.language_model --config pipelines/configs/language_model/tinyshakespeare-3min.yaml

All three carry the recurrent state from window to window and see the same random text, without n-grams at
the input, which the peers lack; they take turns, and a number is the median of the rounds.
"""

import argparse
import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from benchmarks.measure import alternate
from kseq.data import contiguous_streams
from kseq.losses import NextTokenLoss
from kseq.metrics import BitsPerCharacter, Perplexity, TokenLoss
from kseq.training.optimizer import make_optimizer
from pipelines.config import read_yaml
from pipelines.language_model import Config, build

VOCAB_SIZE = 68


def text(config: Config, steps: int) -> tf.data.Dataset:
    """Windows of random text, as the pipeline lays them out."""
    size = config.batch_size * config.time_steps * steps
    ids = np.random.default_rng(1).integers(3, VOCAB_SIZE, size)
    return contiguous_streams(ids, config.batch_size, config.time_steps, bos_id=1)


def ours(config: Config, windows: tf.data.Dataset) -> Callable[[], None]:
    """One epoch of the pipeline's model."""
    model = build(config, VOCAB_SIZE)
    return lambda: model.fit(windows, shuffle=False, verbose=0)


def stock(config: Config, windows: tf.data.Dataset) -> Callable[[], None]:
    """One epoch of the same model of keras.layers: a stateful LSTM, its batch size fixed."""
    tokens = keras.Input(batch_shape=(config.batch_size, config.time_steps), dtype="int32")
    x = keras.layers.Embedding(VOCAB_SIZE, config.embedding_dim)(tokens)
    for _ in range(config.num_layers):
        x = keras.layers.SpatialDropout1D(config.dropout)(x)
        x = keras.layers.LSTM(config.units, return_sequences=True, stateful=True)(x)
    x = keras.layers.SpatialDropout1D(config.dropout)(x)
    model = keras.Model(tokens, keras.layers.Dense(VOCAB_SIZE)(x))
    metrics = [TokenLoss(), Perplexity(), BitsPerCharacter()]
    optimizer = make_optimizer(
        config.learning_rate, weight_decay=config.weight_decay, clip_norm=config.clip_norm
    )
    model.compile(optimizer, NextTokenLoss(), weighted_metrics=metrics)
    windows = windows.map(lambda inputs, *rest: (inputs["tokens"], *rest))
    return lambda: model.fit(windows, shuffle=False, verbose=0)


def in_torch(config: Config, windows: tf.data.Dataset) -> Callable[[], None]:
    """One epoch of the same model in PyTorch."""
    import torch

    torch.set_num_threads(os.cpu_count() or 1)
    embedding = torch.nn.Embedding(VOCAB_SIZE, config.embedding_dim)
    lstm = torch.nn.LSTM(config.embedding_dim, config.units, config.num_layers, batch_first=True)
    head = torch.nn.Linear(config.units, VOCAB_SIZE)
    weights = [*embedding.parameters(), *lstm.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(weights, config.learning_rate, weight_decay=config.weight_decay)
    batches = [
        (torch.tensor(x["tokens"]).long(), torch.tensor(y).long()) for x, y, *_ in windows.as_numpy_iterator()
    ]

    def drop(x):
        mask = torch.nn.functional.dropout(torch.ones(len(x), 1, x.shape[2]), config.dropout)
        return x * mask

    def epoch():
        state = None
        for x, y in batches:
            optimizer.zero_grad()
            out, state = lstm(drop(embedding(x)), state)
            state = tuple(s.detach() for s in state)
            logits = head(drop(out))
            loss = torch.nn.functional.cross_entropy(
                logits.flatten(0, 1), y.flatten(), reduction="sum"
            ) / len(x)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, config.clip_norm)
            optimizer.step()

    return epoch


def main() -> None:
    """The command line."""
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=layout)
    parser.add_argument("--config", type=Path, required=True, help="configuration of the pipeline")
    parser.add_argument("--steps", type=int, default=60, help="windows a round")
    parser.add_argument("--repeats", type=int, default=10)
    options = parser.parse_args()

    config = dataclasses.replace(Config(**read_yaml(options.config, Config)), input_ngrams=1)
    if (config.cell, config.num_layers, config.optimizer) != ("lstm", 1, "adamw") or config.tie_weights:
        parser.error("the peers are written for one layer of LSTM, trained by AdamW, weights not tied")
    windows = text(config, options.steps)
    makers = {"kseq": ours, "keras": stock, "torch": in_torch}
    seconds = alternate({name: make(config, windows) for name, make in makers.items()}, options.repeats)
    tokens = options.steps * config.batch_size * config.time_steps
    for name, taken in seconds.items():
        print(
            f"{name:6} {tokens / taken:9,.0f} tokens/s   kseq is {taken / seconds['kseq']:.2f} times as fast"
        )


if __name__ == "__main__":
    main()
