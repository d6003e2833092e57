"""Operations that tf2onnx loses or writes wrongly: the ONNX file against Keras and against the formula in numpy."""

import math

import numpy as np
import pytest

from edge.backends import open_model
from edge.deploy._tensorflow import need
from edge.deploy.conversion import tflite
from edge.deploy.conversion.freeze import freeze_keras
from edge.deploy.conversion.onnx import from_tflite

need("tensorflow")

import tensorflow as tf  # noqa: E402
import tf_keras as keras  # noqa: E402

RNG = np.random.default_rng(3)


def converted(model, folder):
    """Return the ONNX file of a Keras model."""
    path = folder / "net.tflite"
    path.write_bytes(tflite.to_float32(freeze_keras(model)))
    from_tflite(path, folder / "net.onnx")
    return folder / "net.onnx"


def outputs(path, *arrays):
    with open_model(path) as model:
        return model.run(list(arrays))[0]


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param((13, 19), (29, 41), id="29 / 13 is short in float32"),
        pytest.param((23, 17), (37, 53), id="up, odd"),
        pytest.param((41, 29), (13, 19), id="down"),
        pytest.param((8, 8), (16, 16), id="twice"),
    ],
)
def test_a_resize_has_its_size(tmp_path, before, after, interpolation):
    layers = [keras.Input((*before, 3)), keras.layers.Resizing(*after, interpolation=interpolation)]
    model = keras.Sequential(layers)
    image = RNG.normal(size=(1, *before, 3)).astype(np.float32)
    found = outputs(converted(model, tmp_path), image)
    assert found.shape == (1, *after, 3)
    # Positions of up to 41 pixels in float32 are right to 4e-6 of a pixel.
    np.testing.assert_allclose(found, model(image), atol=1e-4)


def gelu(x):
    return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def gelu_by_tanh(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def clipped(x):
    return np.clip(x, -1, 1)


@pytest.mark.parametrize(
    ("activation", "formula"),
    [
        pytest.param(tf.nn.gelu, gelu, id="gelu"),
        pytest.param(lambda x: tf.nn.gelu(x, approximate=True), gelu_by_tanh, id="gelu with tanh"),
        pytest.param(lambda x: tf.minimum(tf.maximum(x, -1.0), 1.0), clipped, id="-1 to 1"),
    ],
)
def test_an_activation_is_its_formula(tmp_path, activation, formula):
    inputs = keras.Input((5, 7, 2))
    model = keras.Model(inputs, keras.layers.Activation(activation)(inputs))
    values = (3 * RNG.normal(size=(1, 5, 7, 2))).astype(np.float32)
    np.testing.assert_allclose(outputs(converted(model, tmp_path), values), formula(values), atol=1e-5)


def test_an_activation_inside_a_convolution_is_not_lost(tmp_path):
    inputs = keras.Input((6, 6, 2))
    convolution = keras.layers.Conv2D(3, 3)(inputs)
    model = keras.Model(inputs, keras.layers.Activation(lambda x: tf.minimum(tf.maximum(x, -1.0), 1.0))(convolution))
    values = (3 * RNG.normal(size=(1, 6, 6, 2))).astype(np.float32)
    found = outputs(converted(model, tmp_path), values)
    assert found.min() == -1
    assert found.max() == 1
    np.testing.assert_allclose(found, model(values), atol=1e-5)
