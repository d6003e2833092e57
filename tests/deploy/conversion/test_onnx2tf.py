"""An .onnx file becomes .tflite files by onnx2tf. A script stands for it here; the last test runs it where it is."""

import sys

import numpy as np
import pytest

from edge.bundle import open_bundle
from edge.cli import convert as command
from edge.deploy._tensorflow import need
from edge.errors import InputError

need("tensorflow")
onnx = need("onnx")

from edge.deploy.conversion import freeze, onnx2tf, tflite  # noqa: E402
from edge.deploy.conversion.source import open_source  # noqa: E402

SIDE, CLASSES = 12, 5

SCRIPTS = {
    "copies": "out = pathlib.Path('out'); out.mkdir(); shutil.copy({made!r}, out / 'net_float32.tflite')",
    "fails": "print('\\x1b[31mERROR:\\x1b[0m no layer of that kind'); print('Traceback'); sys.exit(1)",
    "writes nothing": "print('done')",
}


def keras_network(seed=0):
    keras = need("tf_keras")
    keras.utils.set_random_seed(seed)
    layers = [
        keras.Input((SIDE, SIDE, 3)),
        keras.layers.Conv2D(4, 3, bias_initializer="normal", activation="relu"),
        keras.layers.Conv2D(CLASSES, 1),
    ]
    return keras.Sequential(layers)


def in_onnx(model, path):
    """Write the network in ONNX's layout, (1, 3, height, width) to (1, classes, height, width), by hand."""
    (first, bias), (last, offset) = (layer.get_weights() for layer in model.layers)
    constants = {"w": first.transpose(3, 2, 0, 1), "b": bias, "v": last.transpose(3, 2, 0, 1), "c": offset}
    make = onnx.helper
    nodes = [
        make.make_node("Conv", ["picture", "w", "b"], ["x"]),
        make.make_node("Relu", ["x"], ["y"]),
        make.make_node("Conv", ["y", "v", "c"], ["classes"]),
    ]
    given = make.make_tensor_value_info("picture", onnx.TensorProto.FLOAT, (1, 3, SIDE, SIDE))
    made = make.make_tensor_value_info("classes", onnx.TensorProto.FLOAT, (1, CLASSES, SIDE - 2, SIDE - 2))
    initializers = [onnx.numpy_helper.from_array(np.ascontiguousarray(v), k) for k, v in constants.items()]
    graph = make.make_graph(nodes, "net", [given], [made], initializers)
    onnx.save(make.make_model(graph, opset_imports=[make.make_opsetid("", 13)], ir_version=8), path)
    return path


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """The folder of net.onnx, of the same network as same.tflite, and of another one as other.tflite."""
    folder = tmp_path_factory.mktemp("networks")
    model = keras_network()
    in_onnx(model, folder / "net.onnx")
    (folder / "same.tflite").write_bytes(tflite.to_float32(freeze.freeze_keras(model)))
    (folder / "other.tflite").write_bytes(tflite.to_float32(freeze.freeze_keras(keras_network(seed=1))))
    np.savez(folder / "data.npz", images=np.random.default_rng(0).integers(0, 256, (8, SIDE, SIDE, 3), np.uint8))
    return folder


@pytest.fixture
def installed(tmp_path, monkeypatch):
    def install(kind, made=None):
        script = tmp_path / "onnx2tf"
        line = SCRIPTS[kind].format(made=str(made))
        script.write_text(f"#!{sys.executable}\nimport pathlib, shutil, sys\nassert sys.argv[1] == '-i'\n{line}\n")
        script.chmod(0o755)
        monkeypatch.setenv(onnx2tf.VARIABLE, str(script))

    return install


def test_the_file_has_the_names_of_the_onnx_file_in_tflites_layout(networks, installed):
    installed("copies", networks / "same.tflite")
    said = []
    source = onnx2tf.as_tflite(open_source(str(networks / "net.onnx")), said.append)
    assert [(spec.name, spec.shape) for spec in source.inputs] == [("picture", (1, SIDE, SIDE, 3))]
    assert [(spec.name, spec.shape) for spec in source.outputs] == [("classes", (1, SIDE - 2, SIDE - 2, CLASSES))]
    assert said[0] == "converting net.onnx with onnx2tf, which takes minutes"
    assert "onnx2tf's file computes what net.onnx does: 1" in said[1]  # 100 dB and more
    pictures = np.random.default_rng(1).random((3, SIDE, SIDE, 3), np.float32)
    found = source.reference({"picture": pictures})["classes"]  # by the .onnx file
    assert found == pytest.approx(keras_network()(pictures).numpy(), abs=1e-5)


