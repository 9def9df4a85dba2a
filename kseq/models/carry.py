"""The recurrent state between two batches of a stream."""

from typing import Any

import keras
import numpy as np
from keras import ops, tree

Tensor = Any


@keras.saving.register_keras_serializable("kseq")
class Carry(keras.layers.Layer):
    """Recurrent states that outlive a batch, as data.

    Truncated back-propagation through time reads a long text in windows and starts each window from the
    states at the end of the one before. Here those states are values with any number of rows: they can
    be read (`get`), set (`set`), are saved and loaded with the model, and start afresh row by row where
    a stream says `reset`. A batch with another number of rows starts a new stream.

    Args:
        state_size: nested structure of widths, as a cell's `state_size`.
        **kwargs: of `keras.layers.Layer`.

    Raises:
        RuntimeError: when states are carried on another backend than TensorFlow, whose variables alone
            may change their shape.
    """

    def __init__(self, state_size: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.state_size = state_size
        self._variables: list = []
        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            with tf.init_scope():
                # on several devices each has the states of its own rows
                own = {"synchronization": tf.VariableSynchronization.ON_READ, "trainable": False}
                self._variables = [
                    tf.Variable(np.zeros((1, width), "float32"), shape=(None, width), **own)
                    for width in tree.flatten(state_size)
                ]
                self.clear()  # TensorFlow cannot send a value without rows to other workers
        self.built = True

    def get(self) -> Any:
        """The carried states as NumPy arrays in the cell's structure, None where nothing is carried."""
        values = [_read(variable) for variable in self._variables]
        return tree.pack_sequence_as(self.state_size, values) if values and len(values[0]) else None

    def set(self, states: Any) -> None:
        """Carry these states, `(batch, width)` each in the cell's structure, into the next batch."""
        for variable, value in zip(self._variables, tree.flatten(states), strict=True):
            _here(variable).assign(ops.cast(value, "float32"))

    def clear(self) -> None:
        """Carry nothing: the next batch starts a new stream."""
        for variable in self._variables:
            _write(variable, np.zeros((0, variable.shape[1]), "float32"))

    def start(self, initial: Any, reset: Tensor) -> Any:
        """The states to start a batch from.

        Args:
            initial: the states of a new stream, `(batch, width)` each.
            reset: boolean `(batch,)`, True for a row that begins a new stream.
        """
        if not self._variables:
            raise RuntimeError("states are carried between batches on the TensorFlow backend only")
        import tensorflow as tf

        def choose(variable: Any, new: Tensor) -> Tensor:
            # Where the numbers of rows differ, all rows start anew. Both candidates lie in one tensor and
            # an index picks: with tf.cond, grappler infers from the tf.where below that the rows agree.
            old = tf.cast(_here(variable).read_value(), new.dtype)
            rows, old_rows = tf.shape(new)[0], tf.shape(old)[0]
            first = tf.where(tf.equal(rows, old_rows), 0, old_rows)
            old = tf.gather(tf.concat([old, new], axis=0), first + tf.range(rows))
            return tf.where(reset[:, None], new, old)

        pairs = zip(self._variables, tree.flatten(initial), strict=True)
        return tree.pack_sequence_as(initial, [choose(variable, new) for variable, new in pairs])

    def save_own_variables(self, store: Any) -> None:
        for n, variable in enumerate(self._variables):
            store[str(n)] = _read(variable)

    def load_own_variables(self, store: Any) -> None:
        for n, variable in enumerate(self._variables):
            _write(variable, np.asarray(store[str(n)]))

    def get_config(self) -> dict:
        return {**super().get_config(), "state_size": self.state_size}


def _read(variable: Any) -> np.ndarray:
    """The rows of all devices of this process, one after the other."""
    return np.concatenate([part.numpy() for part in _parts(variable)])


def _write(variable: Any, value: np.ndarray) -> None:
    """Give each device of this process its rows."""
    parts = _parts(variable)
    for n, part in enumerate(parts):
        part.assign(value[n * len(value) // len(parts) : (n + 1) * len(value) // len(parts)])


def _here(variable: Any) -> Any:
    """The variable of this device; outside of a step, where there is none, of the first."""
    import tensorflow as tf

    return _parts(variable)[0] if tf.distribute.in_cross_replica_context() else variable


def _parts(variable: Any) -> Any:
    """The variables of a distributed variable, or the one that it is."""
    return getattr(variable, "values", (variable,))
