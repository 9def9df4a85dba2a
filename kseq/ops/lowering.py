"""What stands in for a loop while a model is traced for another runtime."""

import contextlib
import contextvars
import dataclasses
from collections.abc import Callable, Iterator


@dataclasses.dataclass(frozen=True)
class Target:
    """What a runtime asks of the graphs that are traced for it.

    Args:
        sequence: called with the arguments of `kseq.ops.bptt.sequence` that matter without a gradient,
            `(recurrence, inputs, states, weights, mask, collect)`; gives what that gives, or None where the
            loop is to stay.
        unroll: write the steps of every loop out; needs static time dimensions.
        double: whether the runtime computes in float64.
    """

    sequence: Callable[..., tuple | None] = lambda *_: None
    unroll: bool = False
    double: bool = True


_KERAS = Target()
_target: contextvars.ContextVar[Target] = contextvars.ContextVar("target", default=_KERAS)


@contextlib.contextmanager
def traced_for(target: Target) -> Iterator[None]:
    """Inside, models are traced for a runtime."""
    token = _target.set(target)
    try:
        yield
    finally:
        _target.reset(token)


def target() -> Target:
    """The runtime that is traced for; outside of `traced_for` Keras's backend, which asks for nothing."""
    return _target.get()
