"""Clamps before quantizers: the integers stay the same, and ONNX Runtime makes one kernel of what is left."""

import numpy as np
import pytest

from edge.deploy.conversion.onnx_clamps import drop_clamps
from edge.deploy.conversion.onnx_uint8 import to_uint8
from edge.tensors import Quantization
from tests.deploy.conversion.quantized_graphs import dequantize, edited, kernels, model, node, ops, quantize, run

WEIGHTS = np.random.default_rng(0).integers(-127, 128, (4, 3, 1, 1)).astype(np.int8)
X = np.random.default_rng(1).integers(-128, 128, (1, 3, 9, 9)).astype(np.int8)


def convolution(clamp, scale, zero_point, **bounds):
    """Return a convolution, a clamp, and a quantizer of this scale and zero point."""
    names = " ".join(bounds) if bounds else ""
    constants = {
        "w": WEIGHTS, "ws": np.full(4, 0.01, np.float32), "wz": np.zeros(4, np.int8), "s": np.float32(0.02),
        "z": np.int8(3), "os": np.float32(scale), "oz": np.int8(zero_point),
        **{name: np.float32(value) for name, value in bounds.items()},
    }  # fmt: skip
    nodes = [
        dequantize("x s z", "real"), dequantize("w ws wz", "weights", axis=0), node("Conv", "real weights", "c"),
        node(clamp, f"c {names}", "r"), quantize("r os oz", "y"),
    ]  # fmt: skip
    return model(nodes, constants, {"x": X.shape}, "y")


@pytest.mark.parametrize(
    ("clamp", "scale", "zero_point", "bounds", "left"),
    [
        pytest.param("Relu", 0.02, -128, {}, [], id="relu, 0 is the least integer"),
        pytest.param("Relu", 0.02, -20, {}, ["Clip"], id="relu, integers below 0"),
        pytest.param("Clip", 6 / 255, -128, {"low": 0, "high": 6}, [], id="relu6 over the whole range"),
        pytest.param("Clip", 4 / 255, -128, {"low": 0, "high": 6}, [], id="relu6, the range ends before 6"),
        pytest.param("Clip", 9 / 255, -128, {"low": 0, "high": 6}, ["Clip"], id="relu6, the range goes beyond 6"),
        pytest.param("Clip", 1 / 128, 0, {"low": -1, "high": 1}, [], id="-1 to 1"),
        pytest.param("Clip", 1 / 64, 0, {"low": -1, "high": 1}, ["Clip"], id="-1 to 1, a wider range"),
    ],
)
def test_the_integers_stay_and_the_convolution_is_one_kernel(tmp_path, clamp, scale, zero_point, bounds, left):
    before = run(convolution(clamp, scale, zero_point, **bounds), optimized=False, x=X)
    made = edited(convolution(clamp, scale, zero_point, **bounds), drop_clamps)
    assert ops(made) == ["Conv", *left]
    np.testing.assert_array_equal(run(made, optimized=False, x=X), before)
    assert len(np.unique(before)) > 20  # it is no test when all values are clamped


def test_a_clamp_whose_value_is_read_elsewhere_stays():
    made = convolution("Relu", 0.02, -128)
    made.graph.node.append(node("Add", "r r", "twice"))
    made.graph.node.append(quantize("twice os oz", "z2"))
    made.graph.output.append(made.graph.output[0])
    made.graph.output[1].name = "z2"
    assert ops(edited(made, drop_clamps)) == ["Conv", "Relu", "Add"]


def test_a_clamp_with_computed_bounds_stays():
    made = convolution("Clip", 6 / 255, -128, low=0, high=6)
    made.graph.node.insert(0, node("Identity", "high", "computed"))
    clip = next(one for one in made.graph.node if one.op_type == "Clip")
    clip.input[2] = "computed"
    assert ops(edited(made, drop_clamps)) == ["Identity", "Conv", "Clip"]


@pytest.mark.parametrize("zero_point", [pytest.param(-128, id="dropped"), pytest.param(-20, id="behind")])
def test_onnx_runtime_makes_an_integer_kernel_of_it(tmp_path, zero_point):
    border = {"x": Quantization(0.02, 3), "y": Quantization(0.02, zero_point)}
    made = edited(convolution("Relu", 0.02, zero_point), drop_clamps, lambda graph: to_uint8(graph, border))
    assert kernels(made, tmp_path) == ([] if zero_point == -128 else ["Clip"]) + ["QLinearConv"]
