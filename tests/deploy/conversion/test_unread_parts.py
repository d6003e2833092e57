"""Splits with a part that nothing reads become slices: the same results, and the same int8 file every time."""

import numpy as np
import pytest

from edge.backends import open_model
from edge.deploy._tensorflow import need

tf = need("tensorflow")

from edge.deploy.conversion import freeze, post_training, tflite, unrolling  # noqa: E402
from edge.deploy.conversion.tflite_object import TFLiteObject  # noqa: E402
from edge.deploy.conversion.unread_parts import SOURCES, sliced  # noqa: E402

SHAPE = (1, 4, 6)
KEPT = {
    "the last of 3 equal parts": (lambda x: tf.split(x, 3, -1)[2], 1),
    "parts around one": (lambda x: tf.split(x, 3, 2)[0] * tf.split(x, 3, 2)[2], 2),
    "parts of their own sizes": (lambda x: tf.split(x, [1, 2, 3], 2)[2], 1),
    "one row": (lambda x: tf.unstack(x, axis=1)[2], 1),
}


def float_file(function, shape=SHAPE):
    frozen = freeze.freeze(lambda given: function(given["x"]) + 1.0, {"x": tf.TensorSpec((None, *shape[1:]))})
    return tflite.to_float32(frozen)


def kinds(content):
    file = TFLiteObject(content)
    names = {value: name for name, value in vars(file.schema.BuiltinOperator).items() if isinstance(value, int)}
    return [names[code] for code, _ in file.operations()]


def answer(content, x, path):
    path.write_bytes(content)
    with open_model(path) as model:
        return model.run([x])[0].copy()


@pytest.mark.parametrize("case", KEPT)
def test_the_read_parts_are_slices_of_the_same_values(case, tmp_path):
    function, count = KEPT[case]
    content, x = float_file(function), np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    assert set(SOURCES) & set(kinds(content)), "else there is nothing to slice"
    made = sliced(content)
    assert not set(SOURCES) & set(kinds(made))
    assert kinds(made).count("STRIDED_SLICE") == count
    np.testing.assert_array_equal(answer(made, x, tmp_path / "made.tflite"), function(tf.constant(x)).numpy() + 1)


def test_a_split_that_is_read_as_a_whole_stays():
    content = float_file(lambda x: tf.multiply(*tf.split(x, 2, -1)))
    assert kinds(sliced(content)) == kinds(content)


def test_an_unrolled_layer_is_quantized_as_a_whole_every_time():
    """TFLite's quantizer left the split of the first step in float in about one of three runs."""
    keras = need("tf_keras")
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4, 2)), keras.layers.LSTM(16), keras.layers.Dense(3)])
    with unrolling.unrolled(model):
        frozen = freeze.freeze_keras(model)
    name = frozen.input_specs[0].name
    rows = [{name: row} for row in np.random.default_rng(1).normal(size=(8, 1, 4, 2)).astype(np.float32)]
    marked, settings = tflite.marked(frozen.for_int8(), rows), post_training.Settings()
    files = [post_training.to_int8(marked, rows, settings, lambda *done: None) for _ in range(12)]
    assert not {"QUANTIZE", "DEQUANTIZE"} & set(kinds(files[0]))
    assert len(set(files)) == 1
