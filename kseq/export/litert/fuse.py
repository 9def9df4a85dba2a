"""From the calls that `kseq.export.litert.lstm` leaves in a file to the fused operation of LiteRT."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from kseq.export.litert import flatbuffer

KERNELS, BIASES, PEEPHOLES = slice(0, 8), slice(8, 12), slice(12, 15)
NONE = -1  # an input that is not there


def fuse(model: Any, calls: Mapping[str, Mapping[str, Any]], *, hybrid: bool = False) -> list[str]:
    """Replace the calls in a model, in place.

        UNIDIRECTIONAL_SEQUENCE_LSTM(x, 8 kernels, 3 peepholes, 4 biases, -, -, h, c, 4 x -) -> outputs

    `h` and `c` are variables of the interpreter. An operation in front writes the initial states into them
    at every invocation. Where the last memory cell is wanted it is read from its variable behind the
    operation; an addition of zero times an output keeps the interpreter from reading it before.

    Args:
        model: from `flatbuffer.read`.
        calls: of each call its options, `activation` and `clip`, and whether it has a `mask`.
        hybrid: store the kernels as int8, as dynamic-range quantisation does.

    Returns:
        The calls that cannot be replaced: of those the last memory cell of a masked sequence is wanted.
        If there are any, nothing was replaced.
    """
    found = [
        (graph, operator)
        for graph in model.subgraphs
        for operator in graph.operators
        if flatbuffer.custom_name(model, operator) in calls
    ]
    refused = [
        name
        for graph, operator in found
        for name in [flatbuffer.custom_name(model, operator)]
        if calls[name]["masked"] and _used(graph, operator.outputs[1])
    ]
    if refused:
        return refused
    for graph, operator in found:
        options = calls[flatbuffer.custom_name(model, operator)]
        place = next(n for n, one in enumerate(graph.operators) if one is operator)
        graph.operators[place : place + 1] = _operators(model, graph, operator, options, hybrid)
    return []


def _operators(model: Any, graph: Any, call: Any, options: Mapping[str, Any], hybrid: bool) -> list[Any]:
    x, *initial = call.inputs[:3]
    weights = list(call.inputs[3:])
    outputs, last_cell = call.outputs
    shape = graph.tensors[initial[0]].shape
    variables = [
        flatbuffer.add_tensor(model, graph, f"{name}_of_{outputs}", shape=shape, variable=True)
        for name in ("h", "c")
    ]
    if hybrid:
        for part in (KERNELS, PEEPHOLES):
            weights[part] = [_as_int8(model, graph, index) for index in weights[part]]
    peepholes = weights[PEEPHOLES] or [NONE] * 3
    inputs = [x, *weights[KERNELS], *peepholes, *weights[BIASES], NONE, NONE, *variables, *[NONE] * 4]
    about = schema.UnidirectionalSequenceLSTMOptionsT()
    about.fusedActivationFunction = getattr(schema.ActivationFunctionType, options["activation"])
    about.cellClip = options["clip"]
    code = flatbuffer.add_code(model, "UNIDIRECTIONAL_SEQUENCE_LSTM", 2 if hybrid else 1)
    return [
        *(_start(model, graph, *pair) for pair in zip(initial, variables, strict=True)),
        flatbuffer.operator(code, inputs, [outputs], about),
        *(_read(model, graph, variables[1], outputs, last_cell) if _used(graph, last_cell) else []),
    ]


def _start(model: Any, graph: Any, initial: int, variable: int) -> Any:
    """The operator that writes an initial state into its variable.

    Neither of the two is taken by the XNNPACK delegate, which does not know of variables.
    """
    value = flatbuffer.constant(model, graph, initial)
    if value is not None and not value.any():
        code = flatbuffer.add_code(model, "ZEROS_LIKE")
        return flatbuffer.operator(code, [initial], [variable], schema.ZerosLikeOptionsT())
    once = flatbuffer.add_tensor(model, graph, "once", value=np.ones(2, np.int32))
    code = flatbuffer.add_code(model, "TILE")
    return flatbuffer.operator(code, [initial, once], [variable], schema.TileOptionsT())


def _read(model: Any, graph: Any, variable: int, outputs: int, into: int) -> list[Any]:
    """The operators that read a variable once the outputs are there."""
    shape = graph.tensors[variable].shape
    zero = flatbuffer.add_tensor(model, graph, "zero", value=np.zeros((), np.float32))
    axis = flatbuffer.add_tensor(model, graph, "axis", value=np.array([1], np.int32))
    peak, nothing = (flatbuffer.add_tensor(model, graph, name, shape=shape) for name in ("peak", "nothing"))
    reduce = flatbuffer.add_code(model, "REDUCE_MAX")
    multiply, add = (flatbuffer.add_code(model, name) for name in ("MUL", "ADD"))
    return [
        flatbuffer.operator(reduce, [outputs, axis], [peak], schema.ReducerOptionsT()),
        flatbuffer.operator(multiply, [peak, zero], [nothing], schema.MulOptionsT()),
        flatbuffer.operator(add, [variable, nothing], [into], schema.AddOptionsT()),
    ]


def _used(graph: Any, tensor: int) -> bool:
    return tensor in graph.outputs or any(tensor in operator.inputs for operator in graph.operators)


def _as_int8(model: Any, graph: Any, index: int) -> int:
    """A constant as int8 with one scale: `w = scale * int8`, the largest absolute value being 127."""
    value = flatbuffer.constant(model, graph, index)
    scale = float(np.max(np.abs(value), initial=0.0)) / 127 or 1.0
    rounded = np.clip(np.round(value / scale), -127, 127).astype(np.int8)
    name = graph.tensors[index].name
    new = flatbuffer.add_tensor(model, graph, name, value=rounded)
    about = schema.QuantizationParametersT()
    about.scale, about.zeroPoint = np.array([scale], np.float32), np.array([0], np.int64)
    graph.tensors[new].quantization = about
    return new
