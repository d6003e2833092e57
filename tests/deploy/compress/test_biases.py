"""Biases on steps: the file stays as it is, and the quantization-aware model becomes what the file computes."""

import numpy as np
import pytest

from edge.deploy._tensorflow import need

need("tensorflow_model_optimization")

import tf_keras as keras  # noqa: E402

from edge.deploy.compress import biases, qat, ranges  # noqa: E402
from tests.deploy.compress.chains import CHAINS, IMAGES, differing, file_of, network  # noqa: E402

layers = keras.layers


def simulated_of(model):
    simulated = qat.quantize_aware(model, [IMAGES])
    simulated(IMAGES, training=True)
    return simulated


@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS)
def test_the_file_stays_and_the_model_moves_to_it(chain, tmp_path):
    simulated = simulated_of(network(*chain()))
    before, outputs = file_of(simulated), simulated(IMAGES, training=False).numpy()
    biases.quantize_biases(simulated)
    assert file_of(simulated) == before
    assert differing(simulated, tmp_path / "chain.tflite") <= 1e-4
    moved = np.abs(simulated(IMAGES, training=False).numpy() - outputs)
    assert np.mean(moved > 0) <= 0.02  # half a step of the sums is a few thousandths of a step of the outputs


def test_behind_a_tanh_biases_stay():
    """The file's format fixes the tanh's step: it is not the step of what comes to the tanh."""
    simulated = simulated_of(
        network(layers.Conv2D(8, 3, activation="tanh"), layers.Conv2D(4, 3, bias_initializer="ones", name="conv"))
    )
    before = simulated.get_layer("quant_conv").layer.bias.numpy()
    biases.quantize_biases(simulated)
    np.testing.assert_array_equal(simulated.get_layer("quant_conv").layer.bias.numpy(), before)


def test_a_depthwise_kernel_that_moved_since_its_range_was_taken(tmp_path):
    model = network(*CHAINS["depthwise + BN + ReLU"]())
    simulated = simulated_of(model)
    kernel = ranges.variables(simulated.get_layer("quant_conv"))["depthwise_kernel"]
    kernel.assign(0.98 * kernel)
    assert differing(simulated, tmp_path / "before.tflite") > 0.05
    qat.finish(simulated, model)
    assert differing(simulated, tmp_path / "after.tflite") <= 1e-4


def test_a_second_time_moves_nothing():
    simulated = simulated_of(network(*CHAINS["depthwise + BN + ReLU"]()))
    biases.quantize_biases(simulated)
    beta = simulated.get_layer("quant_conv_bn").layer.beta.numpy()
    biases.quantize_biases(simulated)
    np.testing.assert_allclose(simulated.get_layer("quant_conv_bn").layer.beta.numpy(), beta, rtol=1e-6)


def test_by_hand():
    """A dense layer: its bias becomes a multiple of input step times weight step."""
    simulated = simulated_of(network(layers.Flatten(), layers.Dense(3, bias_initializer="ones", name="dense")))
    entry = next(layer for layer in simulated.layers if type(layer).__name__ == "QuantizeLayer")
    low, high = (float(w.numpy()) for w in entry.weights[:2])
    wrapper = simulated.get_layer("quant_dense")
    step = (high - low) / 255 * np.abs(wrapper.layer.kernel.numpy()).max() / 127
    biases.quantize_biases(simulated)
    steps = wrapper.layer.bias.numpy() / step
    np.testing.assert_allclose(steps, np.round(1 / step), rtol=1e-6)


def deep():
    """Six blocks of a depthwise and a pointwise convolution, a residual addition around each."""
    keras.utils.set_random_seed(4)
    inputs = keras.Input((8, 8, 4))
    x = layers.Conv2D(16, 1, use_bias=False, name="stem")(inputs)
    x = layers.BatchNormalization(name="stem_bn")(x)
    for number in range(6):
        start = x
        x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name=f"depthwise{number}")(x)
        x = layers.ReLU(6.0, name=f"relu{number}")(layers.BatchNormalization(name=f"depthwise{number}_bn")(x))
        x = layers.Conv2D(16, 1, use_bias=False, name=f"pointwise{number}")(x)
        x = layers.Add(name=f"add{number}")([start, layers.BatchNormalization(name=f"pointwise{number}_bn")(x)])
    model = keras.Model(inputs, x)
    for _ in range(60):  # the normalizations' averages settle
        model(IMAGES, training=True)
    rng = np.random.default_rng(5)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.beta.assign(rng.normal(0, 0.5, layer.beta.shape))
    return model


@pytest.mark.slow
def test_a_deep_network_is_what_its_file_computes(tmp_path):
    simulated = simulated_of(deep())
    before = differing(simulated, tmp_path / "before.tflite")
    biases.quantize_biases(simulated)
    after = differing(simulated, tmp_path / "after.tflite")
    assert (tmp_path / "after.tflite").read_bytes() == (tmp_path / "before.tflite").read_bytes()
    assert after <= before / 20
