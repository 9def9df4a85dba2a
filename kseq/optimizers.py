"""Optimizers as texts need them."""

from typing import Any

import keras


@keras.saving.register_keras_serializable("kseq")
class AdamW(keras.optimizers.AdamW):
    """AdamW for embeddings of which a batch reads rows more than once, as all texts do.

    Keras gets the gradient of such a row in pieces on TensorFlow, one a token, and squares each: the second
    moment and the global norm are then those of no gradient. Here the pieces are summed first.

    Args:
        As of `keras.optimizers.AdamW`.
    """

    def apply(self, grads: list[Any], trainable_variables: list[Any] | None = None) -> None:
        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            grads = [tf.convert_to_tensor(g) if isinstance(g, tf.IndexedSlices) else g for g in grads]
        super().apply(grads, trainable_variables)
