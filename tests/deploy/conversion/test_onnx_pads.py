"""Zeros around a maximum of negative values are its largest values, also in ONNX Runtime with all its optimizers."""

import numpy as np
import pytest

from edge.backends import open_model
from edge.deploy._tensorflow import need

need("tensorflow")
onnx, ort = need("onnx"), need("onnxruntime")

from edge.deploy.conversion import float_onnx, freeze, tflite  # noqa: E402
from edge.deploy.conversion import onnx as writer  # noqa: E402
from edge.deploy.conversion.onnx_pads import keep_pads  # noqa: E402
from edge.deploy.conversion.post_training import Settings  # noqa: E402

X = -1 - np.random.default_rng(0).random((1, 6, 6, 1), np.float32)


@pytest.fixture(scope="module")
def network():
    """Zeros, a maximum, and a convolution of its result, as in ResNetV2."""
    keras = need("tf_keras")
    keras.utils.set_random_seed(0)
    layers = [keras.Input((6, 6, 1)), keras.layers.ZeroPadding2D(1), keras.layers.MaxPooling2D(3, 2)]
    return keras.Sequential([*layers, keras.layers.Conv2D(2, 1, use_bias=False)])


def test_a_written_file_is_right_in_a_plain_session(network, tmp_path):
    (tmp_path / "net.tflite").write_bytes(tflite.to_float32(freeze.freeze_keras(network)))
    writer.from_tflite(tmp_path / "net.tflite", tmp_path / "net.onnx")
    session = ort.InferenceSession(str(tmp_path / "net.onnx"), providers=["CPUExecutionProvider"])
    found = session.run(None, {session.get_inputs()[0].name: X})[0]
    assert found == pytest.approx(network(X).numpy(), abs=1e-6)


@pytest.fixture
def foreign(tmp_path):
    """A file that somebody else wrote: Pad and MaxPool, in NCHW."""
    make, real = onnx.helper, onnx.TensorProto.FLOAT
    nodes = [make.make_node("Pad", ["x", "pads"], ["y"]), make.make_node("MaxPool", ["y"], ["z"], kernel_shape=[3, 3])]
    given, made = (make.make_tensor_value_info(name, real, [1, 1, 6, 6]) for name in "xz")
    pads = make.make_tensor("pads", onnx.TensorProto.INT64, [8], [0, 0, 1, 1, 0, 0, 1, 1])
    graph = make.make_graph(nodes, "net", [given], [made], [pads])
    path = tmp_path / "foreign.onnx"
    onnx.save(make.make_model(graph, opset_imports=[make.make_opsetid("", 13)], ir_version=8), path)
    return path


def by_hand(x):
    padded = np.pad(x, 1)
    return np.array([[padded[r : r + 3, c : c + 3].max() for c in range(6)] for r in range(6)])


def test_a_file_of_somebody_else_runs_right_and_becomes_int8(foreign, tmp_path):
    x = X.reshape(1, 1, 6, 6)
    with open_model(foreign) as model:
        np.testing.assert_array_equal(model.run([x])[0][0, 0], by_hand(x[0, 0]))
    made = tmp_path / "int8.onnx"
    made.write_bytes(float_onnx.to_int8(foreign, [{"x": x}] * 4, Settings("minmax"), lambda done, total: None))
    with open_model(made) as model:
        assert model.run([x])[0][0, 0] == pytest.approx(by_hand(x[0, 0]), abs=2 / 255)


def test_a_padding_that_is_computed_is_left_alone(foreign):
    graph = onnx.load(foreign).graph
    graph.node[0].input.append("computed")  # as a Constant node gives it, which may be minus infinity
    keep_pads(graph)
    assert list(graph.node[0].input) == ["x", "pads", "computed"]
