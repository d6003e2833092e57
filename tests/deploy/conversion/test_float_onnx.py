"""int8 files of float ONNX files whose outputs join values of unlike ranges, against the float file in ONNX Runtime."""

import numpy as np
import pytest

from edge.deploy._tensorflow import need
from edge.deploy.conversion import float_onnx
from edge.deploy.conversion.post_training import Settings

onnx = need("onnx")
ort = need("onnxruntime")
PLACES = 64


def head(path, scale, tail=(), shape=None):
    """Write a YOLO-like head: (1, 3, 8, 8) to (1, 6, 64), four rows of box in ``scale`` and two of scores."""
    rng = np.random.default_rng(0)
    constants = {
        "boxes_w": np.abs(rng.normal(size=(4, 3, 1, 1))).astype(np.float32),
        "logits_w": rng.normal(size=(2, 3, 1, 1)).astype(np.float32),
        "bias": np.float32([-6, -6]),
        "scale": np.float32(scale),
        "boxes_shape": np.array([1, 4, PLACES]),
        "logits_shape": np.array([1, 2, PLACES]),
    }
    node = onnx.helper.make_node
    nodes = [
        node("Conv", ["x", "boxes_w"], ["grid"]),
        node("Relu", ["grid"], ["positive"]),
        node("Reshape", ["positive", "boxes_shape"], ["rows"]),
        node("Mul", ["rows", "scale"], ["boxes"]),
        node("Conv", ["x", "logits_w", "bias"], ["map"]),
        node("Reshape", ["map", "logits_shape"], ["logits"]),
        node("Sigmoid", ["logits"], ["scores"]),
        node("Concat", ["boxes", "scores"], ["joined"], axis=1),
        *tail,
    ]
    nodes[-1].output[0] = "output"
    real, value = onnx.TensorProto.FLOAT, onnx.helper.make_tensor_value_info
    shape = shape or ([1, PLACES, 6] if tail else [1, 6, PLACES])
    weights = [onnx.numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = onnx.helper.make_graph(
        nodes, "net", [value("x", real, [1, 3, 8, 8])], [value("output", real, shape)], weights
    )
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def run(content, x):
    options = ort.SessionOptions()
    options.log_severity_level = 4
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]


def samples(count=40):
    """Pictures of noise with a rare strong place, whose logits are far above the others."""
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(count, 1, 3, 8, 8)).astype(np.float32)
    rows[::8, 0, :, 3, 4] *= 6
    return [{"x": row} for row in rows]


TRANSPOSED = onnx.helper.make_node("Transpose", ["joined"], ["output"], perm=[0, 2, 1])


@pytest.mark.parametrize("tail", [(), (TRANSPOSED,)], ids=["as it is", "transposed"])
@pytest.mark.parametrize("method", ["mse", "minmax"])
def test_scores_beside_boxes_of_hundreds_of_pixels_keep_their_values(tmp_path, tail, method):
    """Logits from -40 to 20 have steps of 0.25, of which the sigmoid's slope leaves 0.06; the input's steps add to it.

    One scale for boxes and scores would have steps of several pixels and make every score 0.
    """
    path, rows = head(tmp_path / "net.onnx", 100, tail), samples()
    content = float_onnx.to_int8(path, rows, Settings(method), lambda done, total: None)
    axis = 2 if tail else 1
    worst = largest = 0.0
    for row in rows:
        expected = np.split(run(str(path), row["x"]), [4], axis=axis)
        found = np.split(run(content, row["x"]), [4], axis=axis)
        largest = max(largest, float(expected[1].max()))
        worst = max(worst, float(np.abs(expected[1] - found[1]).max()))
    assert largest > 0.9
    assert worst < 0.1


def test_scores_that_the_file_itself_chooses_keep_their_values(tmp_path):
    """A head without suppression, as YOLO26 has, chooses the best rows of boxes and scores in the file."""
    node = onnx.helper.make_node
    chosen = {"parts": [4, 2], "ten": [10], "last": [2], "wide": [1, 1, 4]}
    tail = [node("Constant", [], [name], value_ints=values) for name, values in chosen.items()]
    tail += [
        node("Transpose", ["joined"], ["table"], perm=[0, 2, 1]),
        node("Split", ["table", "parts"], ["corners", "classes"], axis=2),
        node("ReduceMax", ["classes"], ["best"], axes=[2], keepdims=0),
        node("TopK", ["best", "ten"], ["values", "indices"], axis=1),
        node("Unsqueeze", ["indices", "last"], ["column"]),
        node("Tile", ["column", "wide"], ["places"]),
        node("GatherElements", ["corners", "places"], ["kept"], axis=1),
        node("Unsqueeze", ["values", "last"], ["scores10"]),
        node("Concat", ["kept", "scores10"], ["output"], axis=2),
    ]
    path, rows = head(tmp_path / "net.onnx", 100, tail, [1, 10, 5]), samples()
    content = float_onnx.to_int8(path, rows, Settings(), lambda done, total: None)
    both = [(run(str(path), row["x"]), run(content, row["x"])) for row in rows]
    assert max(expected[..., 4].max() for expected, _ in both) > 0.9
    assert max(np.abs(expected[..., 4] - found[..., 4]).max() for expected, found in both) < 0.1


def quantized_joins(content):
    """Return for each Concat whether all its inputs come from DequantizeLinear and a QuantizeLinear reads it."""
    graph = onnx.load_from_string(content).graph
    readers = {name: node.op_type for node in graph.node for name in node.input}
    return [readers.get(node.output[0]) == "QuantizeLinear" for node in graph.node if node.op_type == "Concat"]


@pytest.mark.parametrize(("scale", "quantized"), [(0.1, True), (100, False)])
def test_parts_of_like_ranges_stay_int8(tmp_path, scale, quantized):
    content = float_onnx.to_int8(
        head(tmp_path / "net.onnx", scale), samples(8), Settings("minmax"), lambda done, total: None
    )
    assert quantized_joins(content) == [quantized]


@pytest.mark.parametrize("kind", ["Conv", "Gemm", "Gemm, transposed"])
def test_the_bias_of_a_pruned_channel_stays(tmp_path, kind):
    """Inputs of 0 to 255 and no weights: steps of the input would leave nothing of the bias, or twice of it."""
    rng = np.random.default_rng(0)
    weights = (rng.normal(size=(4, 3)) / 255).astype(np.float32)
    weights[1:3] = 0
    bias = np.float32([0.1, 0.5, -0.7, 0.2])
    stored = {"Conv": weights.reshape(4, 3, 1, 1), "Gemm": weights.T, "Gemm, transposed": weights}[kind]
    attributes = {"transB": 1} if kind == "Gemm, transposed" else {}
    node = onnx.helper.make_node(kind.split(",")[0], ["x", "w", "b"], ["y"], **attributes)
    inputs, outputs = ([1, 3, 8, 8], [1, 4, 8, 8]) if kind == "Conv" else ([1, 3], [1, 4])
    real, value = onnx.TensorProto.FLOAT, onnx.helper.make_tensor_value_info
    constants = [onnx.numpy_helper.from_array(stored, "w"), onnx.numpy_helper.from_array(bias, "b")]
    graph = onnx.helper.make_graph([node], "net", [value("x", real, inputs)], [value("y", real, outputs)], constants)
    path = tmp_path / "net.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), path)
    rows = [{"x": rng.uniform(0, 255, inputs).astype(np.float32)} for _ in range(10)]
    found = run(float_onnx.to_int8(path, rows, Settings("minmax"), lambda done, total: None), rows[0]["x"])
    found = np.moveaxis(found, 1, 0).reshape(4, -1)[1:3]
    # Half a step of the output, whose range is below 4.
    np.testing.assert_allclose(found, np.broadcast_to(bias[1:3, None], found.shape), atol=0.5 * 4 / 255)


@pytest.mark.parametrize("operation", ["Relu", "Clip"])
def test_an_output_that_a_relu_reads_too_keeps_its_range(operation, tmp_path):
    rng = np.random.default_rng(0)
    constants = {"w": rng.normal(size=(4, 3, 1, 1)).astype(np.float32), "least": np.float32(0), "most": np.float32(6)}
    limits = ["least", "most"] if operation == "Clip" else []
    node = onnx.helper.make_node
    nodes = [node("Conv", ["x", "w"], ["y"]), node(operation, ["y", *limits], ["r"]), node("Add", ["r", "r"], ["z"])]
    real, value = onnx.TensorProto.FLOAT, onnx.helper.make_tensor_value_info
    outputs = [value(name, real, [1, 4, 8, 8]) for name in ("y", "z")]
    weights = [onnx.numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = onnx.helper.make_graph(nodes, "net", [value("x", real, [1, 3, 8, 8])], outputs, weights)
    path = tmp_path / "net.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), path)
    rows = [{"x": rng.normal(size=(1, 3, 8, 8)).astype(np.float32)} for _ in range(10)]
    expected = run(path.read_bytes(), rows[0]["x"])
    found = run(float_onnx.to_int8(path, rows, Settings("minmax"), lambda done, total: None), rows[0]["x"])
    assert expected.min() < -2
    # An 8-bit step of the output, for its rounding and those of the input and the weights.
    np.testing.assert_allclose(found, expected, atol=2 * np.ptp(expected) / 255)
