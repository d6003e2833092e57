"""Every kind of MODEL, brought to one form."""

import json
import sys

import numpy as np
import pytest

from edge.deploy._tensorflow import need
from edge.deploy.conversion import onnx, tflite
from edge.deploy.conversion.reference import FunctionReference, sample
from edge.deploy.conversion.source import open_source
from edge.errors import FileError, InputError
from edge.tensors import TensorSpec
from tests.backends import models
from tests.deploy.keras_files import SIZE, TWO_INPUTS_OF_32, keras3_file, run_frozen, saved, small, with_lambda

tf = need("tensorflow")

import keras as keras3  # noqa: E402
import tf_keras as keras2  # noqa: E402

IMAGES = np.random.default_rng(0).normal(size=(5, *SIZE)).astype(np.float32)


def border(source):
    return [(spec.name, spec.shape) for spec in (*source.inputs, *source.outputs)]


def run(source, images=IMAGES):
    """Return the only output of a reference that takes images."""
    (output,) = source.reference({source.inputs[0].name: images}).values()
    return output


def expected():
    return small()(IMAGES).numpy()


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_keras_file(tmp_path, suffix):
    source = open_source(str(saved(small(), tmp_path / f"net{suffix}")))
    assert (source.name, source.inputs[0].name) == ("small", "input")
    assert [shape for _, shape in border(source)] == [(1, *SIZE), (1, 3)]
    assert (source.file, source.quantize_aware, source.record) == (None, False, None)
    np.testing.assert_allclose(run(source), expected(), atol=1e-6)
    (frozen,) = run_frozen(source.frozen, IMAGES[:1])
    np.testing.assert_allclose(frozen, expected()[:1], atol=1e-6)


def rescaling(form, scale, offset=0.0):
    """Return a network with a Rescaling layer: in front, in a model inside it, behind a convolution, or none."""
    import tf_keras as keras

    layers = keras.layers
    scaled, weighted = layers.Rescaling(scale, offset), layers.Conv2D(2, 3)
    order = {
        "front": [scaled, weighted],
        "behind augmentation": [layers.RandomFlip(), scaled, weighted],
        "inside": [keras.Sequential([layers.RandomFlip(), scaled]), weighted],
        "behind": [weighted, scaled],
        "none": [weighted],
    }
    return keras.Sequential([layers.Input(SIZE), *order[form], layers.GlobalAveragePooling2D()])


@pytest.mark.parametrize(
    ("form", "scale", "expected"),
    [
        ("front", 1 / 255, True),
        ("front", 1 / 127.5, True),
        ("front", [1 / 255] * 3, True),
        ("behind augmentation", 1 / 255, True),
        ("inside", 1 / 255, True),
        ("front", 2.0, False),  # of values from 0 to 1
        ("behind", 1 / 255, False),
        ("none", 1.0, False),
    ],
)
def test_a_network_that_scales_its_pixels_itself_is_found(tmp_path, form, scale, expected):
    assert open_source(str(saved(rescaling(form, scale), tmp_path / "net.keras"))).rescales == expected


@pytest.mark.slow
def test_a_keras_3_file(tmp_path):
    source = open_source(str(keras3_file(tmp_path / "net.keras")))
    assert [shape for _, shape in border(source)] == [(1, *SIZE), (1, 3)]
    (frozen,) = run_frozen(source.frozen, IMAGES[:1])
    np.testing.assert_allclose(frozen, run(source, IMAGES[:1]), atol=1e-6)


@pytest.mark.slow
def test_a_keras_3_file_of_dictionaries_that_was_built_for_a_batch(tmp_path):
    source = open_source(str(keras3_file(tmp_path / "net.keras", TWO_INPUTS_OF_32)))
    assert border(source) == [
        ("number", (1, 4)), ("picture", (1, *SIZE)), ("scores", (1, 3)), ("value", (1, 2))
    ]  # fmt: skip
    number = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)
    outputs = source.reference({"picture": IMAGES, "number": number})
    for row in range(5):
        scores, value = run_frozen(source.frozen, number[row : row + 1], IMAGES[row : row + 1])
        np.testing.assert_allclose(outputs["scores"][row], scores[0], atol=1e-5)
        np.testing.assert_allclose(outputs["value"][row], value[0], atol=1e-5)


