"""Weights of one trained model as the beginning of another."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kseq.errors import UserError
from kseq.models.encoder import SequenceEncoder
from kseq.models.language_model import LanguageModel


@dataclasses.dataclass(frozen=True)
class Transfer:
    """What came over.

    Args:
        words: rows of the embedding that were taken.
        of: rows that there are.
        layers: names of the recurrent layers, by direction, that were taken.
    """

    words: int
    of: int
    layers: tuple[str, ...]


def initialise(
    encoder: SequenceEncoder, source: LanguageModel | SequenceEncoder, rows: Sequence[int]
) -> Transfer:
    """Puts embedding and recurrent layers of a trained model into an encoder.

    A language model reads forwards, so that the forward direction of each layer gets its weights and the
    backward direction keeps its own. Where the encoder sees more of a token than its word (characters,
    casing), the weights on that stay as they are.

    Args:
        encoder: a built encoder of tokens, of the same cell and width as the source; with fewer layers it
            takes the lower ones.
        source: a `LanguageModel`, or a `SequenceEncoder`, such as that of a `SequenceAutoencoder`.
        rows: for each id of the encoder's tokens the id that the source has for it, -1 for none.

    Returns:
        What came over.

    Raises:
        UserError: cell, width or the embedding's width differ.

    Reference:
        Dai and Le, "Semi-supervised Sequence Learning", 2015.
    """
    if encoder.config["sizes"] is None:
        raise UserError("`encoder` must read tokens to be initialised, got one of numbers")
    for name in ("cell", "units"):
        if encoder.config[name] != source.config[name]:
            wanted, got = source.config[name], encoder.config[name]
            raise UserError(f"`{name}` must be {wanted} as in what is taken, got {got}")
    ours, theirs = encoder.embeddings["tokens"], _embedding(source)
    if theirs.output_dim != ours.output_dim:
        wanted, got = theirs.output_dim, ours.output_dim
        raise UserError(f"`embedding_dim` must be {wanted} as in what is taken, got {got}")
    rows = np.asarray(rows)
    known = rows >= 0
    table = ops.convert_to_numpy(ours.embeddings).copy()
    table[known] = ops.convert_to_numpy(theirs.embeddings)[rows[known]]
    ours.embeddings.assign(table)
    taken = []
    for n, (layer, given) in enumerate(zip(encoder.recurrent, _layers(source), strict=False)):
        places = (_place(encoder), _place(source)) if n == 0 else (slice(None), slice(None))
        for side, cell in _directions(layer).items():
            if side in given:
                _copy(given[side], cell, *places)
                taken.append(f"{side} {n + 1}")
    return Transfer(int(known.sum()), len(rows), tuple(taken))


def _embedding(source: LanguageModel | SequenceEncoder) -> keras.layers.Embedding:
    return source.embedding if isinstance(source, LanguageModel) else source.embeddings["tokens"]


def _place(model: LanguageModel | SequenceEncoder) -> slice:
    """The rows of the first layer's kernel that are on the word."""
    if isinstance(model, LanguageModel):
        return slice(None)
    start = 0
    for name, embedding in model.embeddings.items():
        if name == "tokens":
            return slice(start, start + embedding.output_dim)
        start += embedding.output_dim
    raise AssertionError("an encoder of tokens has them embedded")


def _layers(source: LanguageModel | SequenceEncoder) -> list[dict[str, Any]]:
    """The cells of each layer, by direction."""
    if isinstance(source, LanguageModel):
        return [{"forward": cell} for cell in source.rnn.cell.cells]
    return [_directions(layer) for layer in source.recurrent]


def _directions(layer: Any) -> dict[str, Any]:
    if isinstance(layer, keras.layers.Bidirectional):
        return {"forward": layer.forward_layer.cell, "backward": layer.backward_layer.cell}
    return {"forward": layer.cell}


def _copy(source: Any, target: Any, ours: slice, theirs: slice) -> None:
    """Weights of one cell into another; of the kernel the rows that both have."""
    for given, wanted in zip(source.weights, target.weights, strict=True):
        value = ops.convert_to_numpy(given)
        if given is source.kernel:
            kernel = ops.convert_to_numpy(wanted).copy()
            value = value[theirs]
            # of two directions below, the forward one comes first
            count = min(len(value), len(kernel[ours]))
            kernel[ours][:count] = value[:count]
            value = kernel
        wanted.assign(value)
