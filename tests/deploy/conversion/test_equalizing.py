"""Float files whose channels are equalized before they become int8."""

import numpy as np
import pytest

from edge.deploy._tensorflow import need, quiet_conversion

need("tensorflow")

import tf_keras as keras  # noqa: E402

from edge.deploy.conversion import equalizing, freeze, observe, tflite  # noqa: E402
from edge.deploy.conversion.tflite_object import TFLiteObject  # noqa: E402
from tests.deploy.conversion.test_post_training import outputs as int8_outputs  # noqa: E402

layers = keras.layers
SHAPE = (8, 8, 4)


def samples(count, seed=0):
    rng = np.random.default_rng(seed)
    return [{"image": row} for row in rng.normal(size=(count, 1, *SHAPE)).astype(np.float32)]


def float_file(*stack, model=None):
    """Return the file of a network whose first layer has outputs of very different size, channel by channel."""
    keras.utils.set_random_seed(1)
    model = model or keras.Sequential([keras.Input(SHAPE, name="image"), *stack])
    kernel, *rest = model.layers[0 if model.layers[0].weights else 1].get_weights()
    spread = np.geomspace(0.02, 2, kernel.shape[-1] if kernel.shape[-1] > 1 else kernel.shape[-2])
    spread = spread if kernel.shape[-1] > 1 else spread[:, None]
    model.layers[0 if model.layers[0].weights else 1].set_weights([kernel * spread, *rest])
    return tflite.to_float32(freeze.freeze_keras(model))


def branched():
    """Return a network whose first layer's output has two readers."""
    image = keras.Input(SHAPE, name="image")
    x = layers.Conv2D(8, 1, activation="relu")(image)
    return keras.Model(image, layers.Add()([layers.Conv2D(8, 1)(x), x]))


def outputs(content, rows):
    index = TFLiteObject(content).outputs()[0]
    return np.concatenate([value(index) for value in observe.values(content, rows)])


def spread(content):
    """Return the largest by the smallest range of the channels between the first pair of layers."""
    file = TFLiteObject(content)
    index = next(int(one.outputs[0]) for _, one in file.operations())
    peaks = np.max([np.abs(value(index)).max(axis=(0, 1, 2)) for value in observe.values(content, samples(40))], axis=0)
    return float(peaks.max() / peaks.min())


PAIRS = [
    pytest.param((layers.Conv2D(8, 3, activation="relu"), layers.Conv2D(5, 1)), id="convolutions"),
    pytest.param((layers.Conv2D(8, 3), layers.Conv2D(5, 1)), id="no activation"),
    pytest.param((layers.Conv2D(8, 1, activation="relu"), layers.DepthwiseConv2D(3)), id="depthwise second"),
    pytest.param((layers.DepthwiseConv2D(3, activation="relu"), layers.Conv2D(5, 1)), id="depthwise first"),
    pytest.param(
        (layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(2), layers.Conv2D(5, 1)), id="a pool between"
    ),
    pytest.param((layers.Conv2D(8, 3, use_bias=False), layers.Conv2D(5, 1)), id="no bias"),
    pytest.param((layers.Dense(8, activation="relu"), layers.Dense(3)), id="dense"),
]


@pytest.mark.parametrize("stack", PAIRS)
def test_channels_become_more_equal_and_the_network_computes_the_same(stack):
    content = float_file(*stack)
    equal = equalizing.equalized(content, samples(40))
    before, after = outputs(content, samples(5, 9)), outputs(equal, samples(5, 9))
    np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-5)  # float32, in other products
    assert spread(equal) < 0.5 * spread(content)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: float_file(layers.Conv2D(8, 1), layers.ReLU(6.0), layers.Conv2D(5, 1)), id="ReLU6"),
        pytest.param(lambda: float_file(layers.Conv2D(8, 1, activation="tanh"), layers.Conv2D(5, 1)), id="tanh"),
        pytest.param(lambda: float_file(model=branched()), id="two readers"),
        pytest.param(
            lambda: float_file(layers.Conv2D(8, 1), layers.Flatten(), layers.Dense(3)), id="flattened: axes differ"
        ),
        pytest.param(lambda: float_file(layers.Conv2D(8, 1), layers.Conv2D(8, 1, groups=2)), id="groups"),
    ],
)
def test_what_depends_on_the_scale_of_a_channel_stays(make):
    content = make()
    assert list(equalizing.pairs(TFLiteObject(content))) == []
    assert equalizing.equalized(content, samples(3)) == content


def test_an_int8_file_of_unequal_channels_gains():
    """Eight channels from 0.02 to 2: the smallest has 3 of 255 steps, unless they are equalized."""
    keras.utils.set_random_seed(0)
    first, second = layers.Conv2D(8, 3, activation="relu"), layers.DepthwiseConv2D(3)
    model = keras.Sequential([keras.Input(SHAPE, name="image"), first, second])
    by = np.geomspace(0.02, 2, 8)
    first.set_weights([first.get_weights()[0] * by, first.get_weights()[1]])
    second.set_weights([second.get_weights()[0] / by[:, None], second.get_weights()[1]])
    held_out = [sample["image"] for sample in samples(20, 9)]
    expected = np.concatenate([np.asarray(model(one)) for one in held_out])

    def noise(content):
        return float(np.square(int8_outputs(content, held_out) - expected).mean())

    mine = tflite.to_int8(freeze.freeze_keras(model), samples(40))
    assert noise(mine) < 0.1 * noise(stock(model))


def stock(model):
    """Return what TFLite's own converter makes of a network."""
    tf = need("tensorflow")
    traced = freeze.freeze_keras(model).traced
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: (list(sample.values()) for sample in samples(40))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    with quiet_conversion():
        return bytes(converter.convert())
