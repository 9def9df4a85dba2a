"""How well a model knows a text: exact figures, and how they read in a report."""

import math
from typing import TYPE_CHECKING

from pipelines import runs

if TYPE_CHECKING:
    import numpy as np

    from kseq.models import LanguageModel, NGramModel

WINDOW = 512  # tokens; the states go on from window to window, so it changes no figure


def score(model: "LanguageModel", ids: "np.ndarray", bos_id: int) -> dict[str, float]:
    """Exact figures: one stream, every token counted, the state carried from window to window."""
    from kseq.data import contiguous_streams

    windows = contiguous_streams(ids, 1, WINDOW, bos_id)
    return figures(model.evaluate(windows, verbose=runs.verbosity(), return_dict=True)["nats"], len(ids))


def score_ngram(ngram: "NGramModel", ids: "np.ndarray") -> dict[str, float]:
    """The same figures of the baseline."""
    figures_ = figures(-float(ngram.log_probs(ids).mean()), len(ids))
    return {**figures_, "order": ngram.order, "parameters": ngram.num_parameters}


def figures(nats: float, tokens: int) -> dict[str, float]:
    """One loss in three units."""
    return {"nats": nats, "bits": nats / math.log(2), "perplexity": math.exp(nats), "tokens": tokens}


def network_line(result: dict[str, float], unit: str) -> str:
    """The network's figures in one line."""
    return f"perplexity {result['perplexity']:.3f} ({_losses(result, unit)})"


def ngram_line(result: dict[str, float], unit: str) -> str:
    """The baseline's figures in one line."""
    size = f"order {result['order']}, {result['parameters']:,} n-grams"
    return f"perplexity {result['perplexity']:.3f} ({_losses(result, unit)}; Kneser-Ney, {size})"


def _losses(result: dict[str, float], unit: str) -> str:
    return f"{result['nats']:.4f} nats, {result['bits']:.4f} bits per {unit}"
