"""Integers worked out by hand; the rounding is that of the TFLite kernels (std::round)."""

import numpy as np
import pytest

from edge.errors import InputError
from edge.tensors import Quantization, TensorSpec, dequantize, quantize


def spec(dtype, scale=None, zero_point=0, shape=(1, 4)):
    quantization = None if scale is None else Quantization(scale, zero_point)
    return TensorSpec("x", shape, np.dtype(dtype), quantization)


@pytest.mark.parametrize(
    ("dtype", "scale", "zero_point", "real", "expected"),
    [
        pytest.param("int8", 0.5, -3, [0.0, 1.0, -1.0, 10.0], [-3, -1, -5, 17], id="exact steps"),
        pytest.param("int8", 1.0, 0, [0.5, -0.5, 1.5, -1.5], [1, -1, 2, -2], id="half goes away from zero"),
        pytest.param("int8", 1.0, 10, [0.5, -0.5, 2.5, -2.5], [11, 9, 13, 7], id="half before the zero point"),
        pytest.param("int8", 0.1, 0, [12.7, 12.8, 1e9, -1e9], [127, 127, 127, -128], id="clips at both ends"),
        pytest.param("uint8", 1 / 128, 128, [-1.0, 0.0, 0.9921875, 1.0], [0, 128, 255, 255], id="mobilenet input"),
        pytest.param("int16", 1 / 32768, 0, [-1.0, 0.0, 0.5, 1.0], [-32768, 0, 16384, 32767], id="int16 activations"),
        pytest.param("int32", 0.25, 0, [1.0, -1.0, 0.125, 1e12], [4, -4, 1, 2147483647], id="bias"),
    ],
)
def test_quantize(dtype, scale, zero_point, real, expected):
    got = quantize(np.array([real]), spec(dtype, scale, zero_point))
    assert got.dtype == np.dtype(dtype)
    assert got.tolist() == [expected]


def test_float_is_only_cast():
    real = np.array([[0.1, -2.0, 3.5, 1e-8]])
    got = quantize(real, spec("float32"))
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, real.astype(np.float32))


@pytest.mark.parametrize(
    ("dtype", "scale", "zero_point", "stored", "expected"),
    [
        pytest.param("int8", 0.5, -3, [-128, -3, 0, 127], [-62.5, 0.0, 1.5, 65.0], id="int8"),
        pytest.param("uint8", 1 / 128, 128, [0, 128, 192, 255], [-1.0, 0.0, 0.5, 0.9921875], id="uint8"),
        pytest.param("float32", None, 0, [-1.0, 0.0, 2.0, 3.0], [-1.0, 0.0, 2.0, 3.0], id="float is kept"),
    ],
)
def test_dequantize(dtype, scale, zero_point, stored, expected):
    got = dequantize(np.array([stored], dtype), spec(dtype, scale, zero_point))
    assert got.dtype == np.float32
    assert got.tolist() == [expected]


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_every_integer_survives_the_round_trip(dtype):
    limits = np.iinfo(dtype)
    every = np.arange(limits.min, limits.max + 1).astype(dtype)
    form = spec(dtype, 0.0235, 7, shape=every.shape)
    np.testing.assert_array_equal(quantize(dequantize(every, form), form), every)


def test_check_accepts_exactly_the_declared_tensor():
    spec("uint8").check(np.zeros((1, 4), np.uint8))


@pytest.mark.parametrize(
    ("array", "got"),
    [
        pytest.param(np.zeros((4,), np.uint8), "(4,) uint8", id="rank"),
        pytest.param(np.zeros((2, 4), np.uint8), "(2, 4) uint8", id="batch"),
        pytest.param(np.zeros((1, 4), np.int8), "(1, 4) int8", id="dtype"),
        pytest.param([[0, 0, 0, 0]], "list", id="not an array"),
    ],
)
def test_check_names_rule_expectation_and_arrival(array, got):
    with pytest.raises(InputError) as caught:
        spec("uint8").check(array)
    assert str(caught.value) == f"tensor 'x' must be (1, 4) uint8, got {got}; see edge.imaging.Preprocessor"
