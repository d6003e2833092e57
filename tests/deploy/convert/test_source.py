"""Every kind of MODEL, brought to one form."""

import json
import sys

import numpy as np
import pytest

from edge.deploy._tensorflow import need
from edge.deploy.convert import onnx, tflite
from edge.deploy.convert.source import open_source
from edge.errors import FileError, InputError
from tests.backends import models
from tests.deploy.keras_files import SIZE, keras3_file, run_frozen, saved, small, with_lambda

tf = need("tensorflow")
IMAGES = np.random.default_rng(0).normal(size=(5, *SIZE)).astype(np.float32)


def expected():
    return small()(IMAGES).numpy()


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_keras_file(tmp_path, suffix):
    source = open_source(str(saved(small(), tmp_path / f"net{suffix}")))
    assert (source.name, source.input_shape, source.classes) == ("small", (1, *SIZE), 3)
    assert (source.file, source.quantize_aware, source.record) == (None, False, None)
    np.testing.assert_allclose(source.reference(IMAGES), expected(), atol=1e-6)
    (frozen,) = run_frozen(source.frozen, IMAGES[:1])
    np.testing.assert_allclose(frozen, expected()[:1], atol=1e-6)


def test_a_keras_3_file(tmp_path):
    source = open_source(str(keras3_file(tmp_path / "net.keras")))
    assert (source.input_shape, source.classes) == ((1, *SIZE), 3)
    (frozen,) = run_frozen(source.frozen, IMAGES[:1])
    np.testing.assert_allclose(frozen, source.reference(IMAGES[:1]), atol=1e-6)


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
    if batch == 4:
        with pytest.raises(InputError, match="batch must be open or 1, got 4"):
            open_source(str(tmp_path / "saved"))
        return
    source = open_source(str(tmp_path / "saved"))
    assert (source.name, source.input_shape, source.classes) == ("saved", (1, *SIZE), 3)
    np.testing.assert_allclose(source.reference(IMAGES), expected(), atol=1e-6)


def test_a_saved_model_that_cannot_be_frozen_is_refused(tmp_path):
    table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer([0, 1], [1.0, 2.0]), 0.0)
    spec = tf.TensorSpec((None, *SIZE), tf.float32, name="pixels")

    def looked_up(pixels):
        return {"scores": tf.reduce_mean(pixels, (1, 2)) * table.lookup(tf.constant([1, 0, 5]))}

    def of_any_size(pixels):
        return {"scores": tf.reshape(pixels, (1, -1))[:, : tf.cast(pixels[0, 0, 0, 0], tf.int32)]}

    for call, words in ((looked_up, "a lookup table perhaps"), (of_any_size, "a known number of scores")):
        module = tf.Module()
        module.table = table
        tf.saved_model.save(module, str(tmp_path / call.__name__), {"serving_default": tf.function(call, [spec])})
        with pytest.raises(InputError, match=words):
            open_source(str(tmp_path / call.__name__))


def test_a_tflite_file_is_its_own_reference(tmp_path):
    path = models.tflite_conv(tmp_path / "net.tflite", int8=True)
    source = open_source(str(path))
    assert (source.name, source.input_shape, source.file, source.frozen) == ("net", models.IMAGE, path, None)
    image = np.random.default_rng(0).integers(-128, 128, models.IMAGE, np.int8)
    real = (image.astype(np.float32) + 3) * 0.5
    wanted = (models.int8_features(image).astype(np.float32) - 5) * 2.0
    got = source.reference(real)
    np.testing.assert_allclose(got, wanted, atol=2.0)  # one step of the output: kernels break ties differently


def test_an_onnx_file_is_its_own_reference(tmp_path):
    (tmp_path / "net.tflite").write_bytes(tflite.to_float32(open_source_of(small()).frozen))
    onnx.from_tflite(tmp_path / "net.tflite", tmp_path / "net.onnx")
    source = open_source(str(tmp_path / "net.onnx"))
    assert (source.input_shape, source.classes, source.file) == ((1, *SIZE), 3, tmp_path / "net.onnx")
    np.testing.assert_allclose(source.reference(IMAGES), expected(), atol=1e-5)


def open_source_of(model):
    from edge.deploy.convert import source

    return source._keras(model, None)


def test_a_name_of_the_zoo():
    source = open_source("zoo:mobilenet_v1")
    assert (source.name, source.input_shape, source.classes) == ("mobilenet_v1", (1, 224, 224, 3), 1000)


def test_a_function_of_a_module(tmp_path, monkeypatch):
    (tmp_path / "my_networks.py").write_text("from tests.deploy.keras_files import small\nanswer = lambda: 42\n")
    monkeypatch.syspath_prepend(tmp_path)
    np.testing.assert_allclose(open_source("my_networks:small").reference(IMAGES), expected(), atol=1e-6)
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
        pytest.param("FOLDER/notes.txt", InputError, "MODEL must be .keras, .h5, a SavedModel", id="suffix"),
        pytest.param("FOLDER/bad.tflite", InputError, "not a TFLite file", id="damaged .tflite"),
        pytest.param("FOLDER/broken", FileError, "SavedModel .* cannot be read", id="damaged SavedModel"),
    ],
)
def test_what_is_no_model_is_one_line(tmp_path, text, error, words):
    for name in ("notes.txt", "bad.tflite"):
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
    np.testing.assert_allclose(open_source(path, trust=True).reference(IMAGES), with_lambda()(IMAGES), atol=1e-6)


def test_a_file_with_two_inputs_is_refused(tmp_path):
    path = models.tflite_pair(tmp_path / "pair.tflite")
    with pytest.raises(InputError, match="must have one input and one output, it has 2 and 2"):
        open_source(str(path))


def test_a_model_with_two_outputs_is_refused(tmp_path):
    import tf_keras as keras

    entry = keras.Input((4,))
    model = keras.Model(entry, [keras.layers.Dense(2)(entry), keras.layers.Dense(3)(entry)])
    with pytest.raises(InputError, match="must have one output, got 2"):
        open_source(str(saved(model, tmp_path / "two.keras")))
