"""Ranges of quantization after training, where TFLite's own calibrator reads an overwritten tensor."""

import numpy as np
import pytest

from edge.deploy._tensorflow import need
from tests import tflite_file

need("tensorflow")

import tf_keras as keras  # noqa: E402

from edge.deploy.conversion import freeze, tflite  # noqa: E402

layers = keras.layers


@pytest.fixture(scope="module")
def residual():
    """A small branch added to a large one, read by a convolution: the addition may write over the small branch."""
    entry = keras.Input((8, 8, 4))
    small = layers.Conv2D(4, 1, kernel_initializer=keras.initializers.Constant(0.001), name="small")(entry)
    large = layers.Conv2D(4, 1, kernel_initializer=keras.initializers.Constant(1.0), name="large")(entry)
    x = layers.Conv2D(2, 1, kernel_initializer="ones", name="last")(layers.Add(name="sum")([small, large]))
    return keras.Model(entry, x)


def test_each_tensor_has_its_own_range(residual):
    samples = np.random.default_rng(0).uniform(-1, 1, (16, 1, 8, 8, 4)).astype(np.float32)
    scales = tflite_file.scales(tflite.to_int8(freeze.freeze_keras(residual), samples, "minmax"), "ADD")
    small, large = (
        np.asarray(keras.Model(residual.input, residual.get_layer(name).output)(samples[:, 0]))
        for name in ("small", "large")
    )
    # 255 steps from the least value to the largest.
    expected = sorted([np.ptp(small) / 255, np.ptp(large) / 255])
    np.testing.assert_allclose(sorted(scales), expected, rtol=1e-3)


def test_the_hard_sigmoids_range_is_its_own():
    from edge.models import blocks

    entry = blocks.image_input((8, 8, 4))
    model = keras.Model(entry, blocks.conv(blocks.conv(entry, 4, "a", act="hard_swish"), 2, "b", act=None))
    samples = np.random.default_rng(1).normal(0, 20, (16, 1, 8, 8, 4)).astype(np.float32)
    gates = tflite_file.scales(tflite.to_int8(freeze.freeze_keras(model), samples, "minmax"), "MUL")
    assert min(gates) == pytest.approx(1 / 255, rel=0.02)  # 0 to 1, both reached by values as large as these
