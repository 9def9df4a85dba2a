"""Optimizer and learning-rate schedule from plain options."""

import math
from typing import Any

import keras

from kseq.errors import one_of
from kseq.optimizers import SGD, AdamW
from kseq.training.interruption import TimeLimit

OPTIMIZERS = ("adamw", "sgd")


def make_optimizer(
    learning_rate: float,
    *,
    name: str = "adamw",
    weight_decay: float = 0.0,
    clip_norm: float | None = None,
    ema_momentum: float | None = None,
) -> keras.optimizers.Optimizer:
    """An optimizer with gradient clipping by global norm.

        g <- g * min(1, clip_norm / |g|)               |g| over all weights together

    Clipping by the global norm keeps the gradient's direction, so that one exploding window cannot
    throw the weights away. Weight decay leaves biases alone.

    Args:
        learning_rate: the rate, or the peak of a schedule.
        name: "adamw", or "sgd", plain gradient descent: large vocabularies, most of whose tokens are
            rare, learn faster by it.
        weight_decay: decoupled, as a fraction of the weight per step and unit of learning rate.
        clip_norm: largest global norm of the gradient, None for no clipping.
        ema_momentum: of the moving average of the weights, see `kseq.training.averaging.AveragedWeights`;
            None: there is none.

    Raises:
        UserError: on another name.

    Reference:
        Pascanu, Mikolov and Bengio, "On the Difficulty of Training Recurrent Neural Networks", 2013
        (clipping); Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019.
    """
    one_of("name", name, OPTIMIZERS)
    options: dict[str, Any] = {"weight_decay": weight_decay, "global_clipnorm": clip_norm}
    if ema_momentum is not None:
        options |= {"use_ema": True, "ema_momentum": ema_momentum}
    if name == "sgd":
        optimizer = SGD(learning_rate, **options)
    else:
        optimizer = AdamW(learning_rate, beta_2=0.99, **options)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


class CosineSchedule(keras.callbacks.Callback):
    """Raises the learning rate over some steps, then lowers it to zero along half a cosine.

        rate = peak * min(1, step / warmup_steps) * (1 + cos(pi * progress)) / 2

    Progress is the share of the steps or of the time limit that is spent, whichever is more, so
    that training that ends by the clock ends annealed too, on any machine.

    Args:
        peak: the highest rate.
        total_steps: optimizer steps of the whole training.
        warmup_steps: steps of the rise.
        limit: the time limit of the training, if it has one; it comes before this in the list.

    Reference:
        Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017.
    """

    def __init__(self, peak: float, total_steps: int, warmup_steps: int = 0, limit: TimeLimit | None = None):
        super().__init__()
        self.peak = peak
        self.total_steps = total_steps
        self.warmup_steps = warmup_steps
        self.limit = limit

    def rate(self, step: int, seconds: float = 0.0) -> float:
        """The learning rate at a step, so many seconds into the training."""
        progress = step / self.total_steps
        if self.limit is not None and self.limit.seconds is not None:
            progress = max(progress, seconds / self.limit.seconds)
        warm = min(1.0, (step + 1) / self.warmup_steps) if self.warmup_steps else 1.0
        return self.peak * warm * (1 + math.cos(math.pi * min(1.0, progress))) / 2

    def on_train_begin(self, logs=None):
        self._step = int(
            keras.ops.convert_to_numpy(self.model.optimizer.iterations)
        )  # not 0 where a run is resumed

    def on_train_batch_begin(self, batch, logs=None):
        seconds = self.limit.elapsed if self.limit is not None else 0.0
        self._next = self.rate(self._step, seconds)
        self.model.optimizer.learning_rate = self._next

    def on_train_batch_end(self, batch, logs=None):
        self._step += 1
        self._last = self._next

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs["learning_rate"] = self._last
        self.model.optimizer.learning_rate = self._last  # a step that found no data may have begun
