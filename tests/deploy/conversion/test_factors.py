"""Factors of batch normalizations behind a ReLU: the same numbers in float, and int8 files that keep small channels."""

import numpy as np
import pytest

from edge.deploy._tensorflow import need
from edge.tensors import dequantize, quantize
from tests import tflite_file

need("tensorflow")
onnx = need("onnx")

import tf_keras as keras  # noqa: E402

from edge.backends import open_model  # noqa: E402
from edge.deploy.conversion import factors, float_onnx, freeze, tflite  # noqa: E402
from edge.deploy.conversion import onnx as onnx_files  # noqa: E402
from edge.deploy.conversion.post_training import Settings, to_int8  # noqa: E402

layers = keras.layers
CHANNELS = 32


def network(kind, sign=1.0, activation="relu"):
    """Return a layer whose channels differ by 300 times, a batch normalization that makes them alike, and a layer."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    if kind == "dense":
        first, second, shape = layers.Dense(CHANNELS, activation), layers.Dense(8), (16,)
    elif kind == "depthwise":
        first, shape = layers.DepthwiseConv2D(3, activation=activation, padding="same"), (8, 8, CHANNELS)
        second = layers.Conv2D(8, 3, padding="same")
    else:
        first, shape = layers.Conv2D(CHANNELS, 3, activation=activation, padding=kind), (8, 8, 3)
        second = layers.Conv2D(8, 3, padding=kind)
    entry = keras.Input(shape, name="x")
    hidden = first(entry)
    model = keras.Model(entry, second(layers.BatchNormalization(name="bn")(hidden)))
    kernel, _ = first.get_weights()
    spread = np.exp(rng.uniform(np.log(0.03), np.log(10), CHANNELS))
    kernel = kernel * (spread[:, None] if kind == "depthwise" else spread)
    first.set_weights([kernel, rng.normal(0, 0.1, CHANNELS) * spread])
    values = keras.Model(entry, hidden)(pictures(shape)).numpy().reshape(-1, CHANNELS)
    gamma = np.where(np.arange(CHANNELS) % 5 == 0, sign, 1.0)
    normal = [gamma, rng.normal(0, 0.3, CHANNELS), values.mean(axis=0), values.var(axis=0) + 1e-6]
    model.get_layer("bn").set_weights(normal)
    return model


def pictures(shape, count=64):
    return np.random.default_rng(1).uniform(-1, 1, (count, *shape)).astype(np.float32)


def rows(model):
    return [{"x": picture[None]} for picture in pictures(model.input_shape[1:])]


def decibels(model, path):
    noise = power = 0.0
    with open_model(path, threads=1) as file:
        for row in rows(model):
            found = dequantize(file.run([quantize(row["x"], file.inputs[0])])[0], file.outputs[0])
            expected = model(row["x"]).numpy()
            noise, power = noise + np.square(found - expected).sum(), power + np.square(expected).sum()
    return 10 * np.log10(power / max(noise, 1e-30))


def int8(model, path, kind):
    frozen, given = freeze.freeze_keras(model), rows(model)
    if kind == "tflite":
        content = to_int8(tflite.marked(frozen, given), given, Settings("minmax", "float32"), lambda done, total: None)
    else:
        onnx_file(frozen, path.with_name("float.onnx"))
        content = float_onnx.to_int8(path.with_name("float.onnx"), given, Settings("minmax"), lambda done, total: None)
    path.write_bytes(content)
    return path


def onnx_file(frozen, path):
    plain = path.with_name("float.tflite")
    plain.write_bytes(tflite.to_float32(frozen))
    onnx_files.from_tflite(plain, path, {}, 17)
    return path


@pytest.mark.parametrize("sign", [1.0, -1.0], ids=["positive", "some negative"])
@pytest.mark.parametrize("kind", ["dense", "valid", "same", "depthwise"])
def test_small_channels_stay_in_int8(kind, sign, tmp_path):
    """More than 25 dB, as networks without such a spread have; 14 to 20 dB were left before."""
    model = network(kind, sign)
    path = int8(model, tmp_path / "int8.tflite", "tflite")
    assert decibels(model, path) > 25
    assert tflite_file.op_names(path.read_bytes())["MUL"] == (sign < 0)


@pytest.mark.parametrize("kind", ["dense", "same"])
def test_small_channels_stay_in_int8_onnx(kind, tmp_path):
    model = network(kind)
    path = int8(model, tmp_path / "int8.onnx", "onnx")
    assert decibels(model, path) > 25
    assert "Mul" not in {node.op_type for node in onnx.load(str(path)).graph.node}


@pytest.mark.parametrize("sign", [1.0, -1.0, 0.0])
@pytest.mark.parametrize("activation", ["relu", "relu6", None])
@pytest.mark.parametrize("kind", ["dense", "same"])
def test_a_float_file_computes_the_same(kind, activation, sign, tmp_path):
    """float32 rounding leaves 100 dB. A ReLU6 is a limit, before which nothing is folded."""
    model = network(kind, sign, activation)
    frozen = freeze.freeze_keras(model)
    path = tmp_path / "net.tflite"
    path.write_bytes(factors.folded(tflite.to_float32(frozen)))
    assert decibels(model, path) > 100
    made = onnx.load(str(onnx_file(frozen, tmp_path / "net.onnx")))
    factors.fold_onnx(made.graph)
    onnx.save(made, tmp_path / "folded.onnx")
    assert decibels(model, tmp_path / "folded.onnx") > 100


def test_what_others_read_is_left(tmp_path):
    """The ReLU's output is an output of the network, too."""
    model = network("dense")
    both = keras.Model(model.input, [model.layers[1].output, model.output])
    content = tflite.to_float32(freeze.freeze_keras(both))
    assert tflite_file.op_names(factors.folded(content)) == tflite_file.op_names(content)
