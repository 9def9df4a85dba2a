"""Training one set of weights, keeping the mean of many."""

from typing import Any

import keras


class AveragedWeights(keras.callbacks.Callback):
    """Validates and saves the moving average of the weights, and trains on with the weights themselves.

        average <- momentum * average + (1 - momentum) * weight              after each step

    The optimizer keeps the average: it is made with `use_ema=True`. What comes between this callback and
    `back` in the list sees the average at an epoch's end, as validation does; a state to resume from is
    saved behind `back`. When `fit` returns the model has the average, as with Keras alone.

    Reference:
        Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992; Merity, Keskar and
        Socher, "Regularizing and Optimizing LSTM Language Models", 2018.
    """

    def __init__(self) -> None:
        super().__init__()
        self.back = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: self._leave())
        self._own: list[Any] | None = None
        self._trains = False

    def on_train_begin(self, logs=None):
        self._trains, self._own = True, None

    def on_test_begin(self, logs=None):
        if self._trains:  # otherwise `evaluate` on its own
            self._enter()

    def on_epoch_end(self, epoch, logs=None):
        self._enter()  # where there is no validation data

    def on_train_end(self, logs=None):
        self._trains = False

    def _enter(self) -> None:
        if self._own is None:
            variables = self.model.trainable_variables
            self._own = [keras.ops.convert_to_numpy(variable) for variable in variables]
            self.model.optimizer.finalize_variable_values(variables)

    def _leave(self) -> None:
        if self._own is not None:
            for variable, value in zip(self.model.trainable_variables, self._own, strict=True):
                variable.assign(value)
            self._own = None
