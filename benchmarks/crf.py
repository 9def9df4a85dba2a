"""Conditional random field side by side with pytorch-crf: loss with its gradient, and Viterbi.

    python -m benchmarks.crf        writes crf.json

Both run in one process and take turns; a number is the median of the repeats. Sentences are of random
lengths, the longest as long as is said.
"""

import argparse
import json
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from benchmarks.measure import Functions, alternate, machine
from kseq.ops import crf

SHAPES = [(32, 60, 20), (16, 200, 50)]


def data(batch: int, time: int, tags: int) -> tuple:
    """Random scores, mask and true tags."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(time // 3, time + 1, batch)
    lengths[0] = time
    mask = np.arange(time) < lengths[:, None]
    shapes = [(batch, time, tags), (tags, tags), (tags,), (tags,)]
    return (
        *(rng.normal(size=shape).astype("float32") for shape in shapes),
        mask,
        rng.integers(0, tags, mask.shape),
    )


def ours(shape: tuple, static: bool) -> dict[str, Functions]:
    """Loss and decoding of kseq, traced for one shape or for any."""
    *weights, mask, gold = data(*shape)
    weights = [tf.constant(x) for x in weights]
    rows = [shape[0], shape[1]] if static else [None, None]
    signature = [
        [tf.TensorSpec([*rows, shape[2]]), *(tf.TensorSpec(x.shape) for x in weights[1:])],
        tf.TensorSpec(rows, tf.bool),
        tf.TensorSpec(rows, tf.int32),
    ]

    @tf.function(input_signature=signature)
    def loss(weights, mask, gold):
        with tf.GradientTape() as tape:
            tape.watch(weights)
            value = -tf.reduce_sum(crf.log_likelihood(crf.Scores(*weights, mask), gold))
        return value, tape.gradient(value, weights)

    @tf.function(input_signature=signature[:2])
    def decode(weights, mask):
        return crf.viterbi(crf.Scores(*weights, mask))

    mask, gold = tf.constant(mask), tf.constant(gold, tf.int32)
    return {
        "loss and gradient": lambda: loss(weights, mask, gold)[0].numpy(),
        "Viterbi": lambda: decode(weights, mask)[0].numpy(),
    }


def theirs(shape: tuple) -> dict[str, Functions]:
    """The same in pytorch-crf."""
    import torch
    import torchcrf

    torch.set_num_threads(os.cpu_count() or 1)
    *weights, mask, gold = (torch.tensor(x) for x in data(*shape))
    emissions = weights[0].requires_grad_()
    layer = torchcrf.CRF(shape[2], batch_first=True)
    with torch.no_grad():
        for name, value in zip(
            ("transitions", "start_transitions", "end_transitions"), weights[1:], strict=True
        ):
            getattr(layer, name).copy_(value)

    def loss():
        emissions.grad = None
        layer.zero_grad()
        value = -layer(emissions, gold, mask)
        value.backward()
        return value.item()

    def decode():
        with torch.no_grad():
            return layer.decode(emissions, mask)

    return {"loss and gradient": loss, "Viterbi": decode}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--output", type=Path, default=Path("."), help="directory of crf.json")
    options = parser.parse_args()
    rows = []
    for shape in SHAPES:
        contestants = {
            "kseq": ours(shape, static=True),
            "kseq, any shape": ours(shape, static=False),
            "pytorch-crf": theirs(shape),
        }
        for what in ("loss and gradient", "Viterbi"):
            seconds = alternate({name: its[what] for name, its in contestants.items()}, options.repeats)
            print(f"\n(batch, time, tags) = {shape}, {what}")
            for name, value in seconds.items():
                print(
                    f"  {name:16} {value * 1e3:8.2f} ms  {value / seconds['pytorch-crf']:5.2f} of pytorch-crf"
                )
            rows.append({"shape": shape, "what": what, "seconds": seconds})
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "crf.json"
    path.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=1))
    print(f"\nwritten: {path}")


if __name__ == "__main__":
    main()
