"""A detector's only output, of boxes in pixels beside scores, keeps its scores in an int8 file."""

import numpy as np
import pytest

from edge.backends import open_model
from edge.deploy._tensorflow import need
from edge.tensors import dequantize, quantize

tf = need("tensorflow")

from edge.deploy.conversion import freeze, onnx, post_training, tflite  # noqa: E402
from tests import tflite_file  # noqa: E402

PLACES = 64


def head(largest, transposed=False):
    """Return a network with (1, 64, 4 + 3) outputs: corners up to ``largest`` from a grid and offsets, and scores."""
    keras = need("tf_keras")
    keras.utils.set_random_seed(0)
    layers = keras.layers
    given = keras.Input((8, 8, 3))
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(given)
    offsets = layers.Reshape((PLACES, 4))(layers.Conv2D(4, 1, bias_initializer="normal")(x))
    grid = np.random.default_rng(0).uniform(0, 1, (1, PLACES, 4)).astype(np.float32)
    boxes = (tf.sigmoid(offsets) + grid) * (largest / 2)
    scores = tf.sigmoid(layers.Reshape((PLACES, 3))(layers.Conv2D(3, 1, bias_initializer="normal")(x)) * 4.0)
    joined = tf.concat([boxes, scores], axis=-1)
    return keras.Model(given, tf.transpose(joined, [0, 2, 1]) if transposed else joined)


def converted(model, io):
    frozen = freeze.freeze_keras(model)
    rng, name = np.random.default_rng(1), frozen.input_specs[0].name
    rows = [{name: rng.normal(size=(1, 8, 8, 3)).astype(np.float32)} for _ in range(24)]
    settings = post_training.Settings(io=io)
    return post_training.to_int8(tflite.marked(frozen, rows), rows, settings, lambda done, total: None), rows


def run(path, x):
    with open_model(path) as net:
        found, spec = net.run([quantize(x, net.inputs[0])])[0], net.outputs[0]
        return found.copy() if spec.quantization is None else dequantize(found, spec)


@pytest.mark.parametrize("io", ["int8", "uint8", "float32"])
@pytest.mark.parametrize("transposed", [False, True])
def test_boxes_of_hundreds_of_pixels_leave_the_scores_their_steps(io, transposed, tmp_path):
    model = head(640, transposed)
    content, rows = converted(model, io)
    path = tmp_path / "net.tflite"
    path.write_bytes(content)
    with open_model(path) as net:
        assert net.inputs[0].dtype == np.dtype(io)
        assert net.outputs[0].dtype == np.float32
    onnx.from_tflite(path, tmp_path / "net.onnx")
    assert "CONV_2D" in tflite_file.op_names(content)
    assert "int8" in tflite_file.tensor_dtypes(content)
    for row in rows:
        x = next(iter(row.values()))
        expected = model(x).numpy()
        for file in (path, tmp_path / "net.onnx"):
            boxes, scores = np.split(np.abs(run(file, x) - expected), [4], axis=1 if transposed else 2)
            assert scores.max() < 0.1  # logits have steps of 1/20, and the input's errors add to it; one scale gives 1
            assert boxes.max() < 640 * 0.03


def test_parts_of_like_ranges_stay_int8(tmp_path):
    content, _ = converted(head(2), "int8")
    path = tmp_path / "net.tflite"
    path.write_bytes(content)
    with open_model(path) as net:
        assert net.outputs[0].dtype == np.int8
    assert tflite_file.tensor_dtypes(content) <= {"int8", "int32"}
