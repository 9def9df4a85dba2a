"""LiteRT models of one LSTM side by side with those of `tf_keras` and of Keras 3.

    python -m benchmarks.litert        writes litert.json

Time 50, 32 features, 64 units, batch 1, all outputs; one thread, the plain interpreter. All models are loaded
in one process and take turns; a number is the median of the repeats. `tf_keras` (Keras 2) is what the
converter knows to fuse; its model has no peepholes. Keras 3 is its own export with every step written out,
which is the one form of it that needs no Select-TF operation.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from benchmarks.measure import machine

TIME, FEATURES, UNITS = 50, 32, 64
VARIANTS = ("float32", "dynamic_range")


def write_models(directory: Path) -> None:
    """Write `CONTESTANT.VARIANT.tflite` for kseq and for Keras 3."""
    import keras

    from kseq.layers import LSTM, PeepholeLSTM

    peepholes = PeepholeLSTM(UNITS, return_sequences=True, peephole_initializer="random_normal")
    _convert(directory, "kseq LSTM", LSTM(UNITS, return_sequences=True))
    _convert(directory, "kseq PeepholeLSTM", peepholes)
    _convert(directory, "kseq PeepholeLSTM as a loop", peepholes, form="loop")
    layer = keras.layers.LSTM(UNITS, return_sequences=True, unroll=True)
    model = keras.Sequential([keras.Input((TIME, FEATURES)), layer])
    for variant in VARIANTS:
        _export(model, directory / f"Keras 3 unrolled.{variant}.tflite", variant)


def _convert(directory: Path, name: str, layer: Any, **options: Any) -> None:
    import tensorflow as tf

    from kseq.export.litert.convert import converted
    from kseq.export.probes import drawn
    from kseq.export.saved_model import Endpoint

    specs = [tf.TensorSpec([1, TIME, FEATURES], name="x")]
    layer.build((1, TIME, FEATURES))
    endpoint = Endpoint("serve", lambda x: {"output": layer(x)}, specs)
    with converted([endpoint], {"serve": drawn(specs)}, track=[layer], variants=VARIANTS, **options) as files:
        for one in files:
            shutil.copyfile(one.path, directory / f"{name}.{one.variant}.tflite")


def _export(model: Any, path: Path, variant: str) -> None:
    """Keras's own export."""
    import tensorflow as tf

    model.export(
        str(path),
        format="litert",
        verbose=False,
        input_signature=[tf.TensorSpec([1, TIME, FEATURES])],
        optimizations=[tf.lite.Optimize.DEFAULT] if variant == "dynamic_range" else [],
        target_spec={"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]},
    )


def write_tf_keras(directory: Path) -> None:
    """Write the models of `tf_keras`, in a process of its own."""
    import tensorflow as tf
    import tf_keras

    layer = tf_keras.layers.LSTM(UNITS, return_sequences=True)
    model = tf_keras.Sequential([tf_keras.Input((TIME, FEATURES), batch_size=1), layer])
    for variant in VARIANTS:
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        converter.optimizations = [tf.lite.Optimize.DEFAULT] if variant == "dynamic_range" else []
        (directory / f"tf_keras fused.{variant}.tflite").write_bytes(converter.convert())


def measure(directory: Path, repeats: int) -> dict:
    """Sizes, and median microseconds of an invocation; all models take turns."""
    from ai_edge_litert.interpreter import Interpreter

    x = np.random.default_rng(1).normal(size=(1, TIME, FEATURES)).astype("float32")
    models, seconds = {}, {}
    for path in sorted(directory.glob("*.tflite")):
        models[path.name.removesuffix(".tflite")] = model = Interpreter(str(path), num_threads=1)
        model.allocate_tensors()
        index = model.get_input_details()[0]["index"]
        model.resize_tensor_input(index, x.shape)
        model.allocate_tensors()
        model.set_tensor(index, x)
    seconds = {name: [] for name in models}
    for _ in range(repeats):
        for name, model in models.items():
            model.invoke()  # not timed: the caches are another model's
            start = time.perf_counter()
            for _ in range(5):
                model.invoke()
            seconds[name].append((time.perf_counter() - start) / 5)
    return {
        name: {
            "microseconds": 1e6 * statistics.median(values),
            "bytes": (directory / f"{name}.tflite").stat().st_size,
        }
        for name, values in seconds.items()
    }


def main() -> None:
    """Print a table and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=300)
    parser.add_argument("--output", default="litert.json")
    parser.add_argument("--tf-keras", metavar="DIRECTORY", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.tf_keras:
        write_tf_keras(Path(options.tf_keras))
        return
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "benchmarks.litert", "--tf-keras", directory]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        write_models(Path(directory))
        found = measure(Path(directory), options.repeats)
    for name, one in found.items():
        variant = name.rpartition(".")[2]
        fused, unrolled = found[f"tf_keras fused.{variant}"], found[f"Keras 3 unrolled.{variant}"]
        one["to_tf_keras"] = {key: one[key] / fused[key] for key in ("microseconds", "bytes")}
        one["to_keras_3"] = {key: one[key] / unrolled[key] for key in ("microseconds", "bytes")}
        ratios = [f"{one[peer][key]:5.2f}" for peer in ("to_tf_keras", "to_keras_3") for key in one[peer]]
        print(f"{name:42}{one['microseconds']:8.1f} us{one['bytes']:9,} bytes  " + "  ".join(ratios))
    print("ratios: time and size to tf_keras fused, time and size to Keras 3 unrolled")
    Path(options.output).write_text(json.dumps({"machine": machine(), "models": found}, indent=2))


if __name__ == "__main__":
    main()
