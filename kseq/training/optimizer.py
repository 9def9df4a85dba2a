"""Optimizer and learning-rate schedule from plain options."""

import keras

from kseq.errors import one_of

SCHEDULES = ("plateau", "cosine", "constant")


def make_optimizer(
    learning_rate: float,
    *,
    schedule: str = "constant",
    total_steps: int | None = None,
    warmup_steps: int = 0,
    weight_decay: float = 0.0,
    clip_norm: float | None = None,
) -> keras.optimizers.Optimizer:
    """AdamW with gradient clipping by global norm.

        g <- g * min(1, clip_norm / |g|)               |g| over all weights together

    Clipping by the global norm keeps the gradient's direction, so that one exploding window cannot
    throw the weights away. Weight decay leaves biases alone.

    Args:
        learning_rate: the rate, or the peak of a schedule.
        schedule: "cosine" rises over `warmup_steps` and falls to zero at `total_steps`; with "plateau"
            a callback lowers the rate; "constant" leaves it.
        total_steps: length of the training in optimizer steps, for "cosine".
        warmup_steps: for "cosine".
        weight_decay: decoupled, as a fraction of the weight per step and unit of learning rate.
        clip_norm: largest global norm of the gradient, None for no clipping.

    Raises:
        UserError: on an unknown schedule.

    Reference:
        Pascanu, Mikolov and Bengio, "On the Difficulty of Training Recurrent Neural Networks", 2013
        (clipping); Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019.
    """
    one_of("schedule", schedule, SCHEDULES)
    rate = learning_rate
    if schedule == "cosine":
        warmup_steps = min(warmup_steps, total_steps // 2)
        rate = keras.optimizers.schedules.CosineDecay(
            0.0 if warmup_steps else learning_rate,
            total_steps - warmup_steps,
            warmup_target=learning_rate if warmup_steps else None,
            warmup_steps=warmup_steps,
        )
    optimizer = keras.optimizers.AdamW(
        rate, weight_decay=weight_decay, beta_2=0.99, global_clipnorm=clip_norm
    )
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer
