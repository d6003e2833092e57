import numpy as np

from edge.deploy.conversion.onnx_weights import own_zero_points
from tests.deploy.conversion.quantized_graphs import dequantize, edited, model, node, quantize, run


def two_layers():
    """Return two convolutions whose weights, beyond 64, share their zero points."""
    rng = np.random.default_rng(0)
    constants = {
        "s": np.float32(0.02), "z": np.int8(0), "ws": np.full(4, 0.01, np.float32), "wz": np.zeros(4, np.int8),
        **{name: rng.integers(-127, 128, (4, 4, 1, 1)).astype(np.int8) for name in ("v", "w")},
    }  # fmt: skip
    nodes = [dequantize("x s z", "xr"), dequantize("v ws wz", "vr", axis=0), node("Conv", "xr vr", "c")]
    nodes += [quantize("c s z", "m"), dequantize("m s z", "mr"), dequantize("w ws wz", "wr", axis=0)]
    nodes += [node("Conv", "mr wr", "d"), quantize("d s z", "y")]
    return model(nodes, constants, {"x": (1, 4, 3, 3)}, "y")


def test_each_weight_reads_zero_points_of_its_own():
    made = edited(two_layers(), own_zero_points)
    read = [one.input[2] for one in made.graph.node if one.op_type == "DequantizeLinear" and one.input[0] in ("v", "w")]
    assert len(set(read)) == 2
    x = np.random.default_rng(1).integers(-128, 128, (1, 4, 3, 3)).astype(np.int8)
    np.testing.assert_array_equal(run(made, x=x), run(two_layers(), optimized=False, x=x))
