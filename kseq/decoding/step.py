"""What every decoder is handed: one step of a model."""

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops, tree

Tensor = Any
# `step(last_ids, states) -> (log_probs, states)`: last_ids int32 (rows,), log_probs float32
# (rows, vocabulary), states any nested structure of (rows, ...) tensors.
Step = Callable[[Tensor, Any], tuple[Tensor, Any]]
PAD_ID = 0  # behind the end of a sequence
LOWEST = -1e9  # the log-probability of what must not be; not infinite, so that sums and products stay numbers
IMPOSSIBLE = -1e8  # sums of log-probabilities below have such a part


def known(value: Any) -> bool:
    """Whether an option is a plain number now, not a tensor that gets its value later."""
    return isinstance(value, (int, float, np.number))


def like(new: Any, old: Any) -> Any:
    """States as a loop wants them: in the structure and the static shapes that they had before."""
    shaped = [ops.reshape(x, ops.shape(y)) for x, y in zip(tree.flatten(new), tree.flatten(old), strict=True)]
    return tree.pack_sequence_as(old, shaped)


def written(ids: Tensor, position: Tensor, chosen: Tensor) -> Tensor:
    """Sequences `(..., length)` with the ids `(...)` at a position."""
    here = ops.equal(ops.arange(ops.shape(ids)[-1]), position)
    return ops.where(here, ops.expand_dims(chosen, -1), ids)
