"""Grouped convolutions split into one for each group: the same results, in float and int8, and nothing for the CPU."""

import numpy as np
import pytest

from edge.backends import open_model
from edge.deploy._tensorflow import need
from edge.tensors import dequantize, quantize

need("tensorflow")

from edge.deploy.conversion import freeze, grouped_convolutions, post_training, tflite  # noqa: E402
from edge.deploy.placement_report import edgetpu  # noqa: E402
from tests import tflite_file  # noqa: E402

SIZE = (16, 16, 3)


@pytest.fixture(scope="module")
def grouped():
    """Convolutions of 4 and 2 groups: with an activation and a bias, with neither, with strides."""
    keras = need("tf_keras")
    keras.utils.set_random_seed(0)
    layers = keras.layers
    x = given = keras.Input(SIZE)
    x = layers.Conv2D(8, 3, activation="relu")(x)
    x = layers.Conv2D(16, 3, groups=4, activation="relu6", padding="same", bias_initializer="normal")(x)
    x = layers.BatchNormalization()(x)
    x = layers.Conv2D(12, 3, groups=2, use_bias=False, strides=2)(x)
    return keras.Model(given, layers.Dense(5)(layers.GlobalAveragePooling2D()(x)))


@pytest.fixture(scope="module")
def frozen(grouped):
    return freeze.freeze_keras(grouped)


def drawn(frozen, count):
    rng, name = np.random.default_rng(0), frozen.input_specs[0].name
    return [{name: rng.uniform(-1, 1, (1, *SIZE)).astype(np.float32)} for _ in range(count)]


def run(content, rows, path):
    """Return the real outputs (n, 5) of a file."""
    path.write_bytes(content)
    with open_model(path) as model:
        spec, out = model.inputs[0], model.outputs[0]
        given = [next(iter(row.values())) for row in rows]
        raw = [model.run([x if spec.quantization is None else quantize(x, spec)])[0].copy() for x in given]
    return np.concatenate([x if out.quantization is None else dequantize(x, out) for x in raw])


def test_a_float_file_computes_the_same(grouped, frozen, tmp_path):
    rows, whole = drawn(frozen, 8), tflite.to_float32(frozen)
    parted = grouped_convolutions.split(whole)
    assert tflite_file.op_names(whole)["CONV_2D"] == 3
    assert tflite_file.op_names(parted)["CONV_2D"] == 1 + 4 + 2
    expected = np.concatenate([grouped(next(iter(row.values()))).numpy() for row in rows])
    assert run(parted, rows, tmp_path / "a.tflite") == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_an_int8_file_is_as_good_and_runs_on_an_edge_tpu(grouped, frozen, tmp_path):
    rows = drawn(frozen, 20)
    expected = np.concatenate([grouped(next(iter(row.values()))).numpy() for row in rows])
    noise = {}
    for split in (False, True):
        settings = post_training.Settings(without_groups=split)
        content = post_training.to_int8(tflite.marked(frozen, rows), rows, settings, lambda done, total: None)
        found = run(content, rows, tmp_path / "net.tflite")
        noise[split] = 10 * np.log10(np.sum(expected**2) / np.sum((found - expected) ** 2))
        placed = [row.placement for row in edgetpu.report(tmp_path / "net.tflite").operations]
        assert ("cpu" in placed) is not split
        assert tflite_file.tensor_dtypes(content) <= {"int8", "int32"}
    assert noise[True] == pytest.approx(noise[False], abs=0.5)  # the same scales: only the order of rounding may differ


def test_a_file_without_groups_stays_as_it_is():
    keras = need("tf_keras")
    layers = [keras.Input(SIZE), keras.layers.Conv2D(4, 3), keras.layers.DepthwiseConv2D(3)]
    content = tflite.to_float32(freeze.freeze_keras(keras.Sequential(layers)))
    assert tflite_file.op_names(grouped_convolutions.split(content)) == tflite_file.op_names(content)
