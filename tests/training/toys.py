"""A tiny model, data and callbacks that do something at a chosen moment."""

import keras
import numpy as np
import tensorflow as tf

from kseq.training import fitting
from kseq.training.callbacks import standard_callbacks
from kseq.training.run import RunDirectory

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(24, 3)).astype("float32")
Y = (X @ np.float32([[1.0], [-2.0], [0.5]])).astype("float32")
STEPS = 6  # batches of 4


class On(keras.callbacks.Callback):
    """Calls `action(epoch, batch)` in one hook; the batch is None outside of batches."""

    def __init__(self, hook, action):
        super().__init__()
        self.action = action
        self.epoch = -1

        def call(index=None, logs=None):
            if hook.startswith("on_epoch"):
                self.epoch, index = index, None
            elif "batch" not in hook:
                index = None
            action(self.epoch, index)

        setattr(self, hook, call)

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch


class Record(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.epochs, self.batches, self.logs = [], 0, []

    def on_epoch_begin(self, epoch, logs=None):
        self.epochs.append(epoch)

    def on_train_batch_end(self, batch, logs=None):
        self.batches += 1

    def on_epoch_end(self, epoch, logs=None):
        self.logs.append(dict(logs))


def model(rate=0.05, dropout=0.0):
    keras.utils.set_random_seed(1)
    drop = [keras.layers.Dropout(dropout, seed=5)] if dropout else []
    net = keras.Sequential([keras.Input((3,)), *drop, keras.layers.Dense(1)])
    net.compile(keras.optimizers.SGD(rate, momentum=0.9), "mse")
    return net


def batches(size=4, shuffled=False):
    examples = tf.data.Dataset.from_tensor_slices((X, Y))
    if shuffled:
        examples = examples.shuffle(len(X), seed=1, reshuffle_each_iteration=True)
    return examples.batch(size)


def fit(net, callbacks, epochs=3, batch_size=4, verbose=0, shuffled=False):
    data = batches(batch_size, shuffled)
    return fitting.fit(net, data, callbacks, epochs=epochs, validation_data=batches(len(X)), verbose=verbose)


def new_run(root, name="run"):
    return RunDirectory.create(root, "toy", name, {"units": 1})


def standard(run, **options):
    return standard_callbacks(run, monitor="val_loss", **options)


def train(run, net, *extra, epochs=3, options=None, verbose=0):
    with run.training():
        fit(net, [*extra, *standard(run, **(options or {}))], epochs=epochs, verbose=verbose)
    return net
