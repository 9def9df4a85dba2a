"""Trains the model of every pipeline for 50 steps, as one of the workers of `TF_CONFIG` or alone.

`python -m tests.training.distributed STRATEGY FOLDER` writes `FOLDER/STRATEGY-WORKER.json`: of each pipeline
the losses of the epochs and a checksum of the weights.
"""

import json
import sys
import zlib
from pathlib import Path

import numpy as np

EPOCHS = 10
#: without dropout, whose masks differ where rows are spread
COMMON = {"learning_rate": 0.01, "warmup_steps": 2, "dropout": 0.0, "validation": 0.2, "clip_norm": 0.5}


def configs(folder):
    """Yields task and configuration of each pipeline, five steps an epoch."""
    from pipelines.language_model import CONTINUATION
    from pipelines.names import Names
    from pipelines.ner import NamedEntities
    from pipelines.sentiment import Sentiment
    from pipelines.translation import Translation

    random = np.random.default_rng(0)
    words = ["good", "bad", "film", "song", "fine", "dull", "not"]
    lines = [" ".join(random.choice(words, random.integers(2, 7))) for _ in range(44)]
    (folder / "text.txt").write_text("\n".join(lines) * 2)
    tagged = [[f"{w} {'B-X' if w in 'filmsong' else 'O'}" for w in line.split()] for line in lines]
    (folder / "tags.conll").write_text("\n\n".join("\n".join(sentence) for sentence in tagged))
    labelled = [f"{line}\t{'good' in line}\n" for line in lines]
    (folder / "labels.tsv").write_text("text\tlabel\n" + "".join(labelled))
    (folder / "pairs.tsv").write_text("".join(f"{line}\t{line[::-1]}\n" for line in sorted(set(lines))))
    (folder / "names").mkdir(exist_ok=True)
    for number in range(2):
        (folder / "names" / f"kind{number}.txt").write_text("\n".join(sorted(set(lines[number::2]))))
    reader = {"units": 8, "embedding_dim": 8, "word_dropout": 0.0, "batch_size": 7, "characters": "none"}
    yield CONTINUATION, {"data": "text.txt", "units": 8, "batch_size": 5, "time_steps": 40, "test": 0.1}
    yield NamedEntities(), {"data": "tags.conll", **reader}
    yield Sentiment(), {"data": "labels.tsv", **reader}
    small = {"units": 8, "embedding_dim": 8, "batch_size": 7}
    yield Translation(), {"data": "pairs.tsv", "encoder_units": 8, **small}
    yield Names(), {"data": "names", "class_dim": 4, **small}


def main(name, folder):
    import keras

    from kseq.training.distribution import make_strategy, scope, worker
    from kseq.training.fitting import fit

    strategy, found = make_strategy(name), {}
    for task, options in configs(folder):
        keras.utils.set_random_seed(1)
        options["data"] = str(folder / options["data"])
        config = task.Config(**{**COMMON, **options})
        data = task.read(config)
        config = task.resolve(config, data)
        with scope(strategy):
            model = task.build(config, data).model
        batches = data.batches("train", config)
        options = {"epochs": EPOCHS, "validation_data": data.batches("validation", config), "verbose": 0}
        history = fit(model, batches, **options).history
        weights = b"".join(np.ascontiguousarray(w).tobytes() for w in model.get_weights())
        found[task.name] = {**history, "weights": zlib.crc32(weights), "steps": EPOCHS * len(batches)}
        print(name, worker(), task.name, found[task.name], flush=True)
    (folder / f"{name}-{worker()}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
