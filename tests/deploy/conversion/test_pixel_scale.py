"""Networks that scale their pixels themselves, in every form that people write it, against what Keras computes."""

import numpy as np
import pytest

from edge.deploy._tensorflow import need
from edge.deploy.conversion.freeze import freeze_keras
from edge.deploy.conversion.pixel_scale import takes_pixels
from edge.deploy.conversion.source import open_source

need("tensorflow")

import keras as keras3  # noqa: E402
import tensorflow as tf  # noqa: E402
import tf_keras as keras2  # noqa: E402

SIZE = (16, 16, 3)


def network(keras, scale):
    inputs = keras.Input(SIZE)
    x = keras.layers.Conv2D(4, 3)(scale(keras, inputs))
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))


def found(model):
    frozen = freeze_keras(model)
    return takes_pixels(frozen.graph, [tensor.op.name for tensor in frozen.inputs.values()])


def published(name):
    return lambda keras, x: getattr(keras.applications, name).preprocess_input(x)


PIXELS = {
    "the transfer-learning tutorial": published("mobilenet_v2"),
    "caffe's means and BGR": published("vgg16"),
    "torch's means and deviations": published("densenet"),
    "Rescaling": lambda keras, x: keras.layers.Rescaling(1 / 255)(x),
    "Rescaling behind augmentation": lambda keras, x: keras.layers.Rescaling(1 / 255)(keras.layers.RandomFlip()(x)),
    "Rescaling behind a resize": lambda keras, x: keras.layers.Rescaling(1 / 127.5, -1)(keras.layers.Resizing(9, 9)(x)),
    "Normalization of pixels": lambda keras, x: keras.layers.Normalization(
        mean=[123.7, 116.3, 103.5], variance=[3409.0, 3262.0, 3291.0]
    )(x),
    "a division": lambda keras, x: x / 255.0,
    "a product": lambda keras, x: x * (1 / 255.0) - 0.5,
    "a mean": lambda keras, x: x - 127.5,
}
OTHERS = {
    "nothing": lambda keras, x: x,
    "Rescaling of 0 to 1": lambda keras, x: keras.layers.Rescaling(2.0, -1.0)(x),
    "Normalization of 0 to 1": lambda keras, x: keras.layers.Normalization(mean=[0.48] * 3, variance=[0.05] * 3)(x),
    "up to pixels": lambda keras, x: x * 255.0,
    "a division behind a convolution": lambda keras, x: keras.layers.Conv2D(3, 1)(x) / 255.0,
}


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # inside Keras 3, with numpy 2
@pytest.mark.parametrize("keras", [keras2, keras3], ids=["Keras 2", "Keras 3"])
@pytest.mark.parametrize("name", [*PIXELS, *OTHERS])
def test_it_is_told_by_the_arithmetic(keras, name):
    assert found(network(keras, {**PIXELS, **OTHERS}[name])) == (name in PIXELS)


def test_a_saved_model_is_told_too(tmp_path):
    model = network(keras2, PIXELS["the transfer-learning tutorial"])
    model.export(str(tmp_path / "saved"))
    assert open_source(str(tmp_path / "saved")).rescales


def test_without_layers(tmp_path):
    @tf.function(input_signature=[tf.TensorSpec((1, *SIZE), name="image")])
    def call(image):
        return {"mean": tf.reduce_mean(tf.cast(image, tf.float32) / np.float32(255), [1, 2])}

    module = tf.Module()
    tf.saved_model.save(module, str(tmp_path / "saved"), {"serving_default": call})
    assert open_source(str(tmp_path / "saved")).rescales
