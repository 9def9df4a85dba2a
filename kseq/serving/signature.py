"""One signature of an export: what goes in, what comes out, and whether requests may share a call."""

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

Arrays = dict[str, np.ndarray]


class Signature:
    """A function of an export from arrays to arrays.

    Args:
        name: what callers ask for.
        function: a signature of a loaded SavedModel.
    """

    def __init__(self, name: str, function: Callable[..., Mapping[str, tf.Tensor]]):
        self.name = name
        self.inputs: dict[str, tf.TensorSpec] = dict(function.structured_input_signature[1])
        self.outputs: dict[str, tf.TensorSpec] = dict(function.structured_outputs)
        self._function = function

    @property
    def merges(self) -> bool:
        """Whether rows of several requests may be computed in one call, which no caller can then tell.

        That is so if everything that goes in and comes out is rows of fixed size. An option that is one
        number for all rows, such as a seed, says that it is not; so does an output that is padded to the
        longest row, which would be a stranger's.
        """
        return all(_fixed_rows(spec.shape) for spec in (*self.inputs.values(), *self.outputs.values()))

    def __call__(self, inputs: Arrays) -> Arrays:
        """Compute; NumPy in and out.

        Raises:
            tf.errors.OpError: the graph does not take these values.
        """
        tensors = {name: tf.constant(value, self.inputs[name].dtype) for name, value in inputs.items()}
        return {name: value.numpy() for name, value in self._function(**tensors).items()}

    def warm_up(self) -> None:
        """Make the first call, which is slower than the others, with one row of anything."""
        inputs = {name: _anything(spec) for name, spec in self.inputs.items()}
        with contextlib.suppress(tf.errors.OpError):  # a graph need not take just anything
            self(inputs)


def _fixed_rows(shape: tf.TensorShape) -> bool:
    return bool(shape.rank) and shape[0] is None and shape[1:].is_fully_defined()


def _anything(spec: tf.TensorSpec) -> Any:
    shape = [1 if size is None else size for size in spec.shape or ()]
    return np.full(shape, b"a" if spec.dtype == tf.string else 1, spec.dtype.as_numpy_dtype)
