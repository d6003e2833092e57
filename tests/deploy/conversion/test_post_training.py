"""What a float file gets before TFLite quantizes it: ranges, averages with a range of their own, rounded weights."""

import numpy as np
import pytest

from edge.backends import open_model
from edge.deploy._tensorflow import need
from edge.errors import InputError
from edge.tensors import dequantize, quantize
from tests import tflite_file

need("tensorflow")

import tf_keras as keras  # noqa: E402

from edge.calibration.gptq import round_to_nearest, weight_scale  # noqa: E402
from edge.calibration.tensor_ranges import METHODS  # noqa: E402
from edge.deploy.conversion import freeze, post_training, tflite  # noqa: E402

layers = keras.layers
SIDE, CHANNELS = 12, 6


def smooth(count, seed=0):
    """Return images whose neighbouring pixels are alike, (count, 1, SIDE, SIDE, CHANNELS)."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(size=(count, 1, 3, 3, CHANNELS)).repeat(4, axis=2).repeat(4, axis=3)
    return (coarse + 0.1 * rng.normal(size=coarse.shape)).astype(np.float32)


def model_of(*stack, seed=1):
    """Return a network with random weights and biases."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((SIDE, SIDE, CHANNELS)), *stack])
    rng = np.random.default_rng(seed)
    model.set_weights([w if w.ndim > 1 else rng.normal(size=w.shape) for w in model.get_weights()])
    return model


# layer, and how much of the error of the nearest steps is left at most: all where the inputs have little in common.
KINDS = [
    pytest.param(lambda: layers.Conv2D(8, 3, padding="same"), 0.8, id="convolution"),
    pytest.param(lambda: layers.Conv2D(8, 3, strides=2, padding="same"), 0.8, id="stride"),
    pytest.param(lambda: layers.Conv2D(8, 3, dilation_rate=2), 0.8, id="dilation"),
    pytest.param(lambda: layers.Conv2D(12, 3, groups=3), 0.8, id="groups"),
    pytest.param(lambda: layers.DepthwiseConv2D(3, padding="same"), 0.8, id="depthwise"),
    pytest.param(lambda: layers.DepthwiseConv2D(3, depth_multiplier=2), 0.8, id="depthwise, two of each"),
    pytest.param(lambda: layers.DepthwiseConv2D(3, dilation_rate=2, padding="same"), 1.01, id="depthwise, dilated"),
    pytest.param(lambda: layers.Dense(5), 1.01, id="dense over every pixel"),
]


def outputs(content, samples):
    """Return what a one-layer file gives, its own output rounding included."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    entry, leave = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    found = []
    for sample in samples:
        scale, zero = entry["quantization"]
        interpreter.set_tensor(entry["index"], np.clip(np.rint(sample / scale) + zero, -128, 127).astype(np.int8))
        interpreter.invoke()
        scale, zero = leave["quantization"]
        found.append((interpreter.get_tensor(leave["index"]).astype(np.float32) - zero) * scale)
    return np.concatenate(found)


def from_file(kernel, depthwise):
    """Return a file's kernel in Keras' order: outputs last; of a depthwise one (height, width, inputs, of each)."""
    return kernel[0].reshape(*kernel.shape[1:3], CHANNELS, -1) if depthwise else np.moveaxis(kernel, 0, -1)


@pytest.mark.parametrize(("layer", "share"), KINDS)
def test_the_files_weights_are_whole_steps_that_serve_its_sums(layer, share):
    model = model_of(layer())
    found = tflite_file.weights(tflite.to_int8(freeze.freeze_keras(model), smooth(40)))
    (kernel, bias), held_out = model.get_weights(), smooth(40, seed=9)[:, 0]
    depthwise = isinstance(model.layers[0], layers.DepthwiseConv2D)
    by_channel = kernel.reshape(1, -1, len(bias)) if not depthwise else kernel.reshape(1, 9, -1)
    np.testing.assert_allclose(found.scales, weight_scale(by_channel)[0, 0], rtol=1e-5)

    def error(kernel, bias):
        """Return each channel's mean squared change of what the layer gives."""
        before = np.asarray(model(held_out))
        after = keras.models.clone_model(model)
        after.set_weights([kernel, bias])
        return np.square(np.asarray(after(held_out)) - before).mean(axis=(0, 1, 2))

    mine = error(from_file(found.kernel, depthwise), found.bias)
    plain = error(round_to_nearest(by_channel).reshape(kernel.shape), bias)
    assert (mine <= 1.1 * plain).all()
    assert mine.sum() < share * plain.sum()


