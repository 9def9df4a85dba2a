"""The leaky unit of an echo state network."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kseq.cells.base import Cell, Dropped, Tensor
from kseq.errors import UserError, positive


@keras.saving.register_keras_serializable("kseq")
class EchoStateCell(Cell):
    """Reservoir of leaky units, whose weights are drawn once and never learned.

        h(t) = (1 - a) h(t-1) + a f(x(t) W + h(t-1) U + b)

    `U` is sparse and scaled so that its largest eigenvalue has the size `spectral_radius`: below one, what
    was read long ago fades (the echo state property). Only what reads the states is trained, usually one
    linear layer, by least squares if you like.

    Args:
        units: width of `h`.
        leak: `a`, in (0, 1].
        spectral_radius: of `U`, positive.
        connectivity: share of the entries of `U` that are not zero, in (0, 1].
        activation: `f`.
        recurrent_initializer: of `recurrent_kernel`; None draws it sparse and scaled as above.
        **kwargs: as in `kseq.cells.base.Cell`.

    Raises:
        UserError: on a share outside (0, 1] or a radius that is not positive.

    Reference:
        Jaeger, "The Echo State Approach to Analysing and Training Recurrent Neural Networks", 2001.
    """

    def __init__(
        self,
        units: int,
        leak: float = 1.0,
        spectral_radius: float = 0.9,
        connectivity: float = 0.1,
        activation: Any = "tanh",
        *,
        recurrent_initializer: Any = None,
        **kwargs: Any,
    ):
        self.leak = _share("leak", leak)
        self.spectral_radius = positive("spectral_radius", spectral_radius)
        self.connectivity = _share("connectivity", connectivity)
        if recurrent_initializer is None:
            recurrent_initializer = Reservoir(spectral_radius, connectivity, kwargs.get("seed"))
        super().__init__(units, recurrent_initializer=recurrent_initializer, **kwargs)
        self.activation = keras.activations.get(activation)

    def build(self, inputs_shape: Sequence[int | None], states_shape: Any = None) -> None:
        super().build(inputs_shape)
        for weight in (self.kernel, self.recurrent_kernel, self.bias):
            if weight is not None:
                weight.trainable = False

    def step(self, projected: Tensor, states: list, dropped: Dropped | None = None) -> tuple[Tensor, list]:
        (h,) = states
        product = self.recurrent_product(h, dropped)
        h = (1 - self.leak) * h + self.leak * self.activation(projected + product)
        return h, [h]

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "leak": self.leak,
            "spectral_radius": self.spectral_radius,
            "connectivity": self.connectivity,
            "activation": keras.activations.serialize(self.activation),
        }


@keras.saving.register_keras_serializable("kseq")
class Reservoir(keras.initializers.Initializer):
    """Sparse square matrices of a spectral radius.

    Args:
        spectral_radius: size of the largest eigenvalue.
        connectivity: share of the entries that are not zero.
        seed: of the drawing.
    """

    def __init__(self, spectral_radius: float = 0.9, connectivity: float = 0.1, seed: int | None = None):
        self.spectral_radius = spectral_radius
        self.connectivity = connectivity
        self.seed = seed

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        rng = np.random.default_rng(self.seed)
        matrix = rng.uniform(-1, 1, shape) * (rng.random(shape) < self.connectivity)
        radius = np.max(np.abs(np.linalg.eigvals(matrix)))
        if radius > 0:  # a small, very sparse matrix may have no cycle at all
            matrix = matrix * self.spectral_radius / radius
        return ops.convert_to_tensor(matrix, dtype or keras.backend.floatx())

    def get_config(self) -> dict:
        return {
            "spectral_radius": self.spectral_radius,
            "connectivity": self.connectivity,
            "seed": self.seed,
        }


def _share(name: str, value: float) -> float:
    if not 0 < value <= 1:
        raise UserError(f"`{name}` must be above 0 and at most 1, got {value}")
    return value
