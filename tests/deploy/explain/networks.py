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


def images(count: int, seed: int = 0):
    """Return (count, 8, 8, 4) float32 from -1 to 1."""
    return np.random.default_rng(seed).uniform(-1, 1, (count, 8, 8, 4)).astype(np.float32)
