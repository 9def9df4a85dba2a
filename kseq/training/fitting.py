"""`fit` that begins where a training was interrupted."""

import contextlib
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import keras
import tensorflow as tf

from kseq.training.backup import Backup, Position
from kseq.training.distribution import distributed, share


def fit(
    model: keras.Model,
    batches: tf.data.Dataset,
    callbacks: Iterable[keras.callbacks.Callback] = (),
    *,
    epochs: int,
    validation_data: tf.data.Dataset | None = None,
    verbose: str | int = "auto",
) -> keras.callbacks.History:
    """Trains as `model.fit` does, from the position that a `Backup` among the callbacks knows.

    ```python
    with run.training():
        fit(model, batches, standard_callbacks(run, monitor="val_loss"), epochs=10)
    ```

    Args:
        model: built and compiled.
        batches: the training data, the same as before the interruption.
        callbacks: as those of `kseq.training.callbacks.standard_callbacks`.
        epochs: of the whole training.
        validation_data: as of `model.fit`.
        verbose: as of `model.fit`.
    """
    callbacks = list(callbacks)
    backup = next((callback for callback in callbacks if isinstance(callback, Backup)), None)
    strategy = model.distribute_strategy
    if backup is not None and isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        backup.agree(strategy)
    position = Position() if backup is None else backup.position()
    data = from_position(batches, position)
    left = len(batches) - position.batch if position.batch else None
    with contextlib.ExitStack() as stack:
        if strategy.num_replicas_in_sync > 1:
            stack.enter_context(distributed(model, strategy, batches.element_spec))
            data = share(data, strategy)
            validation_data = validation_data and share(validation_data, strategy)
        stack.enter_context(_first_epoch_of(model, left))
        return model.fit(
            data,
            initial_epoch=position.epoch,
            epochs=epochs,
            validation_data=validation_data,
            callbacks=callbacks,
            shuffle=False,
            verbose=verbose,
        )


@contextlib.contextmanager
def _first_epoch_of(model: keras.Model, steps: int | None) -> Iterator[None]:
    """Inside, the first epoch that a model trains has so many steps, and the others what Keras expects.

    Keras finds the end of a short epoch by a step without data, in which TensorFlow nevertheless draws
    random numbers and counts. So that step is not run.
    """
    if steps is None:
        yield
        return
    model.make_train_function()
    whole, left = model.train_function, iter(range(steps + 1))

    def step(batches: Any) -> Any:
        if next(left, None) == steps:
            raise StopIteration
        return whole(batches)

    model.train_function = step
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Your input ran out of data")
            yield
    finally:
        model.train_function = whole


def from_position(batches: tf.data.Dataset, position: Position) -> tf.data.Dataset:
    """Batches of a training that begins at a position, an epoch each time they are iterated over.

    The order of an epoch, where batches are shuffled anew for each, follows from how many epochs began
    before: as many are begun here, without reading anything.

    Args:
        batches: an epoch.
        position: where to begin.
    """
    for _ in range(position.epoch):
        iter(batches)
    skipped = tf.Variable(position.batch, dtype=tf.int64, trainable=False)

    def epoch(_: tf.Tensor) -> tf.data.Dataset:
        count = skipped.read_value()
        with tf.control_dependencies([count]), tf.control_dependencies([skipped.assign(0)]):
            count = tf.identity(count)
        return batches.skip(count)

    # Keras makes iterators that it never reads from; only one that is read begins an epoch
    lazy: Any = tf.data.Dataset.from_tensors(0).flat_map(epoch)
    lazy.skipped = skipped
    lazy.cardinality = batches.cardinality
    return lazy
