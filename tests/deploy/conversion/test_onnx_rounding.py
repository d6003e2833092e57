"""Sums, products and averages of all integers: ONNX Runtime on the rewritten graph against LiteRT."""

import numpy as np
import onnx
import pytest

from edge.deploy.conversion.onnx_rounding import round_as_tflite
from edge.deploy.conversion.onnx_uint8 import to_uint8
from edge.tensors import Quantization
from tests.deploy.conversion.int8_operations import ADD, AVERAGE_POOL, MEAN, MUL, litert
from tests.deploy.conversion.quantized_graphs import dequantize, edited, kernels, model, node, quantize, run

EVERY = np.arange(-128, 128).astype(np.int8)
PAIRS = [grid.reshape(1, 256, 256, 1) for grid in np.meshgrid(EVERY, EVERY, indexing="ij")]


def shifted(array):
    return (array.astype(np.int16) + 128).astype(np.uint8)


def between(op, scales, shapes, constants=None, **attributes):
    """Return one operation on quantized tensors a, b … with the result y, in uint8, rewritten.

    Args:
        op: the operation.
        scales: the quantization of each input, and of the output.
        shapes: the shapes of the inputs that are no constants.
        constants: int8 arrays of the others, by name.
        attributes: those of the operation.
    """
    names = "abc"[: len(scales) - 1]
    numbers = {f"s{n}": np.float32(one.scale) for n, one in zip([*names, "y"], scales, strict=True)}
    numbers |= {f"z{n}": np.int8(one.zero_point) for n, one in zip([*names, "y"], scales, strict=True)}
    nodes = [dequantize(f"{n} s{n} z{n}", f"{n}r") for n in names]
    nodes += [node(op, " ".join(f"{n}r" for n in names), "yr", **attributes), quantize("yr sy zy", "y")]
    made = model(nodes, {**numbers, **(constants or {})}, shapes, "y")
    border = dict(zip([*names, "y"], scales, strict=True))
    return edited(made, lambda graph: to_uint8(graph, border), round_as_tflite)


def drawn(seed):
    """Return the quantizations of two inputs and of their sum."""
    rng = np.random.default_rng(seed)
    first, second = (float(np.float32(scale)) for scale in rng.uniform(0.01, 0.1, 2))
    zero_points = [int(zero_point) for zero_point in rng.integers(-128, 90, 3)]
    total = float(np.float32(max(first, second) * rng.uniform(0.9, 2)))
    return [Quantization(*pair) for pair in zip((first, second, total), zero_points, strict=True)]


@pytest.mark.parametrize("seed", range(8))
def test_sums_of_all_pairs_are_those_of_litert(tmp_path, seed):
    a, b, total = drawn(seed)
    expected = litert(tmp_path / "add.tflite", ADD, [(PAIRS[0], a), (PAIRS[1], b)], (PAIRS[0].shape, total))
    made = between("Add", [a, b, total], {"a": PAIRS[0].shape, "b": PAIRS[1].shape})
    np.testing.assert_array_equal(run(made, a=shifted(PAIRS[0]), b=shifted(PAIRS[1])), shifted(expected))


@pytest.mark.parametrize("seed", range(8))
def test_products_of_all_pairs_are_those_of_litert(tmp_path, seed):
    a, b, product = drawn(seed)
    # A ratio like 1 / 50 would put every 50th product in the middle, where float32 decides.
    steps = np.random.default_rng(100 + seed).uniform(30, 200)
    product = Quantization(float(np.float32(a.scale * b.scale * steps)), product.zero_point)
    expected = litert(tmp_path / "mul.tflite", MUL, [(PAIRS[0], a), (PAIRS[1], b)], (PAIRS[0].shape, product))
    made = between("Mul", [a, b, product], {"a": PAIRS[0].shape, "b": PAIRS[1].shape})
    np.testing.assert_array_equal(run(made, a=shifted(PAIRS[0]), b=shifted(PAIRS[1])), shifted(expected))


