"""JSON to arrays and back."""

import json
import math

import numpy as np
import pytest
import tensorflow as tf

from kseq.serving.arrays import from_array, shown, to_array
from kseq.serving.problem import Problem


@pytest.mark.parametrize(
    "value, dtype, expected",
    [
        (3, tf.int32, np.int32(3)),
        ([1, 2.5, -0.0], tf.float32, np.array([1, 2.5, 0], "float32")),
        ([[1], [2]], tf.int64, np.array([[1], [2]])),
        ([True, False], tf.bool, np.array([True, False])),
        (["é", {"b64": "/w=="}, ""], tf.string, np.array(["é".encode(), b"\xff", b""], object)),
        ([[], []], tf.string, np.empty((2, 0), object)),
        ([], tf.float32, np.empty(0, "float32")),
        (3.4e38, tf.float32, np.float32(3.4e38)),
        (-(2**31), tf.int32, np.int32(-(2**31))),
    ],
)
def test_values_become_arrays(value, dtype, expected):
    found = to_array(value, dtype)
    assert found.dtype == expected.dtype and found.shape == expected.shape
    np.testing.assert_array_equal(found, expected)


def test_what_json_does_not_know_but_tensorflow_serving_does():
    found = to_array(json.loads("[NaN, Infinity, -Infinity]"), tf.float32)
    assert math.isnan(found[0]) and found[1:].tolist() == [math.inf, -math.inf]


@pytest.mark.parametrize(
    "value, dtype, message",
    [
        ("3", tf.int32, 'JSON Value: "3" Type: String is not of expected type: int32'),
        (3.0, tf.int32, "JSON Value: 3.0 Type: Number is not of expected type: int32"),
        (True, tf.int32, "Type: Boolean is not of expected type: int32"),
        (2**31, tf.int32, "is not of expected type: int32"),
        (1, tf.bool, "is not of expected type: bool"),
        (False, tf.float32, "Type: Boolean is not of expected type: float32"),
        (None, tf.string, "JSON Value: null Type: Null is not of expected type: string"),
        ([1], tf.string, "is not of expected type: string"),
        (1e39, tf.float32, "Cannot convert JSON value: 1e+39 to float32 without loss of precision."),
        (10**400, tf.float32, "without loss of precision."),
        ({"a": 1}, tf.string, "not formatted correctly for base64 data"),
        ({"b64": "%"}, tf.string, "Unable to base64 decode"),
        ("\ud800", tf.string, "surrogate pair"),
        ([[1], [1, 2]], tf.int32, "Encountered list at unexpected size: 2 at level: 1 expected size: 1"),
        ([[1], 1], tf.int32, "found at incorrect level: 2"),
        ([1, [1]], tf.int32, "Encountered list at unexpected level: 1 expected < 1"),
    ],
)
def test_what_does_not_fit_is_refused_in_tensorflow_servings_words(value, dtype, message):
    with pytest.raises(Problem) as error:
        to_array(value, dtype)
    assert message in error.value.message and error.value.status == 400


def test_arrays_become_values():
    assert from_array("x", np.array([[1.5], [2]], "float32")) == [[1.5], [2.0]]
    assert from_array("x", np.array(3)) == 3
    assert from_array("text", np.array([["é".encode(), b"\xff"]], object)) == [["é", "\ufffd"]]
    assert from_array("raw_bytes", np.array([b"\xff"], object)) == [{"b64": "/w=="}]


def test_values_in_messages_are_short():
    assert shown("x" * 1000) == '"' + "x" * 79 + "..."
