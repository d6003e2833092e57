"""Recurrent layers become int8 step by step, in both formats; what is traced afterwards is looped as before."""

import numpy as np
import pytest

from edge.backends import open_model
from edge.bundle import open_bundle
from edge.cli import convert
from edge.deploy._tensorflow import need
from edge.tensors import dequantize, quantize
from tests import tflite_file

tf = need("tensorflow")

import keras as keras3  # noqa: E402
import tf_keras as keras2  # noqa: E402

from edge.deploy.conversion import unrolling  # noqa: E402
from edge.deploy.conversion.freeze import freeze_keras  # noqa: E402
from edge.deploy.conversion.source import open_source  # noqa: E402
from edge.deploy.conversion.tflite_object import TFLiteObject  # noqa: E402

STEPS, FEATURES = 8, 5
KERAS = {"Keras 2": keras2, "Keras 3": keras3}

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")  # Keras 3's own, with numpy 2


def lstm(layers, x):
    return layers.LSTM(6)(layers.LSTM(8, return_sequences=True)(x))


def gru(layers, x):
    return layers.GRU(6, reset_after=False)(layers.Conv1D(6, 3, activation="relu")(x))


def both_ways(layers, x):
    return layers.Bidirectional(layers.LSTM(5))(layers.Masking()(x))


def simple(layers, x):
    return layers.TimeDistributed(layers.Dense(4))(layers.SimpleRNN(6, return_sequences=True)(x))


BODIES = (lstm, gru, both_ways, simple)


def network(body, keras, steps=STEPS):
    keras.utils.set_random_seed(7)
    entry = keras.Input((steps, FEATURES), name="x")
    return keras.Model(entry, keras.layers.Dense(3, name="out")(body(keras.layers, entry)))


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    data = np.random.default_rng(2).normal(size=(64, STEPS, FEATURES)).astype(np.float32)
    path = tmp_path_factory.mktemp("unrolling") / "data.npz"
    np.savez(path, x=data[:40])
    return path, data


def words(model, out, data, *more):
    return [
        str(model), "--out", str(out), "--task", "raw", "--input-kind", "tensor", "--calibrate", str(data), *more,
    ]  # fmt: skip


@pytest.mark.parametrize("keras", KERAS)
@pytest.mark.parametrize("body", BODIES)
def test_a_recurrent_network_becomes_int8(body, keras, samples, tmp_path, capsys):
    """Without an option there are files of both precisions in both formats. Keras is the oracle.

    Random weights make outputs near 0 of noise, whose int8 files have 14 dB and more.
    """
    path, data = samples
    model = network(body, KERAS[keras])
    model.save(tmp_path / "net.keras")
    assert convert.main(words(tmp_path / "net.keras", tmp_path / "out", path)) == 0
    assert "recurrent layers are unrolled for int8" in capsys.readouterr().err
    expected = np.asarray(model(data[40:], training=False))
    for kind in ("tflite", "onnx"):
        with open_model(tmp_path / "out" / f"model_int8.{kind}", threads=1) as file:
            rows = [file.run([quantize(one[None], file.inputs[0])])[0] for one in data[40:]]
            got = dequantize(np.concatenate(rows), file.outputs[0])
        assert 10 * np.log10(np.sum(expected**2) / np.sum((got - expected) ** 2)) > 12, kind
    assert {"int8", "float32"} == {one.precision for one in open_bundle(tmp_path / "out").manifest.artifacts}
    assert "WHILE" in tflite_file.op_names((tmp_path / "out" / "model_float32.tflite").read_bytes())


def test_the_weights_of_all_steps_are_stored_once(samples, tmp_path):
    """Twice as many steps have the same constants, and no tensor the names of all layers around it."""
    sizes = []
    for steps in (8, 16):
        network(lambda layers, x: layers.LSTM(32)(x), keras2, steps).save(tmp_path / "net.keras")
        np.savez(tmp_path / "data.npz", x=np.random.default_rng(0).normal(size=(8, steps, FEATURES)).astype(np.float32))
        more = ("--tflite", "int8")
        assert convert.main(words(tmp_path / "net.keras", tmp_path / f"out{steps}", tmp_path / "data.npz", *more)) == 0
        file = TFLiteObject((tmp_path / f"out{steps}" / "model_int8.tflite").read_bytes())
        sizes.append(sum(len(one.data) for one in file.model.buffers if one.data is not None))
        assert np.mean([len(name) for name in file.names()]) < 40
    assert sizes[1] < 1.05 * sizes[0]


def test_it_is_undone_after_tracing():
    for keras in KERAS.values():
        model = network(both_ways, keras)
        frozen = freeze_keras(model)
        assert frozen.loops
        assert not frozen.int8_loops
        assert freeze_keras(model).loops


def test_too_many_steps_stay_a_loop(tmp_path, samples, capsys):
    model = network(lambda layers, x: layers.GRU(3)(x), keras2, unrolling.MOST_STEPS + 1)
    assert not unrolling.can_unroll(model)
    model.save(tmp_path / "net.keras")
    np.savez(tmp_path / "data.npz", x=np.zeros((4, unrolling.MOST_STEPS + 1, FEATURES), np.float32))
    given = words(tmp_path / "net.keras", tmp_path / "out", tmp_path / "data.npz", "--tflite", "int8")
    assert convert.main(given) == 2
    assert "net has no int8 file, because it has a loop" in capsys.readouterr().err


def test_a_saved_model_stays_a_loop(tmp_path):
    """Its function is traced already."""
    module = tf.Module()
    module.model = network(lstm, keras2)
    entry = tf.TensorSpec((1, STEPS, FEATURES), tf.float32, "x")
    traced = tf.function(lambda x: module.model(x, training=False)).get_concrete_function(entry)
    tf.saved_model.save(module, str(tmp_path / "saved"), signatures=traced)
    assert open_source(tmp_path / "saved").frozen.int8_loops
