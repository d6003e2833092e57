"""The TFLite converter: what it is spared, and what it says of a model that it cannot write."""

import numpy as np
import pytest

from edge.deploy._tensorflow import need
from edge.errors import InvalidInput

need("tensorflow")

import tensorflow as tf  # noqa: E402
from tensorflow.lite.python import convert_phase  # noqa: E402
from tensorflow.lite.tools import flatbuffer_utils  # noqa: E402

from edge.deploy.convert import tflite  # noqa: E402
from edge.deploy.convert.freeze import freeze  # noqa: E402


def to_int8(frozen):
    return tflite.to_int8(frozen, [np.eye(4, dtype=np.float32)[None]])


def test_a_file_is_not_parsed_again_in_python(monkeypatch):
    def parsed(content):
        raise AssertionError("parsed in Python")

    monkeypatch.setattr(flatbuffer_utils, "convert_bytearray_to_object", parsed)
    assert tflite.to_float32(freeze(tf.nn.relu, (1, 4, 4)))[4:8] == b"TFL3"


@pytest.mark.parametrize("write", [tflite.to_float32, to_int8])
def test_operations_that_tflite_lacks_are_named_with_their_places(write):
    def call(x):
        return tf.linalg.inv(x, name="head/inverse") + tf.linalg.inv(tf.raw_ops.Betainc(a=x, b=x, x=x), name="second")

    with pytest.raises(InvalidInput) as caught:
        write(freeze(call, (1, 4, 4)))
    line = str(caught.value)
    assert line.startswith("the model has operations that TFLite has none for: ")
    assert "MatrixInverse (at head/inverse, second)" in line
    assert "Betainc (at Betainc)" in line
    assert "\n" not in line


def test_a_refusal_without_an_operation_is_its_first_line(monkeypatch):
    def refuse(self):
        raise convert_phase.ConverterError("\nsizes do not fit\nat 0x1")

    frozen = freeze(tf.nn.relu, (1, 4, 4))
    monkeypatch.setattr(tf.lite.TFLiteConverter.from_concrete_functions([frozen.traced]).__class__, "convert", refuse)
    with pytest.raises(InvalidInput, match=r"^TFLite's converter refuses the model: sizes do not fit$"):
        tflite.to_float32(frozen)
