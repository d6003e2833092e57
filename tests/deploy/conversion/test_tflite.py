"""The TFLite converter: what it is spared, and what it says of a model that it cannot write."""

from types import SimpleNamespace

import numpy as np
import pytest

from edge.deploy._tensorflow import need
from edge.errors import InputError

need("tensorflow")

import tensorflow as tf  # noqa: E402
from tensorflow.lite.python import convert_phase, lite  # noqa: E402

from edge.deploy.conversion import tflite  # noqa: E402
from edge.deploy.conversion.freeze import freeze  # noqa: E402


def network(call, shape, dtype=tf.float32):
    """Freeze a function of one tensor."""
    return freeze(lambda tensors: call(tensors["x"]), {"x": tf.TensorSpec(shape, dtype)})


def to_int8(frozen):
    return tflite.to_int8(frozen, [np.eye(4, dtype=np.float32)[None]])


WAYS = pytest.mark.parametrize("write", [tflite.to_float32, to_int8])


@WAYS
def test_nothing_is_done_around_the_conversion(monkeypatch, write):
    besides = ("_deduplicate_readonly_buffers", "_populate_conversion_metadata", "_build_debug_info_func")
    done = []
    for name in besides:
        original = getattr(lite, name)
        monkeypatch.setattr(lite, name, lambda *args, n=name, f=original: done.append(n) or f(*args))
    assert write(network(tf.nn.relu, (1, 4, 4)))[4:8] == b"TFL3"
    assert not done


@WAYS
@pytest.mark.parametrize("side", [3, 4])  # the converter gives the two inverses in another order
def test_operations_that_tflite_lacks_are_named_with_their_places(write, side):
    def call(x):
        x = x[:, :side, :side]
        return tf.linalg.inv(x, name="head/inverse") + tf.linalg.inv(tf.raw_ops.Betainc(a=x, b=x, x=x), name="second")

    with pytest.raises(InputError) as caught:
        write(network(call, (1, 4, 4)))
    assert str(caught.value) == (
        "the model has operations that TFLite cannot write, or not in this form (type, options): "
        "Betainc (at Betainc); MatrixInverse (at head/inverse, second); replace them or leave them out of the model"
    )


def test_an_operation_of_another_type_has_places_without_the_names_of_types():
    def call(x):
        return tf.cast(tf.add(x, tf.negative(x, name="less"), name="sum"), tf.float32)

    with pytest.raises(InputError, match=r"\(at less, sum\)"):
        tflite.to_float32(network(call, (1, 4, 4), tf.float64))


def refusal(message, *errors):
    """Return a ``ConverterError`` with (code, operator, message) of each error."""
    made = convert_phase.ConverterError(message)
    location = SimpleNamespace(call=())
    made.errors = [
        SimpleNamespace(error_code=code, operator=SimpleNamespace(name=name), error_message=text, location=location)
        for code, name, text in errors
    ]
    return made


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        pytest.param(refusal("\nsizes do not fit\nat 0x1"), "sizes do not fit", id="no record: the first line"),
        pytest.param(refusal("tables"), "tables", id="one line"),
        pytest.param(refusal(""), "it does not say why", id="nothing at all"),
        pytest.param(
            refusal("x", (0, "tf.AddV2", "'tf.AddV2' op requires compatible types\nsee")),
            "'tf.AddV2' op requires compatible types",
            id="an operation that TFLite has, used wrongly",
        ),
    ],
)
def test_another_refusal_is_its_first_line(error, reason):
    assert tflite._why(error) == f"TFLite's converter refuses the model: {reason}"


def test_of_many_operations_the_first_are_named():
    errors = [(1, f"tf.Op{number}", "") for number in range(8)]
    assert "options): Op0; Op1; Op2; Op3; Op4; 3 more; replace" in tflite._why(refusal("x", *errors))
