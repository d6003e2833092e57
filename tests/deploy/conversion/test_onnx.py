"""The ONNX file against the TFLite file that it came from, and against numpy."""

import json
import os

import numpy as np
import onnx
import pytest

from edge.backends import open_model
from edge.deploy._tensorflow import need
from edge.deploy.conversion import tflite
from edge.deploy.conversion.freeze import freeze_keras
from edge.deploy.conversion.onnx import from_tflite
from edge.errors import FileError, InputError
from edge.tensors import Quantization
from tests.backends import models


@pytest.fixture(params=["float32", "int8"])
def pair(request, tmp_path):
    """Yield (precision, TFLite file, ONNX file)."""
    source = models.tflite_conv(tmp_path / "net.tflite", int8=request.param == "int8")
    from_tflite(source, tmp_path / "net.onnx", {"edge.name": "net"})
    return request.param, source, tmp_path / "net.onnx"


def test_the_border_is_the_same(pair):
    precision, source, target = pair
    with open_model(source) as a, open_model(target) as b:
        for spec, other in zip((*a.inputs, *a.outputs), (*b.inputs, *b.outputs), strict=True):
            assert other.shape == spec.shape
            assert other.dtype == (np.uint8 if precision == "int8" else spec.dtype)
            shifted = spec.quantization and Quantization(spec.quantization.scale, spec.quantization.zero_point + 128)
            assert other.quantization == shifted
        assert (a.inputs[0].quantization is not None) == (precision == "int8")


def test_it_computes_what_numpy_computes(pair):
    precision, _, target = pair
    rng = np.random.default_rng(0)
    with open_model(target) as model:
        if precision == "float32":
            image = rng.normal(size=models.IMAGE).astype(np.float32)
            np.testing.assert_allclose(model.run([image])[0], models.float_features(image), atol=1e-4)
        else:
            image = rng.integers(-128, 128, models.IMAGE, np.int8)
            (found,) = model.run([(image.astype(int) + 128).astype(np.uint8)])
            difference = found.astype(int) - 128 - models.int8_features(image)
            assert np.abs(difference).max() <= 1  # a tie broken to the other side


def test_the_file_is_valid_and_says_where_it_came_from(pair):
    precision, _, target = pair
    model = onnx.load(target)
    onnx.checker.check_model(model, full_check=True)
    assert model.producer_name == "edgekit"
    properties = {p.key: p.value for p in model.metadata_props}
    assert properties["edge.name"] == "net"
    scales = json.loads(properties["edge.quantization"])
    wanted = {"image": [0.5, 125], "features": [2.0, 133]} if precision == "int8" else {}
    assert scales == wanted


def test_int8_weights_stay_int8(pair):
    precision, _, target = pair
    model = onnx.load(target)
    kernels = [t for t in model.graph.initializer if np.prod(t.dims) == models.WEIGHTS.size]
    kind = onnx.TensorProto.INT8 if precision == "int8" else onnx.TensorProto.FLOAT
    assert [t.data_type for t in kernels] == [kind]


def test_int8_activations_stay_int8_where_they_are_asked_for(tmp_path):
    source = models.tflite_conv(tmp_path / "net.tflite", int8=True)
    from_tflite(source, tmp_path / "net.onnx", activations="int8")
    image = np.random.default_rng(0).integers(-128, 128, models.IMAGE, np.int8)
    with open_model(source) as a, open_model(tmp_path / "net.onnx") as b:
        assert [(s.dtype, s.quantization) for s in b.outputs] == [(s.dtype, s.quantization) for s in a.outputs]
        difference = b.run([image])[0].astype(int) - models.int8_features(image)
    assert np.abs(difference).max() <= 1  # a tie broken to the other side


def test_other_activations_are_refused(tmp_path):
    with pytest.raises(InputError, match="activations must be one of uint8, int8, got 'int4'"):
        from_tflite(models.tflite_conv(tmp_path / "net.tflite"), tmp_path / "net.onnx", activations="int4")


def test_an_open_batch_is_written_as_one(tmp_path):
    source = models.tflite_conv(tmp_path / "net.tflite", signature=(-1, *models.IMAGE[1:]))
    from_tflite(source, tmp_path / "net.onnx")
    graph = onnx.load(tmp_path / "net.onnx").graph
    shapes = [[d.dim_value for d in v.type.tensor_type.shape.dim] for v in (*graph.input, *graph.output)]
    assert shapes == [list(models.IMAGE), list(models.FEATURES)]


def test_a_missing_file_leaves_nothing(tmp_path):
    with pytest.raises(FileError, match="does not exist"):
        from_tflite(tmp_path / "none.tflite", tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


def test_a_dense_layer_behind_a_folded_flattening_keeps_its_bias(tmp_path):
    """tf2onnx 1.17 dropped it: the converter folds the flattening away, and the dense layer reads four dimensions."""
    keras = need("tf_keras")
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.AveragePooling2D(8)(inputs)
    x = keras.layers.Flatten()(x)
    model = keras.Model(inputs, keras.layers.Dense(4, bias_initializer=keras.initializers.Constant(7.0))(x))
    path = tmp_path / "dense.tflite"
    path.write_bytes(tflite.to_float32(freeze_keras(model)))
    from_tflite(path, tmp_path / "dense.onnx")
    image = np.random.default_rng(0).uniform(-1, 1, (1, 8, 8, 3)).astype(np.float32)
    kernel, bias = model.layers[-1].get_weights()
    with open_model(tmp_path / "dense.onnx") as opened:
        (got,) = opened.run([image])
    np.testing.assert_allclose(got, image.mean((1, 2)) @ kernel + bias, atol=1e-5)


def test_a_failure_in_place_is_tried_again_with_copies(tmp_path, monkeypatch):
    """In place a failing pass of the optimizer loses the graph; with copies it is left out."""
    tf2onnx = need("tf2onnx.convert")
    plain, kept_copies = tf2onnx.from_tflite, []

    def fails_in_place(*args, **options):
        kept_copies.append("TF2ONNX_CATCH_ERRORS" not in os.environ)
        if not kept_copies[-1]:
            raise ValueError("a pass failed")
        return plain(*args, **options)

    monkeypatch.setattr(tf2onnx, "from_tflite", fails_in_place)
    from_tflite(models.tflite_conv(tmp_path / "net.tflite", int8=True), tmp_path / "net.onnx")
    assert kept_copies == [False, True]
    onnx.checker.check_model(onnx.load(tmp_path / "net.onnx"), full_check=True)


@pytest.mark.parametrize("before", [None, "TRUE"])
def test_the_converters_setting_is_put_back(tmp_path, monkeypatch, before):
    if before is None:
        monkeypatch.delenv("TF2ONNX_CATCH_ERRORS", raising=False)
    else:
        monkeypatch.setenv("TF2ONNX_CATCH_ERRORS", before)
    from_tflite(models.tflite_conv(tmp_path / "net.tflite", int8=True), tmp_path / "net.onnx")
    assert os.environ.get("TF2ONNX_CATCH_ERRORS") == before
