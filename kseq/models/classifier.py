"""A recurrent classifier: many to one."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from kseq.errors import UserError, fraction, one_of, positive
from kseq.layers import AttentionPooling, SequencePooling
from kseq.layers.pooling import MODES
from kseq.models.encoder import SequenceEncoder

Tensor = Any
TASKS = ("label", "labels", "number")


@keras.saving.register_keras_serializable("kseq")
class Classifier(keras.Model):
    """Give a whole sequence a label, several, or a number.

        v = pool(h(1) .. h(n))      h of a `SequenceEncoder`
        z = v W + b
        "label":  p(k | x) = softmax(z)[k]      one of the labels
        "labels": p(k | x) = sigmoid(z[k])      each label by itself
        "number": y = z                         one or several numbers

    `make_loss()` is the loss that goes with the task.

    Args:
        encoder: what reads the sequence.
        targets: names of the labels, or how many labels or numbers there are.
        task: `"label"`, `"labels"` or `"number"`.
        pooling: `"last"`, `"mean"`, `"max"`, `"all"` for these three side by side, or `"attention"`.
        dropout: on the pooled vector.
        seed: of the weights of the head, and of dropout.
        **kwargs: of `keras.Model`.

    Call arguments:
        inputs: what the encoder takes.
        mask: of numeric inputs.
        training: whether dropout is on.

    Returns:
        `z`, `(batch, targets)`: logits, or the numbers.

    Raises:
        UserError: an argument is none of the above.

    Example:
        >>> model = Classifier(SequenceEncoder(units=8), ("calm", "storm"))  # of measurements
        >>> tuple(model(keras.ops.ones((2, 30, 3))).shape)
        (2, 2)
    """

    def __init__(
        self,
        encoder: SequenceEncoder,
        targets: int | Sequence[str],
        *,
        task: str = "label",
        pooling: str = "max",
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.encoder = encoder
        self.targets = targets if isinstance(targets, int) else tuple(targets)
        self.num_targets = positive("targets", targets if isinstance(targets, int) else len(targets))
        self.task = one_of("task", task, TASKS)
        if task == "label" and self.num_targets < 2:
            raise UserError(f"`targets` must be two labels or more for the task 'label', got {targets}")
        self.pooling = one_of("pooling", pooling, (*MODES, "attention"))
        self.dropout = fraction("dropout", dropout)
        self.seed = seed
        self.supports_masking = True
        self.supports_jit = False  # XLA would compile anew for every length, and leave cores idle
        seeds = (lambda n: None) if seed is None else (lambda n: seed + n)
        both = encoder.config["bidirectional"]
        glorot = keras.initializers.GlorotUniform(seeds(40))
        self.pool = (
            AttentionPooling(initializer=glorot, name="pool")
            if pooling == "attention"
            else SequencePooling(pooling, both_ends=both, name="pool")
        )
        self.drop = keras.layers.Dropout(dropout, seed=seeds(41))
        glorot = keras.initializers.GlorotUniform(seeds(42))
        self.head = keras.layers.Dense(self.num_targets, kernel_initializer=glorot, name="head")

    def build(self, inputs_shape: Any = None) -> None:
        if not self.encoder.built:  # one that was loaded is
            self.encoder.build(inputs_shape)
        shape = (None, None, self.encoder.width)
        self.pool.build(shape)
        self.head.build(self.pool.compute_output_shape(shape))

    def call(self, inputs: Any, mask: Tensor | None = None, training: bool = False) -> Tensor:
        x = self.encoder(inputs, mask=mask, training=training)
        pooled = self.pool(x, mask=self.encoder.mask(inputs, mask))
        return self.head(self.drop(pooled, training=training))

    def compute_mask(self, inputs: Any, mask: Tensor | None = None) -> None:
        return None

    def make_loss(self) -> keras.losses.Loss:
        """The loss that goes with the task."""
        if self.task == "label":
            return keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        return (
            keras.losses.BinaryCrossentropy(from_logits=True)
            if self.task == "labels"
            else keras.losses.MeanSquaredError()
        )

    def probabilities(self, logits: Tensor) -> Tensor:
        """What the logits mean: probabilities, or for numbers themselves."""
        if self.task == "number":
            return logits
        logits = ops.cast(logits, "float32")
        return ops.softmax(logits) if self.task == "label" else ops.sigmoid(logits)

    def attention(self, inputs: Any, mask: Tensor | None = None) -> Tensor:
        """How much each step weighed, `(batch, time)`; for attention pooling.

        Raises:
            UserError: the model pools otherwise.
        """
        if self.pooling != "attention":
            raise UserError(f"`pooling` must be 'attention' for weights, got {self.pooling!r}")
        x = self.encoder(inputs, mask=mask)
        return self.pool.weights_of(x, self.encoder.mask(inputs, mask))

    def get_config(self) -> dict:
        own = {name: getattr(self, name) for name in ("task", "pooling", "dropout", "seed")}
        encoder = keras.saving.serialize_keras_object(self.encoder)
        return {**super().get_config(), "encoder": encoder, "targets": self.targets, **own}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Any = None) -> "Classifier":
        encoder = keras.saving.deserialize_keras_object(config["encoder"], custom_objects)
        return cls(**{**config, "encoder": encoder})