def test_the_training_record_beside_the_model_is_read(tmp_path):
    path = saved(small(), tmp_path / "model.keras")
    (tmp_path / "train.json").write_text(json.dumps({"mean": [0], "std": [1]}))
    assert open_source(str(path)).record == {"mean": [0], "std": [1]}
    (tmp_path / "train.json").write_text("no json")
    assert open_source(str(path)).record is None


@pytest.mark.parametrize("batch", [None, 1, 4])
def test_a_saved_model_of_any_batch(tmp_path, batch):
    model = small()
    spec = tf.TensorSpec((batch, *SIZE), tf.float32, name="pixels")
    module = tf.Module()
    module.model = model
    serve = tf.function(lambda pixels: {"scores": model(pixels)}, [spec])
    tf.saved_model.save(module, str(tmp_path / "saved"), signatures={"serving_default": serve})
    source = open_source(str(tmp_path / "saved"))
    assert (source.name, border(source)) == ("saved", [("pixels", (1, *SIZE)), ("scores", (1, 3))])
    np.testing.assert_allclose(run(source), expected(), atol=1e-6)  # five images: more than one batch of four
    (frozen,) = run_frozen(source.frozen, IMAGES[:1])
    np.testing.assert_allclose(frozen, expected()[:1], atol=1e-5)


def test_a_saved_model_that_cannot_be_frozen_is_refused(tmp_path):
    table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer([0, 1], [1.0, 2.0]), 0.0)
    spec = tf.TensorSpec((None, *SIZE), tf.float32, name="pixels")

    def looked_up(pixels):
        return {"scores": tf.reduce_mean(pixels, (1, 2)) * table.lookup(tf.constant([1, 0, 5]))}

    def of_any_size(pixels):
        return {"scores": tf.reshape(pixels, (1, -1))[:, : tf.cast(pixels[0, 0, 0, 0], tf.int32)]}

    for call, words in (
        (looked_up, "a lookup table perhaps"),
        (of_any_size, "a size that is known before the network runs"),
    ):
        module = tf.Module()
        module.table = table
        tf.saved_model.save(module, str(tmp_path / call.__name__), {"serving_default": tf.function(call, [spec])})
        with pytest.raises(InputError, match=words):
            open_source(str(tmp_path / call.__name__))


def test_a_tflite_file_is_its_own_reference(tmp_path):
    path = models.tflite_conv(tmp_path / "net.tflite", int8=True)
    source = open_source(str(path))
    assert border(source) == [("image", models.IMAGE), ("features", models.FEATURES)]
    assert (source.name, source.file, source.frozen) == ("net", path, None)
    assert source.inputs[0].quantization == models.IMAGE_QUANTIZATION
    image = np.random.default_rng(0).integers(-128, 128, models.IMAGE, np.int8)
    real = (image.astype(np.float32) + 3) * 0.5
    wanted = (models.int8_features(image).astype(np.float32) - 5) * 2.0
    got = run(source, real)
    np.testing.assert_allclose(got, wanted, atol=2.0)  # one step of the output: kernels break ties differently


def test_an_onnx_file_is_its_own_reference(tmp_path):
    (tmp_path / "net.tflite").write_bytes(tflite.to_float32(open_source_of(small()).frozen))
    onnx.from_tflite(tmp_path / "net.tflite", tmp_path / "net.onnx")
    source = open_source(str(tmp_path / "net.onnx"))
    assert (source.inputs[0].name, source.file) == ("input", tmp_path / "net.onnx")
    assert [shape for _, shape in border(source)] == [(1, *SIZE), (1, 3)]
    np.testing.assert_allclose(run(source), expected(), atol=1e-5)