def test_an_average_over_the_whole_image_has_a_range_of_its_own():
    model = model_of(layers.Conv2D(4, 1, activation="relu"), layers.AveragePooling2D(SIDE), layers.Flatten())
    samples = smooth(40)
    content = tflite.to_int8(freeze.freeze_keras(model), samples, "minmax")
    names = tflite_file.op_names(content)
    assert (names["MEAN"], names["AVERAGE_POOL_2D"]) == (1, 0)
    means = np.asarray(model(samples[:, 0]))
    (scale,) = set(tflite_file.scales(content, "RESHAPE"))
    assert scale == pytest.approx(means.max() / 255, rel=0.01)
    got = outputs(content, samples)
    assert np.abs(got - means).max() <= 2 * scale
    assert tflite_file.delegate_partitions(content)[0] == 1


def test_an_average_over_a_part_stays_what_it_is():
    model = model_of(layers.Conv2D(4, 1), layers.AveragePooling2D(4))
    names = tflite_file.op_names(tflite.to_int8(freeze.freeze_keras(model), smooth(8)))
    assert (names["MEAN"], names["AVERAGE_POOL_2D"]) == (0, 1)


@pytest.mark.parametrize("end", [[], [layers.Flatten()], [layers.Reshape((-1, 2)), layers.Softmax()]], ids=len)
def test_the_method_decides_inside_the_network_and_not_at_its_border(end):
    stack = (layers.Conv2D(4, 1, activation="relu"), layers.Conv2D(4, 1, activation="relu", name="last"))
    frozen = freeze.freeze_keras(model_of(*stack, *end))
    samples = np.random.default_rng(0).standard_t(3, (300, 1, SIDE, SIDE, CHANNELS)).astype(np.float32)  # heavy tails
    files = {method: tflite.to_int8(frozen, samples, method) for method in METHODS}
    between = {method: tflite_file.scales(content, "CONV_2D") for method, content in files.items()}
    assert max(between["mse"]) < 0.97 * max(between["minmax"])
    for read in (tflite_file.border_scales, lambda content: tflite_file.scales(content, "SOFTMAX")):
        assert read(files["mse"]) == pytest.approx(read(files["minmax"]))


def test_a_layer_without_a_bias_gets_one():
    model = model_of(layers.Flatten(), layers.Dense(5, use_bias=False))
    found = tflite_file.weights(tflite.to_int8(freeze.freeze_keras(model), smooth(40)))
    assert found.bias.shape == (5,)
    assert np.abs(found.bias).max() > 0


def test_the_same_samples_give_the_same_file():
    frozen = freeze.freeze_keras(model_of(layers.Conv2D(8, 3), layers.Flatten(), layers.Dense(3)))
    assert tflite.to_int8(frozen, smooth(5)) == tflite.to_int8(frozen, smooth(5))


def test_a_kernel_that_two_operations_share_keeps_its_nearest_steps():
    """Rounding it for one of them would serve the other worse."""
    shared = layers.Conv2D(CHANNELS, 1)
    model = model_of(shared)
    twice = keras.Model(model.input, shared(shared(model.input)))
    content = tflite.to_int8(freeze.freeze_keras(twice), smooth(8))
    kernel, _ = twice.get_weights()
    plain = round_to_nearest(kernel.reshape(1, CHANNELS, -1))[0]
    np.testing.assert_allclose(tflite_file.weights(content).kernel[:, 0, 0].T, plain, atol=1e-6)


def test_a_channel_and_an_input_that_are_always_0_leave_a_file_that_runs(tmp_path):
    keras.utils.set_random_seed(0)
    given = keras.Input((8, 8, 3))
    dead = keras.layers.Conv2D(4, 3, bias_initializer=keras.initializers.Constant(-100), activation="relu")(given)
    model = keras.Model(given, keras.layers.Conv2D(2, 1, bias_initializer="normal")(dead))
    for rows in (np.zeros((8, 1, 8, 8, 3), np.float32), np.random.default_rng(0).random((8, 1, 8, 8, 3), np.float32)):
        path = tmp_path / "net.tflite"
        path.write_bytes(tflite.to_int8(freeze.freeze_keras(model), list(rows)))
        with open_model(path) as net:
            found = dequantize(net.run([quantize(rows[0], net.inputs[0])])[0], net.outputs[0])
        assert found == pytest.approx(model(rows[0]).numpy(), abs=0.02)


@pytest.mark.parametrize("make", [post_training.to_int8, post_training.to_int16x8])
def test_a_network_without_operations_is_refused(make):
    rows = [{"input": one} for one in smooth(2)]
    frozen = freeze.freeze_keras(model_of(layers.Activation("linear")))
    marked = tflite.marked(frozen, rows)
    with pytest.raises(InputError, match=r"computes nothing, .* convert it to float32"):
        make(marked, rows, post_training.Settings(), lambda done, total: None)
