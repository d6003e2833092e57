"""A parsed TFLite file: its tensors, and data behind the FlatBuffer, as ai-edge-quantizer writes them."""

import numpy as np
import pytest

from edge.deploy._tensorflow import need

need("tensorflow")

import tf_keras as keras  # noqa: E402

from edge.deploy import _tensorflow_private as private  # noqa: E402
from edge.deploy.conversion import float_tflite, freeze, post_training, tflite  # noqa: E402
from edge.deploy.conversion.tflite_object import TFLiteObject  # noqa: E402


def with_data_behind(content):
    """Return a file whose buffers are places behind its FlatBuffer, each a multiple of 16 bytes."""
    tools, _ = private.flatbuffer_tools()
    model = tools.convert_bytearray_to_object(bytearray(content))
    data = {number: bytes(buffer.data) for number, buffer in enumerate(model.buffers) if buffer.data is not None}
    for number, values in data.items():
        model.buffers[number].data = None
        model.buffers[number].offset, model.buffers[number].size = 2, len(values)
    at = -(-len(tools.convert_object_to_bytearray(model)) // 16) * 16
    tail, first = b"", at
    for number, values in data.items():
        model.buffers[number].offset = first + len(tail)
        tail += values + bytes(-len(values) % 16)
    return bytes(tools.convert_object_to_bytearray(model)).ljust(first, b"\0") + tail


@pytest.fixture(scope="module")
def files():
    """Return a float file, and the same with its data behind the FlatBuffer."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((6, 6, 3)), keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.Conv2D(2, 1)]
    )
    content = tflite.to_float32(freeze.freeze_keras(model))
    return content, with_data_behind(content)


def test_constants_behind_the_flatbuffer_are_read_and_written(files):
    plain, behind = map(TFLiteObject, files)
    (_, first), *_ = plain.operations()
    index = int(first.inputs[1])
    np.testing.assert_array_equal(behind.constant(index), plain.constant(index))
    again = TFLiteObject(behind.to_bytes())
    np.testing.assert_array_equal(again.constant(index), plain.constant(index))


def test_such_a_file_becomes_the_same_int8_file(files):
    rows = [{"input_1": row} for row in np.random.default_rng(0).normal(size=(8, 1, 6, 6, 3)).astype(np.float32)]
    made = [
        post_training.to_int8(float_tflite.marked(content), rows, post_training.Settings(), lambda done, total: None)
        for content in files
    ]
    assert made[0] == made[1]


def test_what_a_concatenation_at_the_end_joins_is_at_the_border():
    """The logits of rare objects lie far from the others, and clipping them would lower every score."""
    entry = keras.Input((8, 8, 3))
    parts = [keras.layers.Conv2D(2, 1, name=name)(entry) for name in "ab"]
    joined = keras.layers.Activation("sigmoid")(keras.layers.Concatenate()(parts))
    file = TFLiteObject(tflite.to_float32(freeze.freeze_keras(keras.Model(entry, joined))))
    kind = file.schema.BuiltinOperator.CONV_2D
    convolutions = {int(operation.outputs[0]) for code, operation in file.operations() if code == kind}
    assert len(convolutions) == 2
    assert convolutions < file.border()
