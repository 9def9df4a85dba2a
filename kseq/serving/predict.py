"""The body of a `:predict` request and its answer, as TensorFlow Serving's REST has them.

Row format: `{"instances": [{"x": ..., "y": ...}, ...]}`, or the values alone if there is one input; answered
by `{"predictions": [...]}`. Column format: `{"inputs": {"x": [...], "y": [...]}}`; answered by
`{"outputs": ...}`. `"signature_name"` chooses a signature.
"""

import dataclasses
import json
import math
from typing import Any

import numpy as np
import tensorflow as tf

from kseq.serving.arrays import from_array, is_bytes, shown, to_array
from kseq.serving.limits import Limits
from kseq.serving.problem import invalid
from kseq.serving.scheduler import Request
from kseq.serving.signature import Arrays, Signature
from kseq.serving.version import DEFAULT, Version


@dataclasses.dataclass(frozen=True)
class Call:
    """A request that was understood.

    Args:
        signature: what to compute.
        request: of what.
        by_rows: whether it came, and is answered, in row format.
    """

    signature: Signature
    request: Request
    by_rows: bool


def understand(content: dict[str, Any], version: Version, limits: Limits) -> Call:
    """What a request asks of a version.

    Raises:
        Problem: the request is malformed, does not fit the signature, or exceeds a limit.
    """
    signature = _signature(content, version)
    if ("instances" in content) == ("inputs" in content):
        if "inputs" not in content:
            raise invalid("Missing 'inputs' or 'instances' key")
        raise invalid("Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist")
    by_rows = "instances" in content
    if by_rows:
        inputs = _from_rows(content["instances"], signature)
    else:
        inputs = _from_columns(content["inputs"], signature)
    for name, array in inputs.items():
        _check(name, array, signature.inputs[name], limits)
    return Call(signature, _request(inputs, signature, limits), by_rows)


def answer(call: Call, outputs: Arrays) -> dict[str, Any]:
    """What a caller gets, in the format of the request.

    Raises:
        Problem: row format was asked of outputs that are no rows.
    """
    values = {name: from_array(name, array) for name, array in outputs.items()}
    single = len(values) == 1
    if not call.by_rows:
        return {"outputs": next(iter(values.values())) if single else values}
    sizes = {name: len(array) if array.ndim else None for name, array in outputs.items()}
    for name, size in sizes.items():
        if size is None:
            raise invalid(f"Tensor name: {name} has no shape information")
        if size != next(iter(sizes.values())):
            raise invalid(f"Tensor name: {name} has inconsistent batch size: {size}")
    if single:
        return {"predictions": next(iter(values.values()))}
    rows = zip(*values.values(), strict=True)
    return {"predictions": [dict(zip(values, row, strict=True)) for row in rows]}


def parse(body: bytes) -> dict[str, Any]:
    """The object of JSON in a body.

    Raises:
        Problem: it is none.
    """
    if not body:
        raise invalid("JSON Parse error: The document is empty")
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        where = f" at offset: {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise invalid(f"JSON Parse error: {getattr(error, 'msg', None) or error}{where}") from None
    if not isinstance(content, dict):
        raise invalid(f"JSON Value: {shown(content)} Is not object")
    return content


def _signature(content: dict[str, Any], version: Version) -> Signature:
    name = content.get("signature_name", "")
    if not isinstance(name, str):
        raise invalid("not formatted correctly. 'signature_name' key must be a string value.")
    name = name or DEFAULT
    if name not in version.signatures:
        known = ", ".join(sorted(version.signatures))
        raise invalid(f'Serving signature name: "{name}" not found in signature def; known: {known}')
    return version.signatures[name]


def _from_rows(rows: Any, signature: Signature) -> Arrays:
    if not isinstance(rows, list):
        raise invalid("Expecting 'instances' to be an list/array")
    if not rows:
        raise invalid("No values in 'instances' array")
    if isinstance(rows[0], dict) and not is_bytes(rows[0]):
        return _from_objects(rows, signature)
    if len(signature.inputs) != 1:
        raise invalid(
            "instances is a plain list, but expecting list of objects as multiple input tensors required: "
            + ",".join(sorted(signature.inputs))
        )
    ((name, spec),) = signature.inputs.items()
    return {name: to_array(rows, spec.dtype)}


def _from_objects(rows: list, signature: Signature) -> Arrays:
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            raise invalid(f"Expecting object but got list at item {number} of input list")
        if row.keys() != signature.inputs.keys():
            raise invalid(
                f"Failed to process element: {number} of 'instances' list. JSON object: {shown(row)} "
                f"keys must be equal to: {','.join(sorted(signature.inputs))}"
            )
    arrays = {}
    for name, spec in signature.inputs.items():
        column = to_array([row[name] for row in rows], spec.dtype)
        arrays[name] = _same(name, column) if spec.shape.rank == 0 else column
    return arrays


def _same(name: str, column: np.ndarray) -> np.ndarray:
    """The one value of an option that every row repeats, as row format cannot say it once."""
    if column.ndim != 1 or any(value != column[0] for value in column):
        raise invalid(f"`{name}` is one value for all instances, which must agree on it")
    return column[0:1].reshape(())


def _from_columns(columns: Any, signature: Signature) -> Arrays:
    if not isinstance(columns, dict) or is_bytes(columns):
        if len(signature.inputs) != 1:
            raise invalid(
                "inputs is a plain value/list, but expecting an object as multiple input tensors required: "
                + ",".join(sorted(signature.inputs))
            )
        columns = {next(iter(signature.inputs)): columns}
    for name in columns:
        if name not in signature.inputs:
            raise invalid(f"JSON object: does not have named input: {name}")
    for name in signature.inputs:
        if name not in columns:
            raise invalid(f"Missing named input: {name} in 'inputs' object.")
    return {name: to_array(columns[name], spec.dtype) for name, spec in signature.inputs.items()}


def _check(name: str, array: np.ndarray, spec: tf.TensorSpec, limits: Limits) -> None:
    if not spec.shape.is_compatible_with(array.shape):
        raise invalid(f"input `{name}` must have shape {spec.shape}, got {array.shape}")
    if array.ndim == 0 and name in limits.options():
        least, most = limits.options()[name]
        if not least <= array <= most:
            raise invalid(f"`{name}` must be from {least} to {most}, got {array}")
    if (longest := _characters(array)) > limits.text:
        raise invalid(f"input `{name}`: a text of {longest:,} characters; at most {limits.text:,} are taken")


def _request(inputs: Arrays, signature: Signature, limits: Limits) -> Request:
    batched = [array for array in inputs.values() if array.ndim]
    counts = {len(array) for array in batched}
    if len(counts) > 1 and signature.merges:
        raise invalid(f"inputs differ in their rows: {', '.join(map(str, sorted(counts)))}")
    rows = max(counts, default=1)
    if rows > limits.rows:
        raise invalid(f"a batch of {rows:,} rows; at most {limits.rows:,} are taken")
    longest = max((_characters(array) * math.prod(array.shape[1:]) for array in batched), default=1)
    if rows * longest > limits.padded:
        raise invalid(
            f"{rows:,} rows, the longest of {longest:,}, are {rows * longest:,} with their padding; at most "
            f"{limits.padded:,} are taken"
        )
    return Request(inputs, rows, longest)


def _characters(array: np.ndarray) -> int:
    """Those of the longest string; of numbers 1."""
    if array.dtype != object:
        return 1
    return max((len(text.decode(errors="replace")) for text in array.flat), default=0)
