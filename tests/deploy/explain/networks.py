"""Networks of which it is known which layer loses most in int8."""

import numpy as np

from edge.deploy._tensorflow import need

need("tensorflow")

import tf_keras as keras  # noqa: E402

LOUD = 1000.0
"""How far the loud channel is above the others: an int8 step of its tensor is wider than all that the others hold."""


def loud_channel():
    """Return a network of 1x1 convolutions whose layer ``loud`` has one channel above all others.

    ``quiet`` does not read that channel, so that the output depends on what the others hold.
    """
    keras.utils.set_random_seed(1)
    entry = keras.Input((8, 8, 4), name="image")
    x = keras.layers.Conv2D(8, 1, activation="relu", name="first")(entry)
    x = keras.layers.Conv2D(8, 1, name="loud")(x)
    x = keras.layers.Conv2D(8, 1, activation="relu", name="quiet")(x)
    model = keras.Model(entry, keras.layers.Conv2D(3, 1, name="last")(x), name="net")
    kernel, bias = model.get_layer("loud").get_weights()
    kernel[..., 0] *= LOUD
    model.get_layer("loud").set_weights([kernel, bias])
    kernel, bias = model.get_layer("quiet").get_weights()
    kernel[:, :, 0] = 0
    model.get_layer("quiet").set_weights([kernel, bias])
    return model


def _three(first, last, name="net"):
    """Return three 1x1 convolutions, the first and the last of which have the given kernels and biases."""
    keras.utils.set_random_seed(3)
    entry = keras.Input((8, 8, 4), name="image")
    x = keras.layers.Conv2D(16, 1, activation="relu", name="first")(entry)
    x = keras.layers.Conv2D(16, 1, activation="relu", name="middle")(x)
    model = keras.Model(entry, keras.layers.Conv2D(3, 1, name="last")(x), name=name)
    for layer, change in (("first", first), ("last", last)):
        kernel, bias = model.get_layer(layer).get_weights()
        change(kernel, bias)
        model.get_layer(layer).set_weights([kernel, bias])
    return model


def _nothing(kernel, bias):
    pass


def ordinary():
    """Return a network in which every layer loses a little."""
    return _three(_nothing, _nothing)


def wide_output():
    """Return a network whose output has one channel so large that only the output's own steps lose anything."""

    def far(kernel, bias):
        bias[0] = LOUD

    return _three(_nothing, far)


def wide_input():
    """Return a network that does not read the first channel of ``loud_images``, which makes the input's steps wide."""

    def deaf(kernel, bias):
        kernel[:, :, 0] = 0

    return _three(deaf, _nothing)


def wide_weights():
    """Return a network whose first layer has weights so large that the others are rounded away.

    They are those of the first channel of ``silent_images``, which is always 0.
    """

    def far(kernel, bias):
        kernel[:, :, 0] = LOUD / 10

    return _three(far, _nothing)


def far_logits():
    """Return a network whose last sigmoid gets logits far beyond where its int8 values differ."""
    keras.utils.set_random_seed(3)
    entry = keras.Input((8, 8, 4), name="image")
    x = keras.layers.Conv2D(16, 1, activation="relu", name="first")(entry)
    x = keras.layers.Dense(3, name="last")(keras.layers.GlobalAveragePooling2D()(x))
    model = keras.Model(entry, keras.layers.Activation("sigmoid", name="score")(x), name="net")
    kernel, bias = model.get_layer("last").get_weights()
    model.get_layer("last").set_weights([60 * kernel, bias])
    return model


def loud_images(count: int, seed: int = 0):
    """Return images whose first channel is far above the others."""
    return images(count, seed) * np.float32([LOUD, 1, 1, 1])


def silent_images(count: int, seed: int = 0):
    """Return images whose first channel is 0."""
    return images(count, seed) * np.float32([0, 1, 1, 1])


def images(count: int, seed: int = 0):
    """Return (count, 8, 8, 4) float32 from -1 to 1."""
    return np.random.default_rng(seed).uniform(-1, 1, (count, 8, 8, 4)).astype(np.float32)
