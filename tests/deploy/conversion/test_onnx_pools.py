"""Averages of whole maps written as ReduceMean: the same numbers by ONNX Runtime's integer kernel."""

import numpy as np
import pytest

from edge.deploy.conversion.onnx_pools import pool_by_kernels
from edge.deploy.conversion.onnx_uint8 import to_uint8
from edge.tensors import Quantization
from tests.deploy.conversion.quantized_graphs import dequantize, edited, kernels, model, node, ops, quantize, run

SCALES = {"s": np.float32(0.05), "z": np.int8(-7), "os": np.float32(0.013), "oz": np.int8(4)}
X = np.random.default_rng(0).integers(-128, 128, (1, 5, 6, 7)).astype(np.int8)


def mean(axes, keepdims, shape=X.shape):
    nodes = [
        dequantize("x s z", "r"), node("ReduceMean", "r", "m", axes=axes, keepdims=keepdims), quantize("m os oz", "y"),
    ]  # fmt: skip
    return model(nodes, SCALES, {"x": shape}, "y")


@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize("axes", [[1, 2], [-2, -3], [2, 3]])
def test_a_map_is_averaged_by_an_integer_kernel(tmp_path, axes, keepdims):
    before = run(mean(axes, keepdims), optimized=False, x=X)
    made = edited(mean(axes, keepdims), pool_by_kernels)
    after = run(made, optimized=False, x=X)
    assert after.shape == before.shape
    assert np.abs(after.astype(int) - before).max() <= 1  # a sum in another order
    border = {"x": Quantization(0.05, -7), "y": Quantization(0.013, 4)}
    found = kernels(edited(made, lambda graph: to_uint8(graph, border)), tmp_path)
    assert [op for op in found if op not in ("Transpose", "Reshape")] == ["QLinearGlobalAveragePool"]


@pytest.mark.parametrize(
    ("axes", "shape"),
    [
        pytest.param([3], X.shape, id="channels"),
        pytest.param([1, 3], X.shape, id="height and channels"),
        pytest.param([1, 2], (5, 6, 7), id="three dimensions"),
    ],
)
def test_other_averages_stay(axes, shape):
    assert ops(edited(mean(axes, 1, shape), pool_by_kernels)) == ["ReduceMean"]
