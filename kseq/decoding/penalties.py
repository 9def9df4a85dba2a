"""How a finished sequence is scored: by its log-probability, its length, and what it attended to.

A length penalty is any function `(log_probs, lengths) -> scores` of one shape, not falling with the
log-probability and, for a given one, only rising or only falling with the length: early stopping relies
on it. Lengths are float32 and count the end.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

from keras import ops

from kseq.decoding.step import Tensor, known
from kseq.errors import not_negative

LengthPenalty = Callable[[Tensor, Tensor], Tensor]


def log_probability(log_probs: Tensor, lengths: Tensor) -> Tensor:
    """`log p`: no penalty. Favours short sequences, as every token costs."""
    return log_probs


def average(log_probs: Tensor, lengths: Tensor) -> Tensor:
    """`log p / length`."""
    return log_probs / lengths


@dataclasses.dataclass(frozen=True)
class Power:
    """`log p / length^alpha`: 0 is the log-probability, 1 the average.

    Args:
        alpha: the exponent; may be a scalar tensor.
    """

    alpha: Any = 1.0

    def __call__(self, log_probs: Tensor, lengths: Tensor) -> Tensor:
        return log_probs / ops.power(lengths, ops.cast(self.alpha, "float32"))


@dataclasses.dataclass(frozen=True)
class GNMT:
    """`log p / ((5 + length) / 6)^alpha`.

    Args:
        alpha: the exponent; may be a scalar tensor.

    Reference:
        Wu et al., "Google's Neural Machine Translation System", 2016, equation 14.
    """

    alpha: Any = 0.6

    def __call__(self, log_probs: Tensor, lengths: Tensor) -> Tensor:
        return log_probs / ops.power((5.0 + lengths) / 6.0, ops.cast(self.alpha, "float32"))


@dataclasses.dataclass(frozen=True)
class Coverage:
    """A reward for attending to all of the source, added to the score of a finished sequence.

        beta * sum_i log(min(sum_t a(t, i), 1))          a(t, i): attention of step t to source token i

    Args:
        attended: from states to `(rows, source)`, the attention summed over the steps so far, the one
            that gave the last log-probabilities among them; padding of the source given as ones.
        beta: strength; may be a scalar tensor.

    Reference:
        Wu et al., "Google's Neural Machine Translation System", 2016, equation 14.
    """

    attended: Callable[[Any], Tensor]
    beta: Any = 0.2

    def __post_init__(self) -> None:
        if known(self.beta):
            not_negative("beta", self.beta)

    def __call__(self, states: Any) -> Tensor:
        """The penalty of each row, `(rows,)`, zero or less."""
        attended = ops.clip(ops.cast(self.attended(states), "float32"), 1e-9, 1.0)
        return ops.cast(self.beta, "float32") * ops.sum(ops.log(attended), axis=-1)
