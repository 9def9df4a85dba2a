"""What all pipelines configure of training, and how it becomes an optimizer and callbacks."""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kseq.errors import UserError, fraction, not_negative, positive
from pipelines.config import option

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    from kseq.training.run import RunDirectory

WATCHED = 8  # rows of a batch whose gradients are measured


@dataclasses.dataclass(frozen=True)
class Fitting:
    """Fields of training; a pipeline's configuration inherits them and may change the defaults."""

    epochs: int = option(30, "times through the data at most")
    optimizer: str = option(
        "adamw", "how weights move; sgd suits large vocabularies", choices=("adamw", "sgd")
    )
    learning_rate: float = option(5e-3, "of the optimizer, or its peak")
    schedule: str = option("cosine", "of the rate", choices=("plateau", "cosine", "constant"))
    warmup_steps: int = option(100, "steps over which the cosine schedule rises")
    weight_decay: float = option(0.01, "decoupled weight decay")
    clip_norm: float | None = option(20.0, "largest norm of the gradient of the loss summed over time")
    ema_momentum: float | None = option(
        None, "evaluate and keep a moving average of the weights, such as 0.999; none: the weights themselves"
    )
    patience: int | None = option(10, "epochs without improvement before training ends")
    lr_patience: int = option(1, "the same before the plateau schedule lowers the rate")
    lr_factor: float = option(0.5, "what the rate is then multiplied by")
    time_limit: float | None = option(240.0, "seconds of training at most; a cosine schedule ends with it")
    watch_gradients: bool = option(
        False, "measure gradients through time after each epoch: to TensorBoard, with warnings"
    )
    backup_seconds: float | None = option(
        60.0, "after which the state is saved within an epoch; none: at its end only"
    )
    backup_steps: int | None = option(None, "likewise in batches")
    seed: int = option(1, "of weights, dropout and sampling")

    def __post_init__(self) -> None:
        for name in ("epochs", "learning_rate", "clip_norm", "time_limit", "backup_seconds", "backup_steps"):
            positive(name, getattr(self, name))
        for name in ("weight_decay", "warmup_steps", "patience", "lr_patience", "seed"):
            not_negative(name, getattr(self, name))
        if self.seed >= 2**32:
            raise UserError(f"`seed` must be below 2**32, got {self.seed}")
        if self.ema_momentum is not None and not 0 < self.ema_momentum < 1:
            raise UserError(f"`ema_momentum` must be above 0 and below 1, got {self.ema_momentum}")
        if not 0 < self.lr_factor < 1:
            raise UserError(f"`lr_factor` must be above 0 and below 1, got {self.lr_factor}")

    def check(self, *, positives: tuple[str, ...] = (), fractions: tuple[str, ...] = ()) -> None:
        """Check fields of a pipeline's own: positive numbers, and fractions below one."""
        for name in positives:
            positive(name, getattr(self, name))
        for name in fractions:
            fraction(name, getattr(self, name))


def optimizer(config: Fitting) -> "keras.optimizers.Optimizer":
    """The optimizer of a configuration."""
    from kseq.training.optimizer import make_optimizer

    return make_optimizer(
        config.learning_rate,
        name=config.optimizer,
        weight_decay=config.weight_decay,
        clip_norm=config.clip_norm,
        ema_momentum=config.ema_momentum,
    )


def callbacks(
    config: Fitting,
    run: "RunDirectory",
    monitor: str,
    mode: str,
    *,
    steps_per_epoch: int,
    tokens_per_step: int,
    batches: "tf.data.Dataset",
    measure: Callable[[], dict[str, float]] | None = None,
) -> list["keras.callbacks.Callback"]:
    """The callbacks of a configuration.

    Args:
        config: the configuration.
        run: where everything is written.
        monitor: what epochs are compared by.
        mode: `"min"` when less of it is better, else `"max"`.
        steps_per_epoch: batches in an epoch.
        tokens_per_step: tokens in a batch, on average.
        batches: what is trained on.
        measure: called after each epoch, what it gives is added to the logs.
    """
    from kseq.training.callbacks import standard_callbacks

    steps: Any = (config.learning_rate, config.epochs * steps_per_epoch, config.warmup_steps)
    standard = standard_callbacks(
        run,
        monitor=monitor,
        mode=mode,
        tokens_per_step=tokens_per_step,
        patience=config.patience,
        lr_patience=config.lr_patience if config.schedule == "plateau" else None,
        lr_factor=config.lr_factor,
        cosine=steps if config.schedule == "cosine" else None,
        time_limit=config.time_limit,
        notify=_say,
        measure=measure,
        backup_seconds=config.backup_seconds,
        backup_steps=config.backup_steps,
        averaged=config.ema_momentum is not None,
    )
    return [*_watching(run, batches), *standard] if config.watch_gradients else standard


def _say(sentence: str) -> None:
    print(f"\n{sentence}", flush=True)


def _watching(run: "RunDirectory", batches: "tf.data.Dataset") -> list["keras.callbacks.Callback"]:
    """What measures gradients on a few rows of the first batch."""
    import keras

    from kseq.inspection import GradientMonitor

    rows = keras.tree.map_structure(lambda x: x[:WATCHED], next(iter(batches)))
    return [GradientMonitor(rows, run.tensorboard / "gradients", notify=_say)]
