"""From layers and models to what their picture shows."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import keras

from kseq.cells import JordanRNNCell
from kseq.errors import UserError
from kseq.inspection.unfolding.network import Direction, Level, Network, Parameter
from kseq.layers import CRF, AttentionPooling, SequencePooling
from kseq.models import (
    ClassEncoder,
    Classifier,
    LanguageModel,
    RegionEncoder,
    Seq2Seq,
    SequenceEncoder,
    Tagger,
    VectorEncoder,
)

#: weights of cells by name, with the letters that the equations have for them
LETTERS = {
    "kernel": "W",
    "recurrent_kernel": "U",
    "output_kernel": "V",
    "peephole_kernel": "p",
    "bias": "b",
    "output_bias": "d",
}
CONTEXTS = {ClassEncoder: "class", VectorEncoder: "vector", RegionEncoder: "regions"}
POOLINGS = {
    keras.layers.GlobalMaxPooling1D: "max pooling",
    keras.layers.GlobalAveragePooling1D: "mean pooling",
    AttentionPooling: "attention pooling",
}


def describe(thing: Any, teacher_forcing: bool = False) -> Network:
    """What the picture of a cell, a recurrent layer or a model shows.

    Args:
        thing: as of `kseq.inspection.unfold`.
        teacher_forcing: likewise.

    Raises:
        UserError: it is nothing recurrent, or its layers are no chain.
    """
    if isinstance(thing, Seq2Seq):
        return _encoder_decoder(thing, teacher_forcing)
    if isinstance(thing, LanguageModel):
        return _chain([thing.embedding, thing.rnn, thing.head or "E'"], type(thing).__name__)
    if isinstance(thing, SequenceEncoder):
        return _chain(_of_encoder(thing), type(thing).__name__)
    if isinstance(thing, Classifier):
        return _chain([*_of_encoder(thing.encoder), thing.pool, thing.head], type(thing).__name__)
    if isinstance(thing, Tagger):
        head = [thing.crf] if thing.head == "crf" else []
        return _chain([*_of_encoder(thing.encoder), thing.emissions, *head], type(thing).__name__)
    if isinstance(thing, keras.Model):
        if len(getattr(thing, "inputs", None) or [0]) > 1:
            raise UserError("`model_or_cell` has several inputs: unfold its recurrent layers one by one")
        return _chain(thing.layers, type(thing).__name__)
    return _one(thing, teacher_forcing)


def _one(thing: Any, teacher_forcing: bool) -> Network:
    """A layer or cell by itself."""
    cell = getattr(thing, "cell", thing)
    if isinstance(cell, JordanRNNCell):
        direction, parameters = _direction(cell, "")
        fed_back = "target" if teacher_forcing else "output"
        hidden = dataclasses.replace(direction, states=("h",))
        options = {"output": "V", "feedback": fed_back, "outputs": _outputs(thing)}
        return Network(type(thing).__name__, ((hidden,),), parameters, **options)
    return _chain([thing], type(thing).__name__)


def _chain(layers: Iterable[Any], title: str) -> Network:
    """Layers one above the other; those that are neither recurrent nor below or above count for nothing."""
    groups: list[Sequence[Any]] = []  # by level the cells of each direction
    below: list[Parameter] = []
    above: list[Parameter] = []
    options: dict[str, Any] = {}
    for layer in layers:
        recurrent = _cells(layer)
        if recurrent:
            if options.get("outputs") == "last":
                raise UserError(f"`{layer.name}` reads a sequence, but the layer below gives its last step")
            groups += recurrent
            options["outputs"] = _outputs(layer)
        elif isinstance(layer, keras.layers.Embedding):
            below.append(Parameter("E", layer.name, _shape(layer, "embeddings")))
        elif isinstance(layer, keras.layers.RepeatVector) and not groups:
            options["inputs"] = "once"
        elif groups:
            options |= _upper(layer, above)
    if not groups:
        raise UserError(f"`model_or_cell` must have a recurrent layer, got {title}")
    levels: list[Level] = []
    inside: list[Parameter] = []
    for n, group in enumerate(groups, 1):
        number = str(n) if len(groups) > 1 else ""
        sides = ("f", "b") if len(group) == 2 else ("",)
        found = [_direction(cell, number + side) for cell, side in zip(group, sides, strict=True)]
        levels.append(tuple(direction for direction, _ in found))
        inside += [parameter for _, parameters in found for parameter in parameters]
    return Network(title, tuple(levels), (*below, *inside, *above), **options)


def _upper(layer: Any, parameters: list[Parameter]) -> dict[str, Any]:
    """What a layer above the recurrence adds to the picture; its weights go into `parameters`."""
    if layer == "E'":
        parameters.append(Parameter("V", "embedding, transposed"))
        return {"output": "V"}
    if isinstance(layer, keras.layers.TimeDistributed):
        layer = layer.layer
    if isinstance(layer, keras.layers.Dense):
        parameters[:] = [p for p in parameters if p.symbol != "V"]  # of several the last is drawn
        parameters.append(Parameter("V", layer.name, _shape(layer, "kernel")))
        return {"output": "V"}
    if isinstance(layer, CRF):
        parameters.append(Parameter("A", "transitions", f"({layer.num_tags}, {layer.num_tags})"))
        return {"chain": "A"}
    if isinstance(layer, SequencePooling):
        return {"outputs": f"{layer.mode} pooling"}
    return {"outputs": POOLINGS[type(layer)]} if type(layer) in POOLINGS else {}


def _of_encoder(encoder: SequenceEncoder) -> list[Any]:
    return [*encoder.embeddings.values(), *encoder.recurrent]


def _encoder_decoder(model: Seq2Seq, teacher_forcing: bool) -> Network:
    cells = [layer.cell for layer in model.decoder.recurrent]
    levels, parameters = [], []
    for n, cell in enumerate(cells, 1):
        direction, own = _direction(cell, f"d{n}" if len(cells) > 1 else "d", "s")
        levels.append((direction,))
        parameters += own
    context: Network | str = CONTEXTS.get(type(model.encoder), "source")
    if isinstance(model.encoder, SequenceEncoder):
        context = _chain(_of_encoder(model.encoder), "encoder")
        parameters = [*context.parameters, *parameters]
    bridge = model.bridge.parts["start"]
    return Network(
        type(model).__name__,
        tuple(levels),
        (
            *parameters,
            Parameter("B", "bridge", _shape(bridge, "kernel")),
            Parameter("V", "output layer", f"({model.decoder.output_dim}, {model.config['vocab_size']})"),
        ),
        symbol="y",
        output="V",
        fed="target" if teacher_forcing else "output",
        context=context,
        bridge="B",
        summary=model.config["bridge"],
        attention=model.decoder.attention is not None,
    )


def _cells(layer: Any) -> list[Sequence[Any]]:
    """By level the cells of each direction; empty for what is not recurrent."""
    if isinstance(layer, keras.layers.Bidirectional):
        both = [_cells(side) for side in (layer.forward_layer, layer.backward_layer)]
        return [(*f, *b) for f, b in zip(*both, strict=True)]
    cell = getattr(layer, "cell", layer)
    if hasattr(cell, "cells"):  # of a stack
        return [(c,) for c in cell.cells]
    return [(cell,)] if hasattr(cell, "state_size") and not isinstance(cell, (keras.Model, str)) else []


def _outputs(layer: Any) -> str:
    layer = getattr(layer, "forward_layer", layer)
    return "every" if getattr(layer, "return_sequences", True) else "last"


def _direction(cell: Any, mark: str, letter: str = "h") -> tuple[Direction, tuple[Parameter, ...]]:
    """One cell; `mark` tells its weights and states from those of others, `b` at its end: backwards."""
    backwards = mark.endswith("b")
    size = cell.state_size
    letters = [letter] if not isinstance(size, (list, tuple)) or len(size) == 1 else [letter, "c"]
    letters = ["o"] if isinstance(cell, JordanRNNCell) else letters
    number = "".join(c for c in mark if c.isdigit())
    states = []
    for one in letters:
        arrow = {"b": "overleftarrow", "f": "overrightarrow"}.get(mark[-1:])
        dressed = rf"\{arrow}{{{one}}}" if arrow else one
        states.append(f"{dressed}_{number}" if number else dressed)
    tail = f"_{mark}" if mark else ""
    known = {v.name: v for v in cell.weights} if cell.built else {}
    names = [name for name in LETTERS if hasattr(cell, name) and getattr(cell, name) is not None] or [
        "kernel",
        "recurrent_kernel",
    ]
    parameters = tuple(
        Parameter(LETTERS[name] + tail, name, str(tuple(known[name].shape)) if name in known else "")
        for name in names
    )
    return Direction(tuple(states), "W" + tail, "U" + tail, backwards), parameters


def _shape(layer: Any, name: str) -> str:
    weights = getattr(layer, name, None) if layer.built else None
    return "" if weights is None else str(tuple(weights.shape))
