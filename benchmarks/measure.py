"""Times of functions, side by side in one process."""

import importlib.metadata
import os
import platform
import statistics
import time
from collections.abc import Callable

Functions = dict[str, Callable[[], object]]


def alternate(functions: Functions, repeats: int) -> dict[str, float]:
    """Median seconds of each function; all take turns, so that all meet the same machine."""
    for function in functions.values():
        function()  # traces and compiles
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            function()  # not timed: the threads of the library that ran before may still be spinning
            start = time.perf_counter()
            function()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def matmul_peak(size: int = 2048, repeats: int = 10) -> float:
    """Floating-point operations a second of a large matrix product in TensorFlow."""
    import tensorflow as tf

    x = tf.random.normal((size, size), seed=1)
    product = tf.function(lambda x: tf.reduce_sum(tf.matmul(x, x)[0]))
    run = {"product": lambda: product(x).numpy()}
    return 2 * size**3 / min(alternate(run, 1)["product"] for _ in range(repeats))


def machine() -> dict:
    """What the numbers were measured on."""
    packages = ("tensorflow", "keras", "torch", "pytorch-crf")
    found = {d.metadata["Name"]: d.version for d in importlib.metadata.distributions()}
    versions = {name: found[name] for name in packages if name in found}
    about = {"cores": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    return {**about, **versions}