def open_source_of(model):
    from edge.deploy.conversion import source

    return source._keras(model, None)


def test_a_name_of_the_zoo():
    source = open_source("zoo:mobilenet_v1")
    assert [shape for _, shape in border(source)] == [(1, 224, 224, 3), (1, 1000)]
    assert (source.name, source.network, source.trained) == ("mobilenet_v1", "mobilenet_v1", False)


def test_a_function_of_a_module(tmp_path, monkeypatch):
    (tmp_path / "my_networks.py").write_text("from tests.deploy.keras_files import small\nanswer = lambda: 42\n")
    monkeypatch.syspath_prepend(tmp_path)
    np.testing.assert_allclose(run(open_source("my_networks:small")), expected(), atol=1e-6)
    with pytest.raises(InputError, match=r"my_networks:answer\(\) must return a Keras model, got int"):
        open_source("my_networks:answer")
    with pytest.raises(InputError, match="my_networks:none cannot be imported"):
        open_source("my_networks:none")
    sys.modules.pop("my_networks")


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        pytest.param("none.keras", FileError, "does not exist", id="missing"),
        pytest.param("no.such.module:make", InputError, "expected package.module:function", id="no module"),
        pytest.param("zoo:mobilnet_v2", InputError, "did you mean 'mobilenet_v2'", id="misspelt"),
        pytest.param("FOLDER", InputError, "without saved_model.pb", id="just a folder"),
        pytest.param("FOLDER/run", InputError, "; give .*run/model.keras", id="the folder of a run"),
        pytest.param("FOLDER/notes.txt", InputError, "MODEL must be .keras, .h5, a SavedModel", id="suffix"),
        pytest.param("FOLDER/net.pt", InputError, r"got .*net.pt; write an .onnx file from PyTorch: ", id="PyTorch"),
        pytest.param("FOLDER/bad.tflite", InputError, "not a TFLite file", id="damaged .tflite"),
        pytest.param("FOLDER/broken", FileError, "SavedModel .* cannot be read", id="damaged SavedModel"),
    ],
)
def test_what_is_no_model_is_one_line(tmp_path, text, error, words):
    (tmp_path / "run").mkdir()
    for name in ("notes.txt", "net.pt", "bad.tflite", "run/model.keras"):
        (tmp_path / name).write_text("nothing of the kind")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "saved_model.pb").write_bytes(b"\x99garbage")
    with pytest.raises(error, match=words) as caught:
        open_source(text.replace("FOLDER", str(tmp_path)))
    assert "\n" not in str(caught.value)


def test_code_in_a_file_needs_trust(tmp_path):
    path = str(saved(with_lambda(), tmp_path / "net.keras"))
    with pytest.raises(InputError, match="--trust"):
        open_source(path)
    np.testing.assert_allclose(run(open_source(path, trust=True)), with_lambda()(IMAGES), atol=1e-6)


def test_a_file_with_two_inputs_and_outputs_is_its_own_reference(tmp_path):
    source = open_source(str(models.tflite_pair(tmp_path / "pair.tflite")))
    assert [name for name, _ in border(source)] == ["a", "b", "sum", "difference"]
    a, b = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
    outputs = source.reference({"b": b, "a": a})
    np.testing.assert_allclose(outputs["sum"], a + b, rtol=1e-6)
    np.testing.assert_allclose(outputs["difference"], a - b, rtol=1e-6)


def two_by_two():
    """A picture and a number in; two layers' outputs out."""
    import tf_keras as keras

    keras.utils.set_random_seed(3)
    picture, number = keras.Input(SIZE, name="picture"), keras.Input((2,), name="number")
    x = keras.layers.GlobalAveragePooling2D()(picture)
    heads = [keras.layers.Dense(2, name="left")(x), keras.layers.Dense(3, name="right")(number)]
    return keras.Model([picture, number], heads)