@pytest.mark.parametrize("scale", [0.0444491, 0.0337125, 0.0595448, 0.02])
@pytest.mark.parametrize("is_first", [False, True])
def test_half_a_step_in_the_sum_of_hard_swish_goes_up(tmp_path, scale, is_first):
    """x + 3 with steps of 6 / 255: 3 is 127.5 steps, so that x of 0 lies in the middle between two."""
    x, three, total = (
        Quantization(scale, 3),
        Quantization(float(np.float32(3 / 255)), -128),
        Quantization(6 / 255, -128),
    )
    values, constant = EVERY.reshape(1, 16, 16, 1), np.full((1, 1, 1, 1), 127, np.int8)
    both = [(values, x), (np.broadcast_to(constant, values.shape).copy(), three)]
    expected = litert(tmp_path / "add.tflite", ADD, both, (values.shape, total))
    scales, names = ([three, x], "ba") if is_first else ([x, three], "ab")
    made = between("Add", [*scales, total], {names[0]: values.shape}, {names[1]: constant})
    np.testing.assert_array_equal(run(made, **{names[0]: shifted(values)}), shifted(expected))
    assert expected.ravel()[128 + 3] == 0


@pytest.mark.parametrize(("side", "seed"), [(7, 0), (7, 1), (14, 2), (14, 3), (28, 4)])
def test_averages_of_maps_are_those_of_litert(tmp_path, side, seed):
    rng = np.random.default_rng(seed)
    given, output = Quantization(0.04, int(rng.integers(-128, 0))), Quantization(0.0041 + 0.001 * seed, -81)
    maps = np.clip(rng.normal(rng.integers(-128, 10, 512), 9, (1, side, side, 512)), -128, 127).astype(np.int8)
    options = ("ReducerOptions", {"keepDims": True})
    expected = litert(tmp_path / "mean.tflite", MEAN, [(maps, given)], ((1, 1, 1, 512), output), options, axes=[1, 2])
    channels_first = maps.transpose(0, 3, 1, 2).copy()
    made = between("GlobalAveragePool", [given, output], {"a": channels_first.shape})
    found = run(made, a=shifted(channels_first)).astype(int) - 128
    assert kernels(made, tmp_path) == ["QLinearGlobalAveragePool"]
    assert np.abs(found.ravel() - expected.ravel().astype(int)).max() <= 1
    assert (found.ravel() != expected.ravel()).sum() <= 1


@pytest.mark.parametrize("size", [2, 3, 4, 8])
def test_averages_of_windows_are_those_of_litert(tmp_path, size):
    scale = Quantization(0.05, 17)
    image = np.random.default_rng(size).integers(-128, 128, (1, 48, 48, 16)).astype(np.int8)
    fields = {"padding": 1, "strideH": size, "strideW": size, "filterHeight": size, "filterWidth": size}
    result = ((1, 48 // size, 48 // size, 16), scale)
    expected = litert(tmp_path / "pool.tflite", AVERAGE_POOL, [(image, scale)], result, ("Pool2DOptions", fields))
    channels_first = image.transpose(0, 3, 1, 2).copy()
    window = {"kernel_shape": [size, size], "strides": [size, size]}
    made = between("AveragePool", [scale, scale], {"a": channels_first.shape}, **window)
    found = run(made, a=shifted(channels_first))
    assert kernels(made, tmp_path) == ["QLinearAveragePool"]
    np.testing.assert_array_equal(found.transpose(0, 2, 3, 1), shifted(expected))


def test_the_scales_move_by_less_than_a_hundred_thousandth():
    a, b, total = drawn(0)
    made = between("Add", [a, b, total], {"a": PAIRS[0].shape, "b": PAIRS[1].shape})
    written = [onnx.numpy_helper.to_array(tensor) for tensor in made.graph.initializer]
    scales = [float(value) for value in written if value.dtype == np.float32]
    for one in (a, b, total):
        assert min(abs(scale / one.scale - 1) for scale in scales) < 1e-5
