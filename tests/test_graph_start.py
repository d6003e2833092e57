"""What a file's first arithmetic tells of its pixels: files of converters, graphs written by hand, and damaged ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.backends import open_model
from edge.deploy._tensorflow import need
from edge.graph_start import scales_pixels
from edge.recognize import Asked, recognize

tf = need("tensorflow")
onnx = need("onnx")

import tf_keras as keras  # noqa: E402

from edge.deploy.conversion import freeze, tflite  # noqa: E402
from edge.deploy.conversion import onnx as onnx_files  # noqa: E402

SIDE = 16
IMAGENET = ([0.485, 0.456, 0.406], [0.229**2, 0.224**2, 0.225**2])


def normalization(mean, variance):
    layer = keras.layers.Normalization(mean=mean, variance=variance)
    layer.build((None, SIDE, SIDE, 3))
    return layer


FIRST = {
    "divided by 255": ([keras.layers.Rescaling(1 / 255)], True),
    "from -1 to 1": ([keras.layers.Rescaling(1 / 127.5, -1)], True),
    "mean and variance": ([normalization([123.7, 116.3, 103.5], [58.4**2, 57.1**2, 57.4**2])], True),
    "a mean alone": ([keras.layers.Lambda(lambda x: x - tf.constant([103.9, 116.8, 123.7]))], True),
    "turned to BGR before": ([keras.layers.Lambda(lambda x: x[..., ::-1] - tf.constant([103.9, 116.8, 123.7]))], True),
    "padded before": ([keras.layers.ZeroPadding2D(1), keras.layers.Rescaling(1 / 255)], True),
    "resized before": ([keras.layers.Resizing(8, 8), keras.layers.Rescaling(1 / 255)], True),
    "0 to 1 to -1 to 1": ([keras.layers.Rescaling(2, -1)], False),
    "0 to 1 by ImageNet": ([normalization(*IMAGENET)], False),
    "a convolution before": ([keras.layers.Conv2D(3, 3), keras.layers.Rescaling(1 / 255)], False),
    "none": ([], False),
}


def saved(name, kind, folder):
    keras.utils.set_random_seed(0)
    # Into a convolution that follows at once the converter folds the scaling, so that no arithmetic is left.
    tail = [keras.layers.MaxPooling2D(), keras.layers.Conv2D(4, 3)]
    tail += [keras.layers.GlobalAveragePooling2D(), keras.layers.Softmax()]
    frozen = freeze.freeze_keras(keras.Sequential([keras.Input((SIDE, SIDE, 3)), *FIRST[name][0], *tail]))
    path = folder / "net.tflite"
    path.write_bytes(tflite.to_float16(frozen) if kind == "float16" else tflite.to_float32(frozen))
    if kind != "onnx":
        return path
    onnx_files.from_tflite(path, folder / "net.onnx", {}, 17)
    return folder / "net.onnx"


@pytest.mark.parametrize("kind", ["float32", "float16", "onnx"])
@pytest.mark.parametrize("name", FIRST)
def test_files_of_converters(name, kind, tmp_path):
    assert scales_pixels(saved(name, kind, tmp_path)) == FIRST[name][1]


def graph(path, nodes, constants, raw=True):
    """Write an ONNX file of a picture (1, 3, 16, 16), the nodes up to "scaled", and a classifier's end."""
    helper, real = onnx.helper, onnx.TensorProto.FLOAT
    made = [helper.make_node(kind, inputs, outputs, **more) for kind, inputs, outputs, more in nodes]
    made += [helper.make_node("Conv", ["scaled", "kernel"], ["map"]), helper.make_node("Relu", ["map"], ["thin"])]
    made += [helper.make_node("GlobalAveragePool", ["thin"], ["mean"]), helper.make_node("Flatten", ["mean"], ["row"])]
    made += [helper.make_node("Softmax", ["row"], ["y"])]
    tensors = {"kernel": np.ones((4, 3, 3, 3)), **constants}
    rows = [tensor(name, np.asarray(value, np.float32), raw) for name, value in tensors.items()]
    x = helper.make_tensor_value_info("x", real, (1, 3, SIDE, SIDE))
    net = helper.make_graph(made, "net", [x], [helper.make_tensor_value_info("y", real, (1, 4))], rows)
    onnx.save(helper.make_model(net, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def tensor(name, values, raw=True):
    if raw:
        return onnx.numpy_helper.from_array(values, name)
    return onnx.helper.make_tensor(name, onnx.TensorProto.FLOAT, values.shape, values.ravel().tolist())


def channels(*values):
    return np.reshape(values, (1, -1, 1, 1))


CONSTANT = {"value": tensor("", np.float32([[[0.014]], [[0.019]], [[0.015]]]))}
GRAPHS = {
    "a mean and a std": (
        [("Sub", ["x", "m"], ["centred"], {}), ("Div", ["centred", "s"], ["scaled"], {})],
        {"m": channels(123.7, 116.3, 103.5), "s": channels(58.4, 57.1, 57.4)},
        True,
    ),
    "a node with the constant, and its other side": (
        [("Constant", [], ["c"], CONSTANT), ("Mul", ["c", "x"], ["scaled"], {})],
        {},
        True,
    ),
    "a batch normalization": (
        [("BatchNormalization", ["x", "g", "b", "m", "v"], ["scaled"], {})],
        {"g": [1, 2, 1], "b": [0, 0, 0], "m": [0, 0, 0], "v": [30000, 30000, 30000]},
        True,
    ),
    "a batch normalization of -1 to 1": (
        [("BatchNormalization", ["x", "g", "b", "m", "v"], ["scaled"], {})],
        {"g": [1, 1, 1], "b": [0, 0, 0], "m": [0.1, 0, 0], "v": [0.3, 0.2, 0.3]},
        False,
    ),
    "0 to 1 by ImageNet": (
        [("Sub", ["x", "m"], ["centred"], {}), ("Div", ["centred", "s"], ["scaled"], {})],
        {"m": channels(*IMAGENET[0]), "s": channels(0.229, 0.224, 0.225)},
        False,
    ),
    "a product with itself": ([("Mul", ["x", "x"], ["scaled"], {})], {}, False),
    "a factor of zero": ([("Mul", ["x", "z"], ["scaled"], {})], {"z": [0]}, False),
    "a factor that is no number": ([("Mul", ["x", "z"], ["scaled"], {})], {"z": [np.nan]}, False),
}


@pytest.mark.parametrize("raw", [True, False], ids=["bytes", "floats"])
@pytest.mark.parametrize("name", GRAPHS)
def test_onnx_graphs(name, raw, tmp_path):
    nodes, constants, expected = GRAPHS[name]
    assert scales_pixels(graph(tmp_path / "net.onnx", nodes, constants, raw)) == expected


def found(path, **asked):
    with open_model(path, threads=1) as model:
        known = recognize(path, model.inputs, model.outputs, Asked(task="classify", **asked))
    form = known.signature.inputs[0].format
    return form.mean, form.std, [note for note in known.notes if "pixels" in note]


@pytest.mark.parametrize("kind", ["float32", "onnx"])
def test_a_bare_file_takes_its_pixels_as_they_are(kind, tmp_path):
    note = "pixels taken as 0 to 255, which the network's first arithmetic scales; --mean and --std say otherwise"
    path = saved("divided by 255", kind, tmp_path)
    assert found(path) == ((0.0,), (1.0,), [note])
    assert found(path, format={"mean": (5.0,), "std": (2.0,)}) == ((5.0,), (2.0,), [])
    assert found(path, format={"std": (2.0,)})[:2] == ((127.5,), (2.0,))


def test_others_take_the_assumption(tmp_path):
    note = "pixels assumed -1 to 1; --mean and --std say otherwise"
    assert found(saved("0 to 1 by ImageNet", "float32", tmp_path)) == ((127.5,), (127.5,), [note])


def test_other_files_scale_nothing(tmp_path):
    (tmp_path / "net.bin").write_bytes(b"1" * 100)
    (tmp_path / "net.onnx").write_bytes(b"")
    assert [scales_pixels(tmp_path / name) for name in ("net.bin", "net.onnx", "none.tflite")] == [False] * 3


@pytest.fixture(scope="module", params=["float16", "onnx"])
def whole(request, tmp_path_factory):
    return saved("from -1 to 1", request.param, tmp_path_factory.mktemp(request.param))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damage_raises_nothing(whole, data):
    content = bytearray(whole.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    damaged = whole.with_name(f"damaged{whole.suffix}")
    damaged.write_bytes(content[: data.draw(st.integers(1, len(content)))])
    assert scales_pixels(damaged) in (True, False)
