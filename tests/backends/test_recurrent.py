"""A file whose LSTM reads whole sequences forgets the run before; one that reads a step a run keeps its state."""

import numpy as np
import pytest

from edge.backends import open_model
from edge.cli import convert
from edge.deploy._tensorflow import need, quiet_conversion
from edge.recurrent_operations import starts_over
from tests import tflite_file
from tests.shared import needs_shared, shared

tf = need("tensorflow")

import tf_keras as keras  # noqa: E402

STEPS, FEATURES = 9, 4


def network(steps, body=lambda entry: keras.layers.LSTM(6)(entry)):
    keras.utils.set_random_seed(11)
    entry = keras.Input((steps, FEATURES), name="x")
    return keras.Model(entry, body(entry))


def both_ways(entry):
    return keras.layers.Bidirectional(keras.layers.LSTM(5))(keras.layers.LSTM(6, return_sequences=True)(entry))


def published(model, path):
    """Write the file that TFLite's converter makes of a Keras model, with one operation for each LSTM."""
    (entry,) = model.inputs
    one = tf.TensorSpec((1, *entry.shape[1:]), tf.float32)
    traced = tf.function(lambda x: model(x, training=False)).get_concrete_function(one)
    with quiet_conversion():
        tf.saved_model.save(model, str(path.with_suffix("")), signatures=traced)
        path.write_bytes(tf.lite.TFLiteConverter.from_saved_model(str(path.with_suffix(""))).convert())
    assert "UNIDIRECTIONAL_SEQUENCE_LSTM" in tflite_file.op_names(path.read_bytes())
    return path


def sequences(count=6):
    return np.random.default_rng(3).normal(size=(count, STEPS, FEATURES)).astype(np.float32)


@pytest.mark.parametrize("body", [None, both_ways], ids=["one layer", "three layers"])
def test_each_sequence_starts_from_zero(body, tmp_path):
    """Keras is the oracle. With the state of the sequence before, the answers differ by 5 % and more."""
    model = network(STEPS, body) if body else network(STEPS)
    path = published(model, tmp_path / "net.tflite")
    assert starts_over(path)
    data = sequences()
    expected = np.asarray(model(data, training=False))
    with open_model(path, threads=1) as file:
        for row in [*range(len(data)), 0]:
            (got,) = file.run([data[[row]]])
            np.testing.assert_allclose(got[0], expected[row], atol=1e-6)


def test_a_stream_keeps_its_state(tmp_path):
    """Step by step, the last output is that of the whole sequence."""
    path = published(network(1), tmp_path / "step.tflite")
    assert not starts_over(path)
    data = sequences(1)
    with open_model(path, threads=1) as file:
        for step in range(STEPS):
            (got,) = file.run([data[:, [step]]])
    np.testing.assert_allclose(got, np.asarray(network(STEPS)(data, training=False)), atol=1e-6)


def test_what_the_conversion_assumes_is_said(tmp_path, capsys):
    path = published(network(STEPS), tmp_path / "net.tflite")
    np.savez(tmp_path / "data.npz", **{"serving_default_x:0": sequences()})
    words = [str(path), "--out", str(tmp_path / "out"), "--task", "raw", "--input-kind", "tensor"]
    assert convert.main([*words, "--verify", str(tmp_path / "data.npz"), "--tflite", "float32"]) == 0
    assert "net.tflite has recurrent layers that read whole sequences: each run starts them from zero" in (
        capsys.readouterr().err
    )


@needs_shared
def test_a_published_file_gives_one_answer_for_one_input():
    path = shared("models", "coral", "keras_lstm_mnist_ptq.tflite")
    assert starts_over(path)
    with open_model(path, threads=1) as file:
        (spec,) = file.inputs
        rng = np.random.default_rng(0)
        rows = [rng.integers(0, 255, spec.shape).astype(spec.dtype) for _ in range(4)]
        first = [file.run([row])[0].copy() for row in rows]
        again = [file.run([row])[0].copy() for row in reversed(rows)]
    np.testing.assert_array_equal(first, again[::-1])


@pytest.mark.parametrize("content", [b"", b"TFL3", bytes(range(256))])
def test_a_damaged_file_is_left_to_the_runtime(content, tmp_path):
    (tmp_path / "x.tflite").write_bytes(content)
    assert not starts_over(tmp_path / "x.tflite")
