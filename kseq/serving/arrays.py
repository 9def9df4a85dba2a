"""Values of JSON to arrays of a signature and back, with TensorFlow Serving's checks and words."""

import base64
import binascii
import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from kseq.serving.problem import invalid

KINDS = {
    type(None): "Null",
    bool: "Boolean",
    int: "Number",
    float: "Number",
    str: "String",
    list: "Array",
    dict: "Object",
}


def to_array(value: Any, dtype: tf.DType) -> np.ndarray:
    r"""The array that a value of JSON is, rows of equal size all the way down.

    Example:
        >>> to_array([[1, 2], [3, 4]], tf.float32)
        array([[1., 2.],
               [3., 4.]], dtype=float32)
        >>> to_array(["a", {"b64": "/w=="}], tf.string)
        array([b'a', b'\xff'], dtype=object)

    Args:
        value: numbers, texts, true and false, `{"b64": TEXT}` for bytes; or lists of them.
        dtype: what the signature takes.

    Raises:
        Problem: a value is of another kind, is out of range, or lists differ in size.
    """
    shape = []
    level = value
    while isinstance(level, list):
        shape.append(len(level))
        level = level[0] if level else None
    flat = [_converted(leaf, dtype) for leaf in _leaves(value, shape, 0)]
    array = np.empty(len(flat), dtype.as_numpy_dtype)
    array[:] = flat
    return array.reshape(shape)


def from_array(name: str, array: np.ndarray) -> Any:
    """The values of JSON for an output; strings are text unless its name ends in `_bytes`."""
    if array.dtype != object:
        return array.tolist()
    text = _to_b64 if name.endswith("_bytes") else _to_text
    return _mapped(array.tolist(), text)


def shown(value: Any, most: int = 80) -> str:
    """A value of JSON for a message, not too long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= most else text[:most] + "..."


def is_bytes(value: Any) -> bool:
    """Whether a value is bytes in base64."""
    return isinstance(value, dict) and list(value) == ["b64"] and isinstance(value["b64"], str)


def _leaves(value: Any, shape: list[int], level: int) -> Iterator[Any]:
    if not isinstance(value, list):
        if level != len(shape):
            raise invalid(
                f"JSON Value: {shown(value)} found at incorrect level: {level + 1} in the JSON DOM. "
                f"Expected at level: {len(shape)}"
            )
        yield value
        return
    if level >= len(shape):
        raise invalid(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
    if len(value) != shape[level]:
        raise invalid(
            f"Encountered list at unexpected size: {len(value)} at level: {level} "
            f"expected size: {shape[level]}"
        )
    for item in value:
        yield from _leaves(item, shape, level + 1)


def _converted(value: Any, dtype: tf.DType) -> Any:
    if dtype == tf.string:
        if isinstance(value, str):
            return _encoded(value)
        if isinstance(value, dict):
            return _decoded(value)
    elif dtype == tf.bool:
        if isinstance(value, bool):
            return value
    elif dtype.is_floating:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            if float(dtype.max) < abs(value) != math.inf:
                raise invalid(
                    f"Cannot convert JSON value: {shown(value)} to {dtype.name} without loss of precision."
                )
            return value
    elif dtype.is_integer:
        if isinstance(value, int) and not isinstance(value, bool) and dtype.min <= value <= dtype.max:
            return value
    else:
        raise invalid(f"Conversion of JSON Value: {shown(value)} to type: {dtype.name}")
    kind = KINDS[type(value)]
    raise invalid(f"JSON Value: {shown(value)} Type: {kind} is not of expected type: {dtype.name}")


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise invalid("JSON Parse error: The surrogate pair in string is invalid.") from None


def _decoded(value: dict) -> bytes:
    if not is_bytes(value):
        raise invalid(f"JSON Value: {shown(value)} not formatted correctly for base64 data")
    try:
        return base64.b64decode(value["b64"], validate=True)
    except (binascii.Error, ValueError):
        raise invalid("Unable to base64 decode") from None


def _mapped(value: Any, convert: Any) -> Any:
    return [_mapped(item, convert) for item in value] if isinstance(value, list) else convert(value)


def _to_text(value: bytes) -> str:
    return value.decode(errors="replace")


def _to_b64(value: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(value).decode()}
