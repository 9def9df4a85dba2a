"""Greedy and beam search of the same LSTM side by side with KerasHub and PyTorch.

    python -m benchmarks.decoding        writes decoding.json

All run in one process and take turns; a number is the median of the repeats. Nobody may end early, and all
must find the same sequences. "the model alone" makes the same number of steps on the same number of
rows and searches nothing: what a search adds to it is its own. KerasHub and kseq run as graphs and compiled
by XLA; compared is the faster of each.
"""

import argparse
import importlib.metadata
import json
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import keras_hub
import numpy as np
import tensorflow as tf
from keras import ops

from benchmarks.measure import Functions, alternate, machine
from kseq.decoding import beam_search, generate
from kseq.models import LanguageModel

SHAPES = [(512, 8000, 16), (128, 8000, 16), (64, 100, 1)]  # units, vocabulary, batch
LENGTH, BEAMS, EOS = 50, 5, 1
TASKS = {"greedy": 1, f"beam {BEAMS}": BEAMS}


def make_model(units: int, vocab_size: int) -> LanguageModel:
    """A model with random weights that never ends, and forgets: no rounding grows into another sequence."""
    model = LanguageModel(vocab_size, "lstm", units, seed=1)
    model.build()
    rng = np.random.default_rng(2)
    for variable in model.trainable_variables:
        scale = {"embeddings": 1.0, "kernel": 2.0 / units**0.5, "recurrent_kernel": 0.5 / units**0.5}
        variable.assign(scale.get(variable.name, 0.1) * rng.normal(size=variable.shape))
    bias = np.zeros(vocab_size, "float32")
    bias[: EOS + 1] = -50.0
    model.head.bias.assign(bias)
    return model


def kseq(model: LanguageModel, start: np.ndarray, beams: int, xla: bool) -> tuple:
    """The sequences, `(batch, length)`, and their log-probabilities where the search has them."""

    @tf.function(jit_compile=xla)
    def run(start_ids):
        states = model.initial_states(len(start))
        if beams == 1:
            return generate(model.step, start_ids, states, length=LENGTH, eos_id=EOS), None
        options = {"beam_size": beams, "length": LENGTH, "eos_id": EOS}
        found = beam_search(model.step, start_ids, states, **options)
        return found.ids[:, 0], found.scores[:, 0]

    return run, tf.constant(start)


def hub(model: LanguageModel, start: np.ndarray, beams: int, xla: bool) -> tuple:
    """The same with KerasHub's samplers, compiled as its models do in `generate`."""
    cell, head = keras.layers.LSTMCell(model.config["units"]), keras.layers.Dense(model.config["vocab_size"])
    for layer, weights in ((cell, model.rnn.cell.cells[0].get_weights()), (head, model.head.get_weights())):
        layer.build((None, model.config["units"]))
        layer.set_weights(weights)

    def next(prompt, cache, index):
        last_ids = ops.slice(prompt, [0, index - 1], [ops.shape(prompt)[0], 1])[:, 0]
        x, cache = cell(model.embedding(last_ids), cache)
        return head(x), None, cache

    samplers = keras_hub.samplers
    sampler = samplers.GreedySampler() if beams == 1 else samplers.BeamSampler(beams, return_all_beams=True)

    @tf.function(jit_compile=xla)
    def run(start_ids):
        prompt = ops.pad(start_ids[:, None], ((0, 0), (0, LENGTH)))
        mask = ops.broadcast_to(ops.arange(LENGTH + 1) == 0, prompt.shape)
        cache = cell.get_initial_state(len(start))
        found = sampler(next, prompt, cache, index=1, mask=mask, stop_token_ids=[EOS])
        return (found[:, 1:], None) if beams == 1 else (found[0][:, 0, 1:], found[1][:, 0])

    return run, tf.constant(start)


def alone(model: LanguageModel, start: np.ndarray, beams: int) -> tuple:
    """The steps of the model, with nothing to choose; each needs the one before, as in a search."""

    @tf.function
    def run(start_ids):
        def body(t, ids, states):
            x, states = model.rnn.cell(model.embedding(ids), states)
            return t + 1, ids + tf.cast(model.head(x)[:, 0] > 1e9, tf.int32), states

        first = (0, tf.repeat(start_ids, beams), model.initial_states(len(start) * beams))
        return tf.while_loop(lambda t, *_: t < LENGTH, body, first)[1], None

    return run, tf.constant(start)


