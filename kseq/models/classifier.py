"""A recurrent classifier: many to one."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops, tree

from kseq.errors import UserError, fraction, one_of, positive
from kseq.layers import AttentionPooling, SequencePooling
from kseq.layers.pooling import MODES
from kseq.models.carry import Carry
from kseq.models.encoder import SequenceEncoder
from kseq.ops.loops import scan

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

    A long sequence may come in windows, `start`, `read` and `logits` being one after the other what a
    call is at once, so that neither time nor gradient reaches back further than a window and memory
    stays flat; `by_windows` is that in one loop. Called on `{..., "reset"}`, the batches of
    `kseq.data.windowed`, the model carries what it has read from each batch to the next: truncated
    back-propagation through time. A bidirectional encoder reads backwards inside each window.

    Args:
        encoder: what reads the sequence.
        targets: names of the labels, or how many labels or numbers there are.
        task: `"label"`, `"labels"` or `"number"`.
        pooling: `"last"`, `"mean"`, `"max"`, `"all"` for these three side by side, or `"attention"`.
        dropout: on the pooled vector.
        seed: of the weights of the head, and of dropout.
        **kwargs: of `keras.Model`.

    Call arguments:
        inputs: what the encoder takes; with `reset`, boolean `(batch,)`, True for a row that begins.
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
        widths = tree.map_structure(lambda x: x.shape[-1], self.start(1))
        self.training_carry = Carry(widths, name="training_carry")
        self.evaluation_carry = Carry(widths, name="evaluation_carry")

    def build(self, inputs_shape: Any = None) -> None:
        if not self.encoder.built:  # one that was loaded is
            self.encoder.build(inputs_shape)
        shape = (None, None, self.encoder.width)
        self.pool.build(shape)
        self.head.build(self.pool.compute_output_shape(shape))

    def call(self, inputs: Any, mask: Tensor | None = None, training: bool = False) -> Tensor:
        if not (isinstance(inputs, dict) and "reset" in inputs):
            x = self.encoder(inputs, mask=mask, training=training)
            return self._head(self.pool(x, mask=self.encoder.mask(inputs, mask)), training)
        inputs = dict(inputs)
        reset = inputs.pop("reset")
        carry = self.training_carry if training else self.evaluation_carry
        state = carry.start(self.start(ops.shape(reset)[0]), reset)
        state = self.read(inputs, state, mask, training)
        carry.set(state)
        return self.logits(state, training)

    def start(self, batch_size: Any) -> Any:
        """The state of nothing read yet."""
        return self.encoder.initial_states(batch_size), self.pool.start(batch_size, self.encoder.width)

    def read(self, inputs: Any, state: Any, mask: Tensor | None = None, training: bool = False) -> Any:
        """The state after a further window.

        Args:
            inputs: as of a call, without `reset`.
            state: from `start` or from this function.
            mask: as of a call.
            training: whether dropout is on.
        """
        states, pooled = state
        x, states = self.encoder.read(inputs, states, mask, training)
        return states, self.pool.update(pooled, x, self.encoder.mask(inputs, mask))

    def logits(self, state: Any, training: bool = False) -> Tensor:
        """What a call returns, for what was read up to a state."""
        return self._head(self.pool.result(state[1]), training)

    def by_windows(self, inputs: Any, window: int, mask: Tensor | None = None) -> Tensor:
        """As a call without dropout, in windows: one pass of a loop each.

        Args:
            inputs: as of a call, without `reset`.
            window: steps of a window.
            mask: as of a call.
        """
        positive("window", window)
        first = tree.flatten(inputs)[0]
        if not self.built:
            self.build(first.shape)
        batch, time = ops.shape(first)[:2]
        if mask is None and self.encoder.config["sizes"] is None:
            mask = ops.ones((batch, time), "bool")
        number = (time + window - 1) // window
        padded = tree.map_structure(
            lambda x: _padded(x, number * window - time), (inputs, mask), none_is_leaf=False
        )

        def body(state: Any, xs: list[Tensor]) -> tuple[Any, tuple]:
            start = xs[0] * window
            inputs, mask = tree.map_structure(lambda x: _window(x, start, window), padded, none_is_leaf=False)
            return self.read(inputs, state, mask), ()

        state, _ = scan(body, self.start(batch), [ops.arange(number)])
        return self.logits(state)

    def _head(self, pooled: Tensor, training: bool) -> Tensor:
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


def _padded(x: Tensor, steps: Any) -> Tensor:
    """With further steps of 0 (False)."""
    return ops.pad(x, [[0, 0], [0, steps]] + [[0, 0]] * (len(x.shape) - 2))


def _window(x: Tensor, start: Tensor, window: int) -> Tensor:
    batch, _, *rest = ops.shape(x)
    return ops.slice(x, [0, start, *[0] * len(rest)], [batch, window, *rest])
