"""The operations of a network have the names that its layers have in Keras."""

import numpy as np
import pytest

from edge.deploy._tensorflow import need

need("tensorflow")

import keras as keras3  # noqa: E402
import tf_keras as keras2  # noqa: E402

from edge.deploy.conversion.freeze import freeze_keras  # noqa: E402
from edge.deploy.conversion.layer_names import OPENS  # noqa: E402
from tests.deploy.keras_files import run_frozen  # noqa: E402

KERAS = pytest.mark.parametrize("keras", [keras2, keras3], ids=["Keras 2", "Keras 3"])
IMAGE = np.random.default_rng(0).normal(size=(1, 8, 8, 3)).astype(np.float32)


def network(keras):
    """Return a network with names from Keras's counter, a network inside, and a layer that is called twice."""
    layers = keras.layers
    entry = keras.Input((8, 8, 3), name="image")
    shared = layers.Conv2D(3, 1, name="conv2d_2")
    inner = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(3, 1, name="conv2d")], name="inner")
    x = layers.Conv2D(3, 1, name="conv2d_1")(layers.Conv2D(3, 1, name="conv2d")(entry))
    return keras.Model(entry, inner(shared(shared(x))), name="net")


def convolutions(frozen):
    """Return the scopes of the convolutions, in order."""
    return [node.name.rpartition("/")[0] for node in frozen.graph.node if node.op == "Conv2D"]


@KERAS
def test_scopes_are_the_names_of_layers(keras):
    """Keras 3 alone calls the first layer ``conv2d_1``, which is the name of the second one."""
    frozen = freeze_keras(network(keras))
    scopes = convolutions(frozen)
    assert scopes[:3] == ["net/conv2d", "net/conv2d_1", "net/conv2d_2"]
    assert scopes[3].startswith("net/conv2d_2")  # Keras 2 numbers the second call
    assert scopes[4] == "net/inner/conv2d"


@KERAS
def test_the_network_computes_the_same_and_is_left_as_it_was(keras):
    model = network(keras)
    (out,) = run_frozen(freeze_keras(model), IMAGE)
    np.testing.assert_allclose(out, model(IMAGE), atol=1e-5)
    assert not any(OPENS in vars(layer) for layer in model._flatten_layers())
