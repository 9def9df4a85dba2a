"""The gap between training and serving: the loss of a model that is fed true tokens, and its own."""

import os
from collections.abc import Sequence
from pathlib import Path

from kseq.inspection.canvas import blank, write
from kseq.inspection.curves import TRAIN, VALIDATION


def exposure_curve(true_fed: Sequence[float], own_fed: Sequence[float], path: str | os.PathLike) -> Path:
    """Draws both losses on the same data over the epochs, and the gap between them shaded.

    Args:
        true_fed: nats a token of each epoch, every step being fed the true token (teacher forcing).
        own_fed: the same, every step being fed the model's own token of the step before (free running).
        path: the PNG file, replaced as a whole.

    Returns:
        The path.

    Reference:
        Bengio et al., "Scheduled Sampling for Sequence Prediction with Recurrent Neural Networks", 2015.
    """
    from matplotlib.ticker import MaxNLocator

    epochs = range(1, len(true_fed) + 1)
    figure = blank(7, 4.2, layout="constrained")
    axes = figure.subplots()
    style = {"marker": "o" if len(true_fed) < 40 else None, "markersize": 3.5, "linewidth": 1.8}
    axes.plot(epochs, own_fed, color=VALIDATION, label="fed its own tokens (as in use)", **style)
    axes.plot(epochs, true_fed, color=TRAIN, label="fed the true tokens (as in training)", **style)
    axes.fill_between(epochs, true_fed, own_fed, color="#DDDDDD", linewidth=0, zorder=0)
    axes.set(xlabel="epoch", ylabel="nats per token, validation", ylim=(0, None))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return write(figure, path)
