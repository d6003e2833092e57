"""Recurrent layers behind each other are loops behind each other in ONNX, with the answers of Keras."""

import numpy as np
import pytest

from edge.backends import open_model
from edge.deploy._tensorflow import need

tf = need("tensorflow")

import keras as keras3  # noqa: E402
import tf_keras as keras2  # noqa: E402

from edge.deploy.conversion import freeze, tflite  # noqa: E402
from edge.deploy.conversion.onnx import from_tflite  # noqa: E402

STEPS, FEATURES = 7, 4


def lstms(layers, x):
    return layers.LSTM(5)(layers.LSTM(6, return_sequences=True)(x))


def grus(layers, x):
    return layers.GRU(5)(layers.GRU(6, return_sequences=True)(x))


def simple(layers, x):
    return layers.SimpleRNN(5)(
        layers.SimpleRNN(6, return_sequences=True)(layers.SimpleRNN(4, return_sequences=True)(x))
    )


def both_ways(layers, x):
    return layers.Bidirectional(layers.LSTM(5))(layers.Bidirectional(layers.GRU(4, return_sequences=True))(x))


def behind_a_convolution(layers, x):
    return layers.LSTM(3, return_sequences=True)(layers.GRU(5, return_sequences=True)(layers.Conv1D(6, 3)(x)))


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # Keras 3's own, of its variables with numpy 2
@pytest.mark.parametrize("keras", [keras2, keras3], ids=["Keras 2", "Keras 3"])
@pytest.mark.parametrize("body", [lstms, grus, simple, both_ways, behind_a_convolution])
def test_loops_behind_each_other(body, keras, tmp_path):
    keras.utils.set_random_seed(5)
    entry = keras.Input((STEPS, FEATURES), name="x")
    model = keras.Model(entry, keras.layers.Dense(3, name="out")(body(keras.layers, entry)))
    path = tmp_path / "net.tflite"
    path.write_bytes(tflite.to_float32(freeze.freeze_keras(model)))
    from_tflite(path, tmp_path / "net.onnx")
    given = np.random.default_rng(1).normal(size=(3, STEPS, FEATURES)).astype(np.float32)
    expected = np.asarray(model(given, training=False))
    for file in (path, tmp_path / "net.onnx"):
        with open_model(file, threads=1) as opened:
            got = np.concatenate([opened.run([one[None]])[0] for one in given])
        np.testing.assert_allclose(got, expected, atol=1e-5)
