"""Files of every precision, from a frozen graph and from finished files, against the float network by LiteRT."""

from pathlib import Path

import numpy as np
import pytest

from edge.backends import open_model
from edge.deploy._tensorflow import need
from edge.deploy.conversion import float_tflite, onnx_halves, tflite
from edge.deploy.conversion.file_precision import file_precision
from edge.deploy.conversion.produce import make
from edge.deploy.conversion.recipe import Recipe, default_recipe
from edge.deploy.conversion.source import open_source
from edge.errors import InputError
from edge.tensors import dequantize, quantize
from tests.shared import needs_shared, shared

keras = need("tf_keras")
SHAPE = (16, 16, 3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A network with the layers that rounding, ranges and folding are about, as files of several kinds."""
    keras.utils.set_random_seed(3)
    x = given = keras.Input(SHAPE, name="picture")
    x = keras.layers.Conv2D(48, 3, 2, "same", use_bias=False)(x)  # 1,296 weights: dynamic leaves 1,023 alone
    x = keras.layers.ReLU(6.0)(keras.layers.BatchNormalization()(x))
    x = keras.layers.Add()([x, keras.layers.DepthwiseConv2D(3, padding="same", activation="relu")(x)])
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(given, keras.layers.Dense(5, name="scores")(x))
    path = tmp_path_factory.mktemp("files")
    model.save(path / "net.keras")
    frozen = open_source(str(path / "net.keras")).frozen
    (path / "net.tflite").write_bytes(tflite.to_float32(frozen))
    (path / "half.tflite").write_bytes(tflite.to_float16(frozen))
    (path / "dynamic.tflite").write_bytes(tflite.to_dynamic(frozen))
    made = make(open_source(str(path / "net.tflite")), Recipe((), ("float32",)), None, path)
    made[0].path.rename(path / "net.onnx")
    return path


def pictures(count, seed=0):
    return [{"picture": one} for one in np.random.default_rng(seed).uniform(-1, 1, (count, 1, *SHAPE)).astype("f4")]


def answers(path, rows):
    """Return the real outputs of a file, (rows, 5), by its runtime."""
    with open_model(path) as model:
        runs = [model.run([np.ascontiguousarray(quantize(row["picture"], model.inputs[0]))]) for row in rows]
        return np.concatenate([dequantize(outputs[0], model.outputs[0]) for outputs in runs])


def signal_to_noise(expected, found):
    return 10 * np.log10(np.square(expected).sum() / max(np.square(expected - found).sum(), 1e-20))


NET, BOTH = "net.keras", ("float32", "float16")


@pytest.mark.parametrize(
    ("name", "recipe", "least"),
    [
        # 8 bits of eight layers leave about 35 dB, 16 bits of the activations more; float16 has 11 bits.
        pytest.param(NET, Recipe(("int8",), ("int8",)), 30, id="Keras to int8"),
        pytest.param(NET, Recipe(("int8",), ("int8",), io="uint8"), 30, id="uint8 border"),
        pytest.param(NET, Recipe(("int8",), ("int8",), io="float32"), 30, id="float border"),
        pytest.param(NET, Recipe(("int16x8",)), 32, id="int16x8"),
        pytest.param(NET, Recipe(("int16x8",), io="float32"), 32, id="int16x8 with a float border"),
        pytest.param(NET, Recipe(BOTH, BOTH), 55, id="float16"),
        pytest.param(NET, Recipe((), ("float32",), opset=13), 100, id="opset 13"),
        pytest.param(NET, Recipe((), ("float32", "int8"), opset=18), 30, id="opset 18"),
        pytest.param("net.tflite", Recipe(("float32", "int8"), ("float32", "float16", "int8")), 30, id="TFLite"),
        pytest.param("net.tflite", Recipe(("int16x8",)), 32, id="TFLite to int16x8"),
        pytest.param("half.tflite", Recipe(("float16", "float32", "int8"), ("float16", "int8")), 30, id="16 bits"),
        pytest.param("dynamic.tflite", Recipe(("dynamic", "int8"), ("int8",)), 30, id="dynamic"),
        pytest.param("net.onnx", Recipe((), ("float32", "float16", "int8")), 30, id="ONNX"),
    ],
)
def test_every_file_gives_nearly_the_answers_of_the_network(folder, tmp_path, name, recipe, least):
    unseen = pictures(20, seed=1)
    made = make(open_source(str(folder / name)), recipe, pictures(40), tmp_path)
    assert len(made) == len(recipe.tflite) + len(recipe.onnx)
    expected = answers(folder / "net.tflite", unseen)
    for one in made:
        assert file_precision(one.path) == one.artifact.precision
        assert signal_to_noise(expected, answers(one.path, unseen)) > least, one.path.name


@pytest.mark.parametrize("io", ["int8", "uint8", "float32"])
@pytest.mark.parametrize("name", [NET, "net.tflite"])
def test_the_border_has_the_dtype_that_was_asked_for(folder, tmp_path, name, io):
    """The steps inside are the same, so the answers are equal, not only near."""
    files = {}
    for border in ("int8", io):
        (tmp_path / border).mkdir(exist_ok=True)
        recipe = Recipe(("int8",), io=border)
        (one,) = make(open_source(str(folder / name)), recipe, pictures(8), tmp_path / border)
        files[border] = one.path
    with open_model(files[io]) as model:
        assert {spec.dtype.name for spec in (*model.inputs, *model.outputs)} == {io}
    unseen = pictures(8, seed=2)
    np.testing.assert_allclose(answers(files[io], unseen), answers(files["int8"], unseen), atol=1e-6)


def test_weights_of_16_bits_are_half_the_file_and_large_ones_stay(tmp_path):
    onnx = need("onnx")
    weights = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
    large = weights * np.float32(1e5)
    nodes = [onnx.helper.make_node("MatMul", ["x", "w"], ["h"]), onnx.helper.make_node("MatMul", ["h", "v"], ["y"])]
    border = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, (1, 64)) for name in "xy"]
    constants = [onnx.numpy_helper.from_array(weights, "w"), onnx.numpy_helper.from_array(large, "v")]
    graph = onnx.helper.make_graph(nodes, "g", border[:1], border[1:], constants)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    path = tmp_path / "half.onnx"
    path.write_bytes(onnx_halves.to_float16(model.SerializeToString()))
    kept = {t.name: t.data_type for t in onnx.load(path).graph.initializer}
    assert kept == {"w_float16": onnx.TensorProto.FLOAT16, "v": onnx.TensorProto.FLOAT}
    x = np.random.default_rng(1).normal(size=(1, 64)).astype(np.float32)
    with open_model(path) as net:
        np.testing.assert_allclose(net.run([x])[0], x @ weights.astype(np.float16).astype("f4") @ large, rtol=1e-3)


def test_what_cannot_become_int8_says_so_when_it_is_opened(tmp_path):
    looped = keras.Sequential([keras.Input((5, 3)), keras.layers.LSTM(4)])
    looped.save(tmp_path / "looped.keras")
    (tmp_path / "looped.tflite").write_bytes(tflite.to_float32(open_source(str(tmp_path / "looped.keras")).frozen))
    assert "loop" in float_tflite.refusal(tmp_path / "looped.tflite")
    source = open_source(str(tmp_path / "looped.tflite"))
    assert default_recipe(source, True) == Recipe(("float32",), ("float32",))
    with pytest.raises(InputError, match="looped has no int8 file, because it has a loop"):
        make(source, Recipe(("int8",)), iter(()), tmp_path)


FLOAT_FILES = [
    ("mlperf_tiny", "kws_ref_model_float32.tflite"),  # dynamic, in spite of its name
    ("mlperf_tiny", "pretrainedResnet.tflite"),
    ("wild", "face_detection_front.tflite"),  # float16, from before the schema of 2021
    ("wild", "iris_landmark.tflite"),
    ("wild", "face_mask_detection.tflite"),
    ("wild", "version-RFB-320_without_postprocessing.onnx"),  # opset 9, with constants among its inputs
    ("wild", "FastestDet.onnx"),
]


@needs_shared
@pytest.mark.slow
@pytest.mark.parametrize("parts", FLOAT_FILES, ids=lambda parts: parts[1])
def test_published_float_files_become_int8(parts, tmp_path):
    """Random samples are no pictures: only that the file is made, and computes nearly the same, is tested."""
    source = open_source(str(shared("models", *parts)))
    rng = np.random.default_rng(0)
    rows = [{one.name: rng.uniform(-1, 1, one.shape).astype("f4") for one in source.inputs} for _ in range(8)]
    onnx = Path(parts[1]).suffix == ".onnx"
    (made,) = make(source, Recipe(() if onnx else ("int8",), ("int8",) if onnx else ()), rows, tmp_path)
    with open_model(source.file) as whole, open_model(made.path) as small:
        assert file_precision(made.path) == "int8"
        given = [np.ascontiguousarray(quantize(rows[0][spec.name], spec)) for spec in small.inputs]
        expected, found = whole.run(list(rows[0].values())), small.run(given)
        for one, other, spec in zip(expected, found, small.outputs, strict=True):
            assert signal_to_noise(one, dequantize(other, spec)) > 8
