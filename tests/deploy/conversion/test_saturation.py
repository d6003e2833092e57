"""What only a sigmoid or tanh reads has an int8 range in which their 256 values differ."""

import numpy as np
import pytest

from edge.deploy._tensorflow import need
from edge.tensors import dequantize, quantize
from tests import tflite_file

tf = need("tensorflow")

import tf_keras as keras  # noqa: E402

from edge.backends import open_model  # noqa: E402
from edge.deploy.conversion import freeze, post_training, tflite  # noqa: E402
from edge.deploy.conversion.saturation import SATURATED, clip_saturated  # noqa: E402
from edge.deploy.conversion.tflite_object import TFLiteObject  # noqa: E402

SIDE, SPREAD = 8, 30.0
"""Logits reach from about -30 to 30, as those of detectors do."""


def network(end):
    """Return a convolution whose outputs spread over SPREAD, and ``end`` behind it."""
    keras.utils.set_random_seed(3)
    entry = keras.Input((SIDE, SIDE, 3))
    conv = keras.layers.Conv2D(4, 3, padding="same", kernel_initializer=keras.initializers.RandomNormal(0, SPREAD / 10))
    return keras.Model(entry, end(conv(entry)))


def samples(count=24):
    rng = np.random.default_rng(5)
    return [{"x": rng.uniform(-1, 1, (1, SIDE, SIDE, 3)).astype(np.float32)} for _ in range(count)]


def converted(model, tmp_path, wide=False):
    rows = samples()
    frozen = freeze.freeze_keras(model)
    marked = tflite.marked(frozen, rows)
    make = post_training.to_int16x8 if wide else post_training.to_int8
    path = tmp_path / "net.tflite"
    path.write_bytes(make(marked, rows, post_training.Settings(io="float32"), lambda done, total: None))
    return path


def decibels(model, path):
    noise = power = 0.0
    with open_model(path, threads=1) as file:
        for sample in samples(40)[24:]:
            expected = np.asarray(model(sample["x"], training=False))
            got = dequantize(file.run([quantize(sample["x"], file.inputs[0])])[0], file.outputs[0])
            noise, power = noise + np.sum((got - expected) ** 2), power + np.sum(expected**2)
    return 10 * np.log10(power / noise)


def bounds_of(path, code):
    """Return the real values that the input of the file's only operation of a kind can hold."""
    file = TFLiteObject(path.read_bytes())
    (operation,) = [one for kind, one in file.operations() if kind == getattr(file.schema.BuiltinOperator, code)]
    found = file._graph.tensors[int(operation.inputs[0])].quantization
    scale, zero = float(found.scale[0]), int(found.zeroPoint[0])
    return (-128 - zero) * scale, (127 - zero) * scale


ENDS = {
    "sigmoid": (keras.layers.Activation("sigmoid"), "LOGISTIC"),
    "tanh": (keras.layers.Activation("tanh"), "TANH"),
    "behind a reshape": (lambda x: keras.layers.Activation("sigmoid")(keras.layers.Reshape((-1, 4))(x)), "LOGISTIC"),
}


@pytest.mark.parametrize("name", ENDS)
def test_no_step_is_wasted_on_logits_with_the_same_output(name, tmp_path, monkeypatch):
    """The same file with the observed range, whose steps are four times as wide, is worse by 3 dB or more.

    It is not 12 dB, because rounded weights and inputs add errors that are the same in both.
    """
    end, code = ENDS[name]
    model = network(end)
    path = converted(model, tmp_path)
    low, high = bounds_of(path, code)
    step = (high - low) / 255
    assert low == pytest.approx(SATURATED[code][0], abs=step)
    assert high == pytest.approx(SATURATED[code][1], abs=step)
    narrow = decibels(model, path)
    monkeypatch.setattr(post_training.saturation, "clip_saturated", lambda file, ranges, limits: dict(ranges))
    plain = decibels(model, converted(model, tmp_path))
    assert narrow > plain + 3


def test_every_output_of_the_sigmoid_is_still_there(tmp_path):
    """The smallest and the largest of 256 values are reached, and no logit beyond the range gives another one."""
    model = network(keras.layers.Activation("sigmoid"))
    with open_model(converted(model, tmp_path), threads=1) as file:
        values = np.concatenate([file.run([quantize(one["x"], file.inputs[0])])[0].ravel() for one in samples()])
    assert values.min() == 0
    assert values.max() == pytest.approx(255 / 256)


def test_logits_that_others_read_keep_their_range(tmp_path):
    """A swish multiplies its logits by their sigmoid, so that it needs the large ones."""
    model = network(lambda x: x * keras.layers.Activation("sigmoid")(x))
    low, high = bounds_of(converted(model, tmp_path), "LOGISTIC")
    assert high - low > 40


def test_logits_that_are_an_output_keep_their_range(tmp_path):
    model = network(lambda x: [x, keras.layers.Activation("sigmoid")(x)])
    low, high = bounds_of(converted(model, tmp_path), "LOGISTIC")
    assert high - low > 40


@pytest.mark.parametrize(
    "join", [keras.layers.Concatenate(), lambda parts: tf.stack(parts, 1)], ids=["axis", "new axis"]
)
def test_joined_logits_keep_their_range_where_others_read_a_part(join, tmp_path):
    """The parts of a concatenation get its scale, which clipped what the other reader needs."""

    def end(logits):
        other = keras.layers.Conv2D(4, 1, kernel_initializer=keras.initializers.RandomNormal(0, 0.1, seed=1))(logits)
        return [
            keras.layers.Activation("sigmoid")(join([logits, other])),
            keras.layers.GlobalAveragePooling2D()(logits),
        ]

    low, high = bounds_of(converted(network(end), tmp_path), "LOGISTIC")
    assert high - low > 40


def test_logits_behind_a_maximum_of_neighbours_are_narrowed(tmp_path):
    model = network(lambda x: keras.layers.Activation("sigmoid")(keras.layers.MaxPooling2D(2)(x)))
    low, high = bounds_of(converted(model, tmp_path), "LOGISTIC")
    assert high - low < 12


def test_16_bits_keep_all_logits(tmp_path):
    """With 65,536 values a sigmoid distinguishes logits up to 11."""
    path = converted(network(keras.layers.Activation("sigmoid")), tmp_path, wide=True)
    file = TFLiteObject(path.read_bytes())
    (logits,) = [int(one.inputs[0]) for code, one in file.operations() if code == file.schema.BuiltinOperator.LOGISTIC]
    assert 32767 * float(file._graph.tensors[logits].quantization.scale[0]) > 20


@pytest.mark.parametrize(
    ("observed", "expected"),
    [((-30.0, 20.0), (-6.5, 5.4)), ((-2.0, 3.0), (-2.0, 3.0)), ((6.0, 9.0), (5.4, 5.4)), ((-9.0, -7.0), (-6.5, -6.5))],
)
def test_what_was_observed_is_clipped(observed, expected):
    content = tflite.to_float32(freeze.freeze_keras(network(keras.layers.Activation("sigmoid"))))
    file = TFLiteObject(content)
    (logits,) = [int(one.inputs[0]) for code, one in file.operations() if code == file.schema.BuiltinOperator.LOGISTIC]
    assert clip_saturated(file, {logits: observed}) == {logits: expected}
    assert "LOGISTIC" in tflite_file.op_names(content)
