"""The minus infinity that converters pad a maximum with does not take an int8 file's steps."""

import numpy as np
import pytest

from edge.backends import open_model
from edge.deploy._tensorflow import need
from edge.tensors import dequantize, quantize

tf = need("tensorflow")

from edge.deploy.conversion import freeze, tflite  # noqa: E402


@pytest.mark.parametrize("value", [float(np.finfo(np.float32).min), -1000.0])
def test_a_padded_maximum_keeps_its_steps(value, tmp_path):
    keras = need("tf_keras")
    keras.utils.set_random_seed(0)
    given = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", use_bias=False)(given)
    x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], constant_values=value)
    x = keras.layers.MaxPooling2D(3, 2)(x)
    model = keras.Model(given, keras.layers.Conv2D(5, 1)(x))
    rng = np.random.default_rng(0)
    samples = rng.uniform(-1, 1, (20, 1, 8, 8, 3)).astype(np.float32)
    path = tmp_path / "net.tflite"
    path.write_bytes(tflite.to_int8(freeze.freeze_keras(model), list(samples)))
    with open_model(path) as net:
        found = [dequantize(net.run([quantize(x, net.inputs[0])])[0], net.outputs[0]) for x in samples]
    expected = [model(x).numpy() for x in samples]
    noise = np.sum(np.square(np.subtract(found, expected)))
    # Four roundings to 8 bits, of values as large as their range, leave 35 dB and more; with one step left it is 0.
    assert 10 * np.log10(np.sum(np.square(expected)) / noise) >= 30
