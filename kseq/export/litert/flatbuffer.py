"""A `.tflite` file as objects: reading, changing, writing, and what operations are in it."""

from collections import Counter
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

IDENTIFIER = b"TFL3"
_BUILTINS = {number: name for name, number in vars(schema.BuiltinOperator).items() if name.isupper()}
_TYPES = {np.dtype("float32"): schema.TensorType.FLOAT32, np.dtype("int8"): schema.TensorType.INT8}
_TYPES[np.dtype("int32")] = schema.TensorType.INT32


def read(content: bytes) -> Any:
    """The model in a file's content."""
    return schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))


def write(model: Any) -> bytes:
    """The content of a file, each buffer in it once."""
    _share_buffers(model)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


def operations(model: Any) -> Counter:
    """How often each operation occurs; custom ones, which the plain interpreter lacks, in brackets."""
    names = [operation_name(code) for code in model.operatorCodes]
    return Counter(names[op.opcodeIndex] for graph in model.subgraphs for op in graph.operators)


def operation_name(code: Any) -> str:
    """The name of an operator code; of a custom operation in brackets."""
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    if number == schema.BuiltinOperator.CUSTOM:
        return f"[{_text(code.customCode)}]"
    return _BUILTINS[number]


def custom_name(model: Any, operator: Any) -> str:
    """The name of an operator that is a custom one, empty if it is not."""
    return _text(model.operatorCodes[operator.opcodeIndex].customCode or "")


def add_code(model: Any, name: str, version: int = 1) -> int:
    """The index of a builtin operation's code, which is added unless it is there."""
    number = getattr(schema.BuiltinOperator, name)
    for index, code in enumerate(model.operatorCodes):
        if code.builtinCode == number and code.version >= version:
            return index
    code = schema.OperatorCodeT()
    code.builtinCode, code.deprecatedBuiltinCode, code.version = number, min(number, 127), version
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def add_tensor(
    model: Any,
    graph: Any,
    name: str,
    *,
    shape: Any = (),
    value: np.ndarray | None = None,
    variable: bool = False,
) -> int:
    """The index of a new tensor, with a value or to be computed."""
    tensor = schema.TensorT()
    tensor.name, tensor.isVariable = name, variable
    tensor.shape = np.array(shape if value is None else value.shape, np.int32)
    tensor.type = schema.TensorType.FLOAT32 if value is None else _TYPES[value.dtype]
    tensor.buffer = 0  # empty
    if value is not None:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(value.tobytes(), np.uint8)
        model.buffers.append(buffer)
        tensor.buffer = len(model.buffers) - 1
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def operator(code: int, inputs: Any, outputs: Any, options: Any = None) -> Any:
    """A new operator; its options are an object of the schema."""
    made = schema.OperatorT()
    made.opcodeIndex = code
    made.inputs, made.outputs = np.array(inputs, np.int32), np.array(outputs, np.int32)
    if options is not None:
        made.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
        made.builtinOptions = options
    return made


def constant(model: Any, graph: Any, index: int) -> np.ndarray | None:
    """The value of a float32 tensor that is a constant, None if it is none."""
    tensor = graph.tensors[index]
    data = model.buffers[tensor.buffer].data
    if data is None or not len(data) or tensor.type != schema.TensorType.FLOAT32:
        return None
    return np.frombuffer(np.asarray(data, np.uint8).tobytes(), np.float32).reshape(tensor.shape)


def _share_buffers(model: Any) -> None:
    """Let constants of equal content use one buffer: signatures share weights; drop what nobody uses."""
    for graph in model.subgraphs:
        needed = {n for op in graph.operators for n in op.inputs} | {*graph.inputs, *graph.outputs}
        for n, tensor in enumerate(graph.tensors):
            tensor.buffer = tensor.buffer if n in needed else 0
    used = {tensor.buffer for graph in model.subgraphs for tensor in graph.tensors}
    used |= {entry.buffer for entry in model.metadata or []} | {0}
    kept, index, seen = [], {}, {}
    for n, buffer in enumerate(model.buffers):
        if n not in used:
            continue
        content = None if buffer.data is None or not len(buffer.data) else np.asarray(buffer.data).tobytes()
        if n == 0 or content is None:  # tensors to be computed have buffers of their own
            index[n] = len(kept)
            kept.append(buffer)
        elif content in seen:
            index[n] = seen[content]
        else:
            index[n] = seen[content] = len(kept)
            kept.append(buffer)
    model.buffers = kept
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            tensor.buffer = index[tensor.buffer]
    for entry in model.metadata or []:
        entry.buffer = index[entry.buffer]


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else name
