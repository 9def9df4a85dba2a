"""Gradients through time, watched while a model trains."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import keras

from kseq.errors import positive
from kseq.inspection.gradients.flow import GradientFlow, gradient_flow


class GradientWarning(UserWarning):
    """A gradient vanishes or explodes on its way back through time."""


class GradientMonitor(keras.callbacks.Callback):
    """Measures `gradient_flow` on one batch before training and after epochs, and warns.

    TensorBoard gets, of each recurrent layer, `gradient_flow/LAYER/` `first` and `last` (norms at both ends
    of the sequence), `ratio` and `spectral_radius`; and `gradient_flow/global_norm` of all weights. One
    warning a layer and kind is given:

        vanishing    first / last < vanishing
        exploding    first / last > exploding, or a norm that is no number

    Args:
        batch: as of `gradient_flow`.
        log_dir: directory of event files, None for none.
        every: epochs from one measurement to the next.
        vanishing: the ratio below which a warning is given.
        exploding: the ratio above which one is given.
        notify: called with each warning; None: `warnings.warn`, as a `GradientWarning`.
        **options: of `gradient_flow`.
    """

    def __init__(
        self,
        batch: Sequence[Any],
        log_dir: str | os.PathLike | None = None,
        *,
        every: int = 1,
        vanishing: float = 1e-8,
        exploding: float = 1e3,
        notify: Callable[[str], None] | None = None,
        **options: Any,
    ):
        super().__init__()
        self.batch = batch
        self.log_dir = log_dir
        self.every = positive("every", every)
        self.vanishing = positive("vanishing", vanishing)
        self.exploding = positive("exploding", exploding)
        self.notify = notify or (lambda sentence: warnings.warn(sentence, GradientWarning, stacklevel=2))
        self.options = {"jacobians": 4, **options}
        self.flows: list[GradientFlow] = []
        self._writer: Any = None
        self._said: set[tuple[str, str]] = set()

    def on_train_begin(self, logs=None):
        if self.log_dir is not None:
            import tensorflow as tf

            self._writer = tf.summary.create_file_writer(os.fspath(self.log_dir), filename_suffix=".flow")
        self._measure(0)

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every == 0:
            self._measure(epoch + 1)

    def on_train_end(self, logs=None):
        if self._writer is not None:
            self._writer.close()

    def _measure(self, epoch: int) -> None:
        flow = gradient_flow(self.model, self.batch, **self.options)
        self.flows.append(flow)
        if self._writer is not None:
            self._log(flow, epoch)
        for name, layer in flow.layers.items():
            steps = len(layer.norms) - 1
            if layer.ratio < self.vanishing:
                share = f"{layer.ratio:.1e} of its last norm is left {steps} steps back"
                self._warn(name, "vanishes", share, epoch)
            elif not layer.ratio <= self.exploding:
                grown = f"{steps} steps back it has {layer.ratio:.1e} times its last norm"
                self._warn(name, "explodes", grown, epoch)

    def _warn(self, layer: str, kind: str, what: str, epoch: int) -> None:
        if (layer, kind) not in self._said:
            self._said.add((layer, kind))
            self.notify(f"the gradient of `{layer}` {kind} after epoch {epoch}: {what}")

    def _log(self, flow: GradientFlow, epoch: int) -> None:
        import tensorflow as tf

        values = {"global_norm": flow.global_norm}
        for name, layer in flow.layers.items():
            norms = {"first": layer.norms[0], "last": layer.norms[-1], "ratio": layer.ratio}
            if layer.radius.size:
                norms["spectral_radius"] = layer.radius.mean()
            values |= {f"{name}/{key}": float(value) for key, value in norms.items()}
        with self._writer.as_default(step=epoch):
            for key, value in values.items():
                tf.summary.scalar(f"gradient_flow/{key}", value)
        self._writer.flush()