def test_a_model_with_two_inputs_and_outputs(tmp_path):
    source = open_source(str(saved(two_by_two(), tmp_path / "two.keras")))
    assert border(source) == [("picture", (1, *SIZE)), ("number", (1, 2)), ("left", (1, 2)), ("right", (1, 3))]
    numbers = np.random.default_rng(1).normal(size=(5, 2)).astype(np.float32)
    left, right = two_by_two()([IMAGES, numbers])
    outputs = source.reference({"number": numbers, "picture": IMAGES})
    np.testing.assert_allclose(outputs["left"], left, atol=1e-6)
    np.testing.assert_allclose(outputs["right"], right, atol=1e-6)


def test_outputs_without_a_batch_are_given_sample_by_sample():
    """What a network gives for one sample, (3, 2) here, has no place in front for others."""
    reference = FunctionReference(
        lambda tensors: {"rows": tf.reshape(tensors["x"], (3, 2)), "scores": tensors["x"] * 2}
    )
    x = np.arange(24, dtype=np.float32).reshape(4, 6)
    found = reference({"x": x[:1]})
    specs = (TensorSpec("rows", (3, 2), np.dtype(np.float32)), TensorSpec("scores", (1, 6), np.dtype(np.float32)))
    one = sample(found, specs, 0)
    np.testing.assert_array_equal(one["rows"], x[0].reshape(3, 2))
    np.testing.assert_array_equal(one["scores"], 2 * x[:1])


def test_an_axis_as_long_as_the_batch_is_not_taken_for_it():
    """Three samples of three numbers: what sums them over the samples gives three numbers, too."""
    reference = FunctionReference(lambda tensors: {"sum": tf.reduce_sum(tensors["x"], 0)})
    x = np.arange(9, dtype=np.float32).reshape(3, 3)
    np.testing.assert_array_equal(reference({"x": x})["sum"], x)


def test_more_samples_than_a_batch_are_joined():
    reference = FunctionReference(lambda tensors: {"sum": tf.reduce_sum(tensors["x"], 1)})
    x = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    np.testing.assert_allclose(reference({"x": x})["sum"], x.sum(1), rtol=1e-5)


def test_an_input_that_is_not_read_is_left_out(tmp_path):
    specs = [tf.TensorSpec((None, 4), name="used"), tf.TensorSpec((None, 2), name="unused")]
    module = tf.Module()
    serve = tf.function(lambda used, unused: {"twice": used * 2}, specs)
    tf.saved_model.save(module, str(tmp_path / "saved"), {"serving_default": serve})
    source = open_source(str(tmp_path / "saved"))
    assert border(source) == [("used", (1, 4)), ("twice", (1, 4))]
    np.testing.assert_array_equal(run(source, np.ones((3, 4), np.float32)), np.full((3, 4), 2))


@pytest.mark.parametrize("layers", [keras2, keras3], ids=["Keras 2", "Keras 3"])
def test_an_input_of_a_keras_model_that_is_not_read_is_left_out(layers):
    """Files have no such input, and samples need none."""
    entries = [layers.Input((4,), name="used"), layers.Input((2,), name="unused")]
    model = layers.Model(entries, layers.layers.Rescaling(2.0, name="twice")(entries[0]))
    source = open_source(model)
    assert [spec.name for spec in source.inputs] == ["used"]
    np.testing.assert_array_equal(run(source, np.ones((3, 4), np.float32)), np.full((3, 4), 2))


def test_a_sample_that_the_network_refuses_is_one_line():
    table = tf.constant(np.eye(4, dtype=np.float32))
    reference = FunctionReference(lambda tensors: {"rows": tf.gather(table, tensors["token"])})
    np.testing.assert_array_equal(reference({"token": np.array([2], np.int32)})["rows"], [[0, 0, 1, 0]])
    with pytest.raises(InputError, match=r"refuses a sample, .* do not fit: .*9 is not in \[0, 4\)"):
        reference({"token": np.array([9], np.int32)})
