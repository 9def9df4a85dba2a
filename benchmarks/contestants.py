"""The layers that are compared, of kseq, Keras and PyTorch, each with a forward and a training step."""

import os
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

import kseq.layers
from benchmarks.measure import Functions


def ours(kind: str, units: int, **options: bool) -> list[keras.Layer]:
    """The layers of kseq, one after the other."""
    options["return_sequences"] = True
    if kind == "2 x BiLSTM":
        return [kseq.layers.Bidirectional(kseq.layers.LSTM(units, **options)) for _ in range(2)]
    return [getattr(kseq.layers, kind)(units, **options)]


def stock(kind: str, units: int) -> list[keras.Layer]:
    """Those of keras.layers; LSTM in the place of PeepholeLSTM, which Keras lacks."""
    if kind == "2 x BiLSTM":
        return [keras.layers.Bidirectional(keras.layers.LSTM(units, return_sequences=True)) for _ in range(2)]
    return [getattr(keras.layers, kind.replace("Peephole", ""))(units, return_sequences=True)]


def keras_functions(layers: list[keras.Layer], x: np.ndarray, jit_compile: bool) -> Functions:
    """Forward and training step of a stack of Keras layers."""
    model = keras.Sequential([keras.Input(batch_shape=x.shape), *layers])
    weights = [variable.value for variable in model.trainable_variables]
    inputs = tf.constant(x)

    def forward(x):
        return model(x, training=False)

    def training(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(tf.square(model(x, training=True)))
        return tape.gradient(loss, [x, *weights])

    def traced(function):
        function = tf.function(function, jit_compile=jit_compile)
        function = function.get_concrete_function(tf.TensorSpec.from_tensor(inputs))
        return lambda: function(inputs)

    return {"forward": traced(forward), "training": traced(training)}


def torch_functions(kind: str, units: int, x: np.ndarray) -> Functions:
    """Forward and training step in PyTorch; LSTM in the place of PeepholeLSTM."""
    import torch

    torch.set_num_threads(os.cpu_count() or 1)
    names = {"SimpleRNN": torch.nn.RNN, "GRU": torch.nn.GRU}
    double = {"num_layers": 2, "bidirectional": True} if kind == "2 x BiLSTM" else {}
    layer = names.get(kind, torch.nn.LSTM)(x.shape[-1], units, batch_first=True, **double)
    inputs = torch.tensor(x)
    watched = torch.tensor(x, requires_grad=True)

    def forward():
        with torch.no_grad():
            return layer(inputs)

    def training():
        watched.grad = None
        layer.zero_grad()
        layer(watched)[0].square().sum().backward()

    return {"forward": forward, "training": training}


def contestants(kind: str, shape: tuple, names: list[str]) -> dict[str, Functions]:
    """Everybody who takes part, by name."""
    batch, time, features, units = shape
    x = np.random.default_rng(0).normal(size=(batch, time, features)).astype("float32")
    makers: dict[str, Callable[[], Functions]] = {
        "kseq": lambda: keras_functions(ours(kind, units), x, False),
        "kseq, recompute": lambda: keras_functions(ours(kind, units, recompute=True), x, False),
        "kseq, whole step in XLA": lambda: keras_functions(ours(kind, units), x, True),
        "keras": lambda: keras_functions(stock(kind, units), x, False),
        "keras, XLA": lambda: keras_functions(stock(kind, units), x, True),
        "torch": lambda: torch_functions(kind, units, x),
    }
    return {name: makers[name]() for name in names}
