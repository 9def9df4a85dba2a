"""What a decoder may read that is no sequence: regions of an image, a vector, a class."""

from typing import Any

import keras
from keras import ops

from kseq.errors import fraction, positive

Tensor = Any


class Source(keras.layers.Layer):
    """What `kseq.models.Seq2Seq` asks of an encoder, in the names of `SequenceEncoder`.

    Here a source without a memory; its states are a vector.
    """

    #: width of the memory, None if there is none
    width: int | None = None

    def mask(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor | None:
        """Which positions of the memory are real; None: all."""
        return mask

    def read(
        self, inputs: Tensor, states: None = None, mask: Tensor | None = None, training: bool = False
    ) -> tuple[Tensor | None, list]:
        """The memory `(batch, source, width)` or None, and states: for each layer a list."""
        return None, [[self(inputs, training=training)]]

    def initial_states(self, batch_size: Any) -> list:
        """Zeros of the shapes of the states."""
        return [[ops.zeros((batch_size, self.units), self.compute_dtype)]]


@keras.saving.register_keras_serializable("kseq")
class ClassEncoder(Source):
    """A class as a vector: an embedding.

    Args:
        num_classes: ids run from 0 to `num_classes - 1`.
        units: width of the vector.
        seed: of the weights.
        **kwargs: of `keras.layers.Layer`.

    Call arguments:
        inputs: integer `(batch,)`.

    Returns:
        `(batch, units)`.
    """

    def __init__(self, num_classes: int, units: int = 64, *, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.num_classes = positive("num_classes", num_classes)
        self.units = positive("units", units)
        self.seed = seed
        # wide, so that classes differ from the first step on
        wide = keras.initializers.RandomUniform(-1.0, 1.0, seed=seed)
        self.embedding = keras.layers.Embedding(num_classes, units, wide, name="embedding")

    def build(self, inputs_shape: Any = None) -> None:
        self.embedding.build((None,))

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        return self.embedding(inputs)

    def get_config(self) -> dict:
        own = {name: getattr(self, name) for name in ("num_classes", "units", "seed")}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("kseq")
class VectorEncoder(Source):
    """A vector as it is, such as the features of an image.

    Args:
        units: width of the vector.
        dropout: on the vector.
        seed: of dropout.
        **kwargs: of `keras.layers.Layer`.

    Call arguments:
        inputs: `(batch, units)`.
        training: whether dropout is on.

    Returns:
        `(batch, units)`.
    """

    def __init__(self, units: int, *, dropout: float = 0.0, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.units = positive("units", units)
        self.dropout = fraction("dropout", dropout)
        self.seed = seed
        self.drop = keras.layers.Dropout(dropout, seed=seed)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        return self.drop(inputs, training=training)

    def get_config(self) -> dict:
        return {**super().get_config(), "units": self.units, "dropout": self.dropout, "seed": self.seed}


@keras.saving.register_keras_serializable("kseq")
class RegionEncoder(Source):
    """Vectors without order, such as those of the regions of an image, as a memory for attention.

        m(i) = x(i) W + b

    It has no states: the decoder starts from the mean of the memory.

    Args:
        units: width of the memory.
        dropout: on the regions, one mask for all regions of an entry.
        seed: of the weights and of dropout.
        **kwargs: of `keras.layers.Layer`.

    Call arguments:
        inputs: `(batch, regions, features)`.
        training: whether dropout is on.

    Returns:
        `(batch, regions, units)`.

    Reference:
        Xu et al., "Show, Attend and Tell: Neural Image Caption Generation with Visual Attention", 2015.
    """

    def __init__(self, units: int, *, dropout: float = 0.0, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.units = self.width = positive("units", units)
        self.dropout = fraction("dropout", dropout)
        self.seed = seed
        self.drop = keras.layers.SpatialDropout1D(dropout, seed=seed)
        glorot = keras.initializers.GlorotUniform(seed)
        self.project = keras.layers.Dense(units, kernel_initializer=glorot, name="project")

    def build(self, inputs_shape: Any) -> None:
        self.project.build(inputs_shape)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        return self.project(self.drop(inputs, training=training))

    def read(
        self, inputs: Tensor, states: None = None, mask: Tensor | None = None, training: bool = False
    ) -> tuple[Tensor, list]:
        return self(inputs, training=training), []

    def initial_states(self, batch_size: Any) -> list:
        return []

    def get_config(self) -> dict:
        return {**super().get_config(), "units": self.units, "dropout": self.dropout, "seed": self.seed}
