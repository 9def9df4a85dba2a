"""From the steps of a sequence to one vector."""

from typing import Any

import keras
from keras import ops

from kseq.errors import one_of, positive

Tensor = Any
State = tuple[Tensor, ...]
MODES = ("last", "mean", "max", "all")
LOWEST = -1e9  # below every output of a recurrent layer


@keras.saving.register_keras_serializable("kseq")
class SequencePooling(keras.layers.Layer):
    """Last, mean or maximum of the real steps of a sequence, or all three side by side.

    `start`, `update` and `result` do the same piece by piece, for sequences that come in windows.

    Args:
        mode: `"last"`, `"mean"`, `"max"`, or `"all"` for the three concatenated.
        both_ends: the second half of the features was read backwards: its last step is the first one.
            What `"last"` wants behind a bidirectional layer.
        **kwargs: of `keras.layers.Layer`.

    Call arguments:
        x: `(batch, time, features)`.
        mask: boolean `(batch, time)`, True for a real step; any pattern.

    Returns:
        `(batch, features)`, three times as wide for `"all"`; zero for an empty sequence.

    Example:
        >>> x = keras.ops.reshape(keras.ops.arange(6.0), (1, 3, 2))
        >>> keras.ops.convert_to_numpy(SequencePooling("max")(x, mask=[[True, True, False]]))
        array([[2., 3.]], dtype=float32)
    """

    def __init__(self, mode: str = "max", both_ends: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.mode = one_of("mode", mode, MODES)
        self.both_ends = both_ends
        self.supports_masking = True

    def call(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        return self.result(self.update(self.start(ops.shape(x)[0], x.shape[-1]), x, mask))

    def start(self, batch: Any, features: int) -> State:
        """The state of nothing read yet: last step, sum, count and maximum."""
        zeros = ops.zeros((batch, features), self.compute_dtype)
        return zeros, zeros, ops.zeros((batch, 1), self.compute_dtype), zeros + LOWEST

    def update(self, state: State, x: Tensor, mask: Tensor | None = None) -> State:
        """The state after more steps."""
        last, total, count, top = state
        real = _real(x, mask)
        some = ops.any(real, axis=1)
        ends = _at_last(x, real)
        if self.both_ends:
            half = x.shape[-1] // 2
            first = _at_last(ops.flip(x, axis=1), ops.flip(real, axis=1))
            ends = ops.concatenate([ends[:, :half], first[:, half:]], axis=-1)
        return (
            ops.where(some, ends, last),
            total + ops.sum(ops.where(real, x, ops.zeros_like(x)), axis=1),
            count + ops.sum(ops.cast(real, x.dtype), axis=1),
            ops.maximum(top, ops.max(ops.where(real, x, ops.cast(LOWEST, x.dtype)), axis=1)),
        )

    def result(self, state: State) -> Tensor:
        """What was read, as one vector."""
        last, total, count, top = state
        top = ops.where(count > 0, top, ops.zeros_like(top))
        found = {"last": last, "mean": total / ops.maximum(count, 1), "max": top}
        return ops.concatenate(list(found.values()), axis=-1) if self.mode == "all" else found[self.mode]

    def compute_mask(self, x: Tensor, mask: Tensor | None = None) -> None:
        return None

    def compute_output_shape(self, x_shape: Any) -> tuple:
        return x_shape[0], x_shape[-1] * (3 if self.mode == "all" else 1)

    def get_config(self) -> dict:
        return {**super().get_config(), "mode": self.mode, "both_ends": self.both_ends}


@keras.saving.register_keras_serializable("kseq")
class AttentionPooling(keras.layers.Layer):
    """Mean of the real steps of a sequence, weighted by how much each matters.

        a(t) = softmax over t of v' tanh(W h(t) + b)
        y    = sum_t a(t) h(t)

    `start`, `update` and `result` do the same piece by piece, for sequences that come in windows.

    Args:
        units: width of the hidden layer.
        initializer: of `W` and `v`.
        **kwargs: of `keras.layers.Layer`.

    Call arguments:
        x: `(batch, time, features)`.
        mask: boolean `(batch, time)`, True for a real step; any pattern.

    Returns:
        `(batch, features)`, zero for an empty sequence; `weights_of` gives `a`.

    Reference:
        Yang et al., "Hierarchical Attention Networks for Document Classification", 2016.
    """

    def __init__(self, units: int = 64, initializer: Any = "glorot_uniform", **kwargs: Any):
        super().__init__(**kwargs)
        self.units = positive("units", units)
        self.initializer = keras.initializers.get(initializer)
        self.supports_masking = True

    def build(self, x_shape: Any) -> None:
        shapes = {"kernel": (x_shape[-1], self.units), "context": (self.units, 1)}
        for name, shape in shapes.items():
            initializer = self.initializer.clone()
            setattr(self, name, self.add_weight(shape=shape, initializer=initializer, name=name))
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")

    def call(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        return self.result(self.update(self.start(ops.shape(x)[0], x.shape[-1]), x, mask))

    def start(self, batch: Any, features: int) -> State:
        """The state of nothing read yet: highest score, sum of `exp(score)`, and of that times the step."""
        highest = ops.full((batch, 1), -1e4, self.compute_dtype)
        return highest, ops.zeros_like(highest), ops.zeros((batch, features), self.compute_dtype)

    def update(self, state: State, x: Tensor, mask: Tensor | None = None) -> State:
        """The state after more steps."""
        highest, mass, total = state
        real = _real(x, mask)
        x = ops.where(real, x, ops.zeros_like(x))
        scores = self._scores(x, real)
        now_highest = ops.maximum(highest, ops.max(scores, axis=1))
        scale = ops.exp(highest - now_highest)
        masses = ops.where(real, ops.exp(scores - now_highest[:, None]), ops.zeros_like(scores))
        return now_highest, mass * scale + ops.sum(masses, 1), total * scale + ops.sum(masses * x, axis=1)

    def result(self, state: State) -> Tensor:
        """What was read, as one vector."""
        _, mass, total = state
        return total / ops.maximum(mass, ops.cast(1e-6, mass.dtype))

    def weights_of(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """The weights `a`, `(batch, time)`; zero at masked steps."""
        real = _real(x, mask)
        scores = self._scores(ops.where(real, x, ops.zeros_like(x)), real)
        masses = ops.exp(scores - ops.max(scores, axis=1, keepdims=True))  # Keras's softmax warns of one step
        masses = ops.where(real, masses, ops.zeros_like(masses))
        return (masses / ops.maximum(ops.sum(masses, axis=1, keepdims=True), 1e-6))[..., 0]

    def _scores(self, x: Tensor, real: Tensor) -> Tensor:
        """`(batch, time, 1)`, very low at masked steps."""
        hidden = ops.tanh(ops.matmul(x, self.kernel) + self.bias)
        return ops.where(real, ops.matmul(hidden, self.context), ops.cast(-1e4, hidden.dtype))

    def compute_mask(self, x: Tensor, mask: Tensor | None = None) -> None:
        return None

    def compute_output_shape(self, x_shape: Any) -> tuple:
        return x_shape[0], x_shape[-1]

    def get_config(self) -> dict:
        initializer = keras.initializers.serialize(self.initializer)
        return {**super().get_config(), "units": self.units, "initializer": initializer}


def _real(x: Tensor, mask: Tensor | None) -> Tensor:
    """The mask as booleans `(batch, time, 1)`."""
    if mask is None:
        return ops.ones((*ops.shape(x)[:2], 1), "bool")
    return ops.cast(mask, "bool")[..., None]


def _at_last(x: Tensor, real: Tensor) -> Tensor:
    """What stands at the last real step of each row."""
    place = ops.arange(ops.shape(x)[1])[:, None]
    last = ops.max(ops.where(real, place, 0), axis=1, keepdims=True)
    return ops.sum(ops.where(ops.equal(place, last), x, ops.zeros_like(x)), axis=1)
