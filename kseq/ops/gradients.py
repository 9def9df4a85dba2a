"""Gradients derived by hand, in the way that each backend takes them."""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from kseq.ops.plan import is_portable

Tensor = Any


def with_gradient(run: Callable, args: Sequence[Tensor]) -> tuple:
    """The results of a function that brings its own gradient, on every backend; without it in exports.

    Args:
        run: `run(*args) -> (results, gradient)`, both tuples; `gradient(*dresults)` gives one gradient
            for each argument.
        args: floating-point tensors.
    """
    backend = keras.backend.backend()
    args = [ops.convert_to_tensor(x) for x in args]
    if is_portable():
        return tuple(run(*args)[0])
    if backend == "tensorflow":
        return ops.custom_gradient(run)(*args)
    if backend == "jax":

        def wrapped(*args: Tensor) -> tuple:
            results, gradient = run(*args)
            return results, lambda dresults: gradient(*dresults)

        return ops.custom_gradient(wrapped)(*args)

    return _on_torch(run, args)


def _on_torch(run: Callable, args: list[Tensor]) -> tuple:
    import torch

    shapes = []

    def packed(*args: Tensor) -> tuple:  # Keras knows gradients of one result only
        results, gradient = run(*args)
        shapes.extend(x.shape for x in results)

        def backward(*_: Tensor, upstream: Tensor) -> tuple:
            if torch.is_grad_enabled():  # create_graph=True: what the history depends on is not tracked
                raise RuntimeError("the derived gradient has no derivative of its own: use `unroll=True`")
            return gradient(*_unpack(upstream, shapes))

        return ops.concatenate([ops.reshape(x, (-1,)) for x in results]), backward

    return tuple(_unpack(ops.custom_gradient(packed)(*args), shapes))


def _unpack(flat: Tensor, shapes: list) -> list[Tensor]:
    ends = [0, *itertools.accumulate(math.prod(shape) for shape in shapes)]
    pieces = (flat[start:end] for start, end in itertools.pairwise(ends))
    return [ops.reshape(piece, shape) for piece, shape in zip(pieces, shapes, strict=True)]
