"""What a caller may give as an input: numbers that the file's dtype holds, and no others."""

import numpy as np
import pytest

from edge.errors import InputError
from edge.inputs import as_tensor
from edge.tensors import Quantization, TensorSpec


def spec(dtype, quantization=None):
    return TensorSpec("x", (1, 2), np.dtype(dtype), quantization)


@pytest.mark.parametrize(
    ("dtype", "given"),
    [
        pytest.param("uint8", [0, 255], id="pixels as int64"),
        pytest.param("int32", [3.0, -4.0], id="whole floats"),
        pytest.param("int64", [True, False], id="booleans"),
        pytest.param("float16", [0.5, np.inf], id="an infinity that was given"),
        pytest.param("float32", [0.5, np.nan], id="what is no number, for floats to judge"),
    ],
)
def test_what_the_dtype_holds_is_passed_on(dtype, given):
    made = as_tensor(given, spec(dtype))
    assert made.dtype == dtype
    np.testing.assert_array_equal(made, [given])


@pytest.mark.parametrize(
    ("dtype", "given", "line"),
    [
        pytest.param("uint8", [1, 300], r"'x' takes whole numbers that uint8 holds.*got 300", id="would be 44"),
        pytest.param("uint8", [-1, 0], r"got -1", id="would be 255"),
        pytest.param("uint8", [0.0, 0.4], r"not scaled ones, got 0.4", id="a scaled picture would be black"),
        pytest.param("int32", [0, 2**40], r"got 1099511627776", id="would be 0"),
        pytest.param("int32", [0.0, np.nan], r"got nan", id="no number"),
        pytest.param("float16", [0.0, 1e6], r"float16 holds, got 1000000", id="would be infinite"),
        pytest.param("int32", "a sentence", r"'x' takes numbers of shape \(1, 2\), got the text 'a sent", id="text"),
        pytest.param("int32", [[1, 2], [3]], r"rows that differ", id="rows of two lengths"),
    ],
)
def test_what_would_become_another_number_is_refused(dtype, given, line):
    with pytest.raises(InputError, match=line):
        as_tensor(given, spec(dtype))


def test_a_quantized_input_clips_and_needs_numbers():
    quantized = spec("int8", Quantization(0.5, 0))
    np.testing.assert_array_equal(as_tensor([0.3, 1e9], quantized), [[1, 127]])
    with pytest.raises(InputError, match="must be numbers, got nan"):
        as_tensor([0.0, np.nan], quantized)