def test_it_becomes_a_bundle_of_int8_files(networks, installed, tmp_path, capsys):
    installed("copies", networks / "same.tflite")
    data = ["--calibrate", str(networks / "data.npz"), "--verify", str(networks / "data.npz"), "--task", "segment"]
    words = [str(networks / "net.onnx"), "--out", str(tmp_path / "net"), "--tflite", "float32,int8", "--onnx", "int8"]
    assert command.main([*words, *data, "--min-agreement", "90", "--mean", "0", "--std", "255"]) == 0
    bundle = open_bundle(tmp_path / "net")
    made = [(artifact.format, artifact.precision) for artifact in bundle.manifest.artifacts]
    assert made == [("tflite", "float32"), ("tflite", "int8"), ("onnx", "int8")]
    exact = next(row for row in bundle.manifest.measured["parity"] if row["candidate"] == "model_float32.tflite")
    assert exact["reference"] == "the model"
    assert exact["snr"] > 100


@pytest.mark.parametrize(
    ("kind", "made", "words"),
    [
        pytest.param(
            "copies", "other.tflite", "does not compute what net.onnx does: they agree to", id="another network"
        ),
        pytest.param("fails", None, "onnx2tf cannot convert net.onnx: ERROR: no layer of that kind", id="it fails"),
        pytest.param("writes nothing", None, "onnx2tf cannot convert net.onnx: done", id="no file"),
    ],
)
def test_what_it_cannot_do_is_said(networks, installed, kind, made, words):
    installed(kind, made and networks / made)
    with pytest.raises(InputError, match=words):
        onnx2tf.as_tflite(open_source(str(networks / "net.onnx")), lambda line: None)


@pytest.mark.parametrize("options", [("--tflite", "int8"), ("--target", "coral-usb")])
def test_without_it_the_way_to_install_it_is_named_at_once(networks, tmp_path, monkeypatch, capsys, options):
    monkeypatch.delenv(onnx2tf.VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    words = [str(networks / "net.onnx"), "--out", str(tmp_path / "net"), *options]
    assert command.main([*words, "--calibrate", str(networks / "data.npz")]) == 2
    said = capsys.readouterr().err
    assert "net.onnx becomes no .tflite file without onnx2tf: install onnx2tf in an environment of its own" in said
    assert "loading TensorFlow" not in said


def test_a_target_that_runs_onnx_too_takes_the_onnx_file(networks, tmp_path, monkeypatch):
    monkeypatch.delenv(onnx2tf.VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    words = [str(networks / "net.onnx"), "--out", str(tmp_path / "net"), "--target", "pi4", "--task", "segment"]
    assert command.main(words) == 0
    assert [artifact.format for artifact in open_bundle(tmp_path / "net").manifest.artifacts] == ["onnx"]


@pytest.mark.slow
@pytest.mark.skipif(onnx2tf.program() is None, reason=f"onnx2tf is not installed, and {onnx2tf.VARIABLE} is not set")
def test_onnx2tf_itself_does_so(networks):
    source = onnx2tf.as_tflite(open_source(str(networks / "net.onnx")), lambda line: None)
    assert [(spec.name, spec.shape) for spec in source.inputs] == [("picture", (1, SIDE, SIDE, 3))]


def with_input(path, dtype, shape, nodes):
    """Write a network of one convolution whose input is changed by ``nodes`` from "given" to "picture"."""
    model = onnx.load(path.with_name("net.onnx"))
    given = onnx.helper.make_tensor_value_info("given", dtype, shape)
    del model.graph.input[:]
    model.graph.input.append(given)
    kept = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*nodes, *kept])
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def test_pictures_in_tflites_layout_keep_it(networks, installed, monkeypatch):
    node = onnx.helper.make_node("Transpose", ["given"], ["picture"], perm=[0, 3, 1, 2])
    path = with_input(networks / "nhwc.onnx", onnx.TensorProto.FLOAT, (1, SIDE, SIDE, 3), [node])
    line = "assert sys.argv[-2:] == ['--keep_shape_absolutely_input_names', 'given'], sys.argv"
    monkeypatch.setitem(SCRIPTS, "copies", f"{line}; {SCRIPTS['copies']}")
    installed("copies", networks / "same.tflite")
    assert onnx2tf.as_tflite(open_source(str(path)), lambda line: None).inputs[0].shape == (1, SIDE, SIDE, 3)


def test_integers_of_8_bits_are_compared_with_pixels(networks, installed):
    """With zeros for them, a network with other weights and the same biases would pass."""
    keras = need("tf_keras")
    model, given = keras_network(), keras.Input((SIDE, SIDE, 3), dtype="uint8")
    other = keras.Model(given, model(keras.layers.Rescaling(2.0)(given)))  # twice the pixels
    (networks / "twice.tflite").write_bytes(tflite.to_float32(freeze.freeze_keras(other)))
    node = onnx.helper.make_node("Cast", ["given"], ["picture"], to=onnx.TensorProto.FLOAT)
    path = with_input(networks / "uint8.onnx", onnx.TensorProto.UINT8, (1, 3, SIDE, SIDE), [node])
    installed("copies", networks / "twice.tflite")
    with pytest.raises(InputError, match=r"does not compute what uint8\.onnx does"):
        onnx2tf.as_tflite(open_source(str(path)), lambda line: None)
