"""How the loop over time is spread over the cores and compiled."""

import contextlib
import contextvars
import dataclasses
import math
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
from keras import ops

Tensor = Any
# Measured on two cores (python -m benchmarks.recurrence):
MIN_ROWS = 4  # rows of a batch below which a loop of their own does not pay
MAX_UNITS = 512  # width above which a step is all matrix product
SEGMENT = 128  # steps of a long sequence after which a loop of its own begins


_portable: contextvars.ContextVar[bool] = contextvars.ContextVar("portable", default=False)


@contextlib.contextmanager
def portable() -> Iterator[None]:
    """Inside, nothing is traced that only this machine can run: no XLA program, no cuDNN operation."""
    token = _portable.set(True)
    try:
        yield
    finally:
        _portable.reset(token)


def is_portable() -> bool:
    """Whether what is traced now must run anywhere."""
    return _portable.get()


@dataclasses.dataclass(frozen=True)
class Plan:
    """How a recurrence runs.

    Args:
        shards: how many loops the batch is split into, so that they run on all cores at once.
        compiled: whether each loop is one XLA program.
        segment: steps after which a further loop begins; None: one loop over all.
        reason: why, in a clause.
    """

    shards: int = 1
    compiled: bool = False
    segment: int | None = None
    reason: str = ""

    @property
    def fused(self) -> bool:
        """Whether a compiler fuses what is elementwise into the loop; otherwise it is better done before."""
        return self.compiled or keras.backend.backend() == "jax"

    def __str__(self) -> str:
        compiled = "compiled by XLA" if self.compiled else "not compiled on its own"
        loops = "one loop" if self.shards == 1 else f"{self.shards} loops over parts of the batch"
        segments = f" for every {self.segment} steps" if self.segment else ""
        return f"{loops}{segments}, {compiled}: {self.reason}"

    def split(self, part: dict) -> list[dict]:
        """Cut a nested dictionary of tensors along the batch, their first axis."""
        if self.shards == 1:
            return [part]
        import tensorflow as tf

        cut = {
            name: [None] * self.shards
            if value is None
            else list(zip(*(tf.split(x, self.shards) for x in value), strict=True))
            if isinstance(value, tuple)
            else tf.split(value, self.shards)
            for name, value in part.items()
        }
        return [{name: pieces[k] for name, pieces in cut.items()} for k in range(self.shards)]

    def program(self, function: Callable) -> Callable:
        """The function, compiled if that is the plan."""
        if not self.compiled:
            return function
        import tensorflow as tf

        # a new one for each trace of the model: one that lives longer would warn of retracing
        return tf.function(function, jit_compile=True, autograph=False)


def not_before(values: Any, given: Any) -> Any:
    """The values, not to be had before `given` is known.

    Without this a scheduler that sees that something depends on the way forward alone computes it then,
    and holds it until the way back needs it.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.control_dependencies(tf.nest.flatten(given)):
            return tf.nest.map_structure(tf.identity, values)
    if backend == "jax":
        import jax

        return jax.lax.optimization_barrier((values, given))[0]
    return values


def join(pieces: list[Tensor]) -> Tensor:
    """The shards of a result put together along the batch."""
    return pieces[0] if len(pieces) == 1 else ops.concatenate(pieces)


def total(pieces: list[Tensor]) -> Tensor:
    """The sum over shards of a gradient."""
    return pieces[0] if len(pieces) == 1 else sum(pieces[1:], pieces[0])


def make_plan(
    shape: Sequence[int | None],
    units: int,
    gated: bool,
    *,
    training: bool,
    recompute: bool = False,
    eager: bool | None = None,
) -> Plan:
    """The plan for sequences `(batch, time, features)`.

    Args:
        shape: of the sequences, None where it is not known when the model is traced.
        units: width of the state.
        gated: whether a step does much besides its matrix product.
        training: whether there is a way back.
        recompute: whether the history is to be computed again on the way back.
        eager: whether operations run one by one, unless given as it is now.
    """
    time = shape[1]
    plan = _loops(shape, units, gated, training, eager)
    if not training or time is None:
        return plan
    if recompute:
        return dataclasses.replace(plan, segment=math.isqrt(max(time - 1, 0)) + 1)
    if plan.compiled and time >= 2 * SEGMENT:
        return dataclasses.replace(plan, segment=-(-time // (time // SEGMENT)))  # of like lengths
    return plan


def _loops(shape: Sequence[int | None], units: int, gated: bool, training: bool, eager: bool | None) -> Plan:
    backend = keras.backend.backend()
    if backend != "tensorflow":
        return Plan(reason=f"on {backend} the loop is part of the whole program")
    import tensorflow as tf

    if tf.executing_eagerly() if eager is None else eager:
        return Plan(reason="executed eagerly, one operation after the other")
    if is_portable():
        return Plan(reason="an export must run anywhere")
    if None in tuple(shape):
        # XLA compiles anew for every shape: only shapes that are known beforehand are worth it
        return Plan(reason="the batch size or the number of steps is not known beforehand")
    if has_gpu():
        return Plan(1, True, reason="a GPU runs one loop at a time")
    if not (training and gated and units <= MAX_UNITS):
        # XLA's matrix products use all cores already; what it leaves to one core is too little to share
        return Plan(1, True, reason="the matrix products of one loop keep the cores busy")
    possible = [n for n in range(1, num_cores() + 1) if shape[0] % n == 0 and shape[0] // n >= MIN_ROWS]
    if max(possible, default=1) == 1:
        reason = f"the batch does not split into equal parts of {MIN_ROWS} rows or more"
        return Plan(1, True, reason=reason)
    return Plan(max(possible), True, reason="the batch is split over the cores")


def num_cores() -> int:
    """How many operations TensorFlow runs at once."""
    import tensorflow as tf

    threads = tf.config.threading.get_inter_op_parallelism_threads()
    if threads or not hasattr(os, "sched_getaffinity"):
        return threads or os.cpu_count() or 1
    return len(os.sched_getaffinity(0))


def has_gpu() -> bool:
    """Whether TensorFlow sees a GPU."""
    import tensorflow as tf

    return bool(tf.config.get_visible_devices("GPU"))