def in_torch(model: LanguageModel, start: np.ndarray, beams: int) -> tuple:
    """The same in PyTorch, eagerly, the way its libraries search."""
    import torch

    torch.set_num_threads(os.cpu_count() or 1)
    units, vocab_size = model.config["units"], model.config["vocab_size"]
    kernel, recurrent, bias = model.rnn.cell.cells[0].get_weights()
    cell, head = torch.nn.LSTMCell(units, units), torch.nn.Linear(units, vocab_size)
    embedding = torch.tensor(model.embedding.get_weights()[0])
    values = [
        kernel.T,
        recurrent.T,
        bias,
        0 * bias,
        model.head.get_weights()[0].T,
        model.head.get_weights()[1],
    ]
    with torch.no_grad():
        for parameter, value in zip([*cell.parameters(), *head.parameters()], values, strict=True):
            parameter.copy_(torch.tensor(value))

    def step(ids, states):
        states = cell(embedding[ids], states)
        return head(states[0]), states

    @torch.no_grad()
    def greedy(ids):
        states, ended = (torch.zeros(len(ids), units),) * 2, torch.zeros(len(ids), dtype=torch.bool)
        written = []
        for _ in range(LENGTH):
            logits, states = step(ids, states)
            ids = logits.argmax(-1).masked_fill(ended, 0)
            ended |= ids == EOS
            written.append(ids)
            if ended.all():
                break
        return torch.stack(written, 1), None

    @torch.no_grad()
    def beam(ids):
        batch = len(ids)
        first = torch.arange(batch)[:, None] * beams
        ids, states = ids.repeat_interleave(beams), (torch.zeros(batch * beams, units),) * 2
        scores = torch.tensor([0.0] + [-1e9] * (beams - 1)).repeat(batch, 1)
        written = torch.zeros(batch * beams, 0, dtype=torch.int64)
        for _ in range(LENGTH):
            logits, states = step(ids, states)
            log_probs = torch.log_softmax(logits, -1).view(batch, beams, vocab_size) + scores[..., None]
            scores, place = log_probs.view(batch, -1).topk(beams)
            rows, ids = (first + place // vocab_size).view(-1), (place % vocab_size).view(-1)
            states = tuple(x.index_select(0, rows) for x in states)
            written = torch.cat([written.index_select(0, rows), ids[:, None]], 1)
        return written.view(batch, beams, LENGTH)[:, 0], scores[:, 0]

    return greedy if beams == 1 else beam, torch.tensor(start).long()


def compare(shape: tuple, beams: int, repeats: int) -> dict[str, float]:
    """Seconds of all contestants, after a look at what they find."""
    units, vocab_size, batch = shape
    model = make_model(units, vocab_size)
    start = np.arange(2, 2 + batch).astype("int32")
    contestants = {
        "the model alone": alone(model, start, beams),
        "kseq": kseq(model, start, beams, False),
        "kseq, XLA": kseq(model, start, beams, True),
        "KerasHub": hub(model, start, beams, False),
        "KerasHub, XLA": hub(model, start, beams, True),
        "PyTorch": in_torch(model, start, beams),
    }
    found = {name: run(start) for name, (run, start) in contestants.items() if name != "the model alone"}
    ids, scores = found["kseq"]
    for name, (its_ids, its_scores) in found.items():
        assert (np.asarray(its_ids) == np.asarray(ids)).all(), f"{name} finds other sequences"
        assert beams == 1 or np.allclose(its_scores, scores, rtol=1e-4), f"{name} finds other scores"
    functions: Functions = {
        name: lambda run=run, start=start: np.asarray(run(start)[0])
        for name, (run, start) in contestants.items()
    }
    return alternate(functions, repeats)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--output", type=Path, default=Path("."), help="directory of decoding.json")
    options = parser.parse_args()
    tf.get_logger().setLevel("ERROR")  # every contestant is traced on purpose
    rows = []
    for shape in SHAPES:
        for task, beams in TASKS.items():
            seconds = compare(shape, beams, options.repeats)
            best = {
                who: min(s for n, s in seconds.items() if n.startswith(who)) for who in ("kseq", "KerasHub")
            }
            print(f"\n(units, vocabulary, batch) = {shape}, {LENGTH} steps, {task}")
            for name, value in seconds.items():
                speed = shape[2] * LENGTH / value
                print(f"  {name:16} {value * 1e3:8.1f} ms  {speed:9,.0f} tokens/s")
            ratios = {
                "KerasHub": best["KerasHub"] / best["kseq"],
                "PyTorch": seconds["PyTorch"] / best["kseq"],
            }
            print("  kseq is " + ", ".join(f"{r:.2f} times as fast as {who}" for who, r in ratios.items()))
            rows.append(
                {"shape": shape, "task": task, "seconds": seconds, "kseq_is_times_as_fast_as": ratios}
            )
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "decoding.json"
    about = {**machine(), "keras-hub": importlib.metadata.version("keras-hub")}
    path.write_text(json.dumps({"machine": about, "rows": rows}, indent=1))
    print(f"\nwritten: {path}")


if __name__ == "__main__":
    main()
