"""Optimizers for embeddings of which a batch reads rows more than once, as all texts do.

Keras gets the gradient of such a row in pieces on TensorFlow, one a token, and squares each: the second
moment and the global norm are then those of no gradient. Here the pieces are summed first.
"""

from typing import Any

import keras


class _Summed:
    """Sums the pieces of gradients before anything is done with them."""

    def apply(self, grads: list[Any], trainable_variables: list[Any] | None = None) -> None:
        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            grads = [tf.convert_to_tensor(g) if isinstance(g, tf.IndexedSlices) else g for g in grads]
        super().apply(grads, trainable_variables)  # type: ignore[misc]


@keras.saving.register_keras_serializable("kseq")
class AdamW(_Summed, keras.optimizers.AdamW):
    """As `keras.optimizers.AdamW`, the gradient of a row of an embedding being one.

    Args:
        As of `keras.optimizers.AdamW`.
    """


@keras.saving.register_keras_serializable("kseq")
class SGD(_Summed, keras.optimizers.SGD):
    """As `keras.optimizers.SGD`, the gradient of a row of an embedding being one.

    Args:
        As of `keras.optimizers.SGD`.
    """
