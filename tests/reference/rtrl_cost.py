"""What the gradient of a tanh recurrence costs backwards and forwards in time, in NumPy.

    python -m tests.reference.rtrl_cost

prints the table of `docs/bptt.md`: time a step, multiplications a step, and the most memory held at once
besides inputs and weights; float64, one row, one feature.
"""

import time
import tracemalloc

import numpy as np

from tests.reference import bptt, rtrl

SIZES = [(16, 100), (16, 400), (32, 100), (32, 400), (64, 100)]  # units, steps


def backwards(x, h, weights, doutputs):
    """Back-propagation through time."""
    return bptt.gradients("simple_rnn", x, [h], weights, doutputs, [np.zeros_like(h)])[2]


def problem(units, steps, features=1, batch=1, seed=0):
    """Random `(x, h, weights, doutputs)`."""
    rng = np.random.default_rng(seed)
    weights = {
        "kernel": rng.normal(size=(features, units)),
        "recurrent_kernel": rng.normal(size=(units, units)) / np.sqrt(units),
        "bias": rng.normal(size=units),
    }
    x, doutputs = rng.normal(size=(batch, steps, features)), rng.normal(size=(batch, steps, units))
    return x, rng.normal(size=(batch, units)), weights, doutputs


def peak_memory(function, *arguments):
    """The most bytes that `function` holds at once besides its arguments."""
    function(*arguments)
    tracemalloc.start()
    function(*arguments)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


class Counted(np.ndarray):
    """An array that counts the multiplications of its matrix products, and of what comes out of them."""

    multiplications = 0

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        arrays = [np.asarray(a) if isinstance(a, Counted) else a for a in inputs]
        result = getattr(ufunc, method)(*arrays, **options)
        if ufunc is np.matmul:
            Counted.multiplications += result.size * arrays[0].shape[-1]
        return result.view(Counted) if isinstance(result, np.ndarray) else result


def multiplications(function, x, h, weights, doutputs):
    """How many multiplications the matrix products of `function` make."""
    Counted.multiplications = 0
    weights = {name: value.view(Counted) for name, value in weights.items()}
    function(x.view(Counted), h.view(Counted), weights, doutputs.view(Counted))
    return Counted.multiplications


def seconds(function, *arguments, repeats=3):
    """The shortest time of a call."""
    taken = []
    for _ in range(repeats):
        begin = time.perf_counter()
        function(*arguments)
        taken.append(time.perf_counter() - begin)
    return min(taken)


def main():
    print("| units | steps | | us a step | products a step | memory, kB |")
    print("|---:|---:|---|---:|---:|---:|")
    for units, steps in SIZES:
        arguments = problem(units, steps)
        for name, function in (("backwards", backwards), ("forwards", rtrl.gradients)):
            each = seconds(function, *arguments) / steps * 1e6
            products = multiplications(function, *arguments) / steps
            memory = peak_memory(function, *arguments) / 1e3
            print(f"| {units} | {steps} | {name} | {each:,.0f} | {products:,.0f} | {memory:,.0f} |")


if __name__ == "__main__":
    main()
