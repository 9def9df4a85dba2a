"""How often training feeds a model the true token, and how often its own."""

import math
from collections.abc import Callable

import keras

from kseq.errors import UserError


def linear(step: int, *, slope: float, start: float = 1.0, minimum: float = 0.0) -> float:
    """The share of true tokens falls in a straight line.

        share = max(minimum, start - slope * step)

    Args:
        step: optimizer steps so far.
        slope: what a step takes away.
        start: the share before the first step.
        minimum: where it stops.

    Example:
        >>> [linear(step, slope=0.1, minimum=0.25) for step in (0, 5, 10)]
        [1.0, 0.5, 0.25]
    """
    return max(minimum, start - slope * step)


def exponential(step: int, *, k: float) -> float:
    """The share of true tokens falls fast, and ever more slowly.

        share = k^step              0 < k < 1

    Args:
        step: optimizer steps so far.
        k: what a step leaves.
    """
    return k**step


def inverse_sigmoid(step: int, *, k: float) -> float:
    """The share of true tokens stays near 1, falls around step `k log k`, and stays near 0.

        share = k / (k + exp(step / k))             k >= 1

    Args:
        step: optimizer steps so far.
        k: how slowly.

    Example:
        >>> [round(inverse_sigmoid(step, k=100), 3) for step in (0, 461, 1000)]
        [0.99, 0.499, 0.005]
    """
    return 1 / (1 + math.exp(min(700.0, step / k - math.log(k))))


class ScheduledSampling(keras.callbacks.Callback):
    """Sets the share of true tokens that a `kseq.models.Seq2Seq` is fed, before each step of training.

    The share goes by the optimizer's count of steps, so that a resumed training goes on with it, and
    appears in the logs as `true_share`. It must come before callbacks that read logs.

    Args:
        schedule: from the optimizer's steps so far to the share, such as
            `functools.partial(inverse_sigmoid, k=2000)`.

    Raises:
        UserError: when training begins, of a model without `sampling`.

    Reference:
        Bengio et al., "Scheduled Sampling for Sequence Prediction with Recurrent Neural Networks", 2015.
    """

    KEY = "true_share"

    def __init__(self, schedule: Callable[[int], float]):
        super().__init__()
        self.schedule = schedule

    def on_train_begin(self, logs=None):
        if not hasattr(self.model, self.KEY):
            raise UserError(f"`sampling` of the model must be on, got {type(self.model).__name__} without it")

    def on_train_batch_begin(self, batch, logs=None):
        step = int(keras.ops.convert_to_numpy(self.model.optimizer.iterations))
        self.model.true_share.assign(self.schedule(step))

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs[self.KEY] = float(keras.ops.convert_to_numpy(self.model.true_share))
