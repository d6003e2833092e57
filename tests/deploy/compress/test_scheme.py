"""What quantization-aware training must reach in layers that tfmot alone leaves in float."""

import numpy as np
import pytest

from edge.deploy._tensorflow import need

need("tensorflow_model_optimization")

import tf_keras as keras  # noqa: E402

from edge.deploy.compress import qat, scheme  # noqa: E402
from tests import tflite_file  # noqa: E402
from tests.deploy.compress.chains import CHAINS, IMAGES, differing, file_of, network  # noqa: E402

layers = keras.layers


@pytest.fixture(params=CHAINS.values(), ids=CHAINS)
def model(request):
    return network(*request.param())


def test_computes_what_the_float_network_does(model):
    simulated = qat.quantize_aware(model, [IMAGES])
    simulated(IMAGES, training=True)  # tfmot takes the ranges of weights in a training step
    expected = model(IMAGES, training=False).numpy()
    error = simulated(IMAGES, training=False).numpy() - expected
    # 8 bits each for input, weights and output; a normalization folded wrongly is tens of percent off. Not the
    # maximum: the ranges leave the outermost values out.
    assert np.percentile(np.abs(error), 99) <= 0.02 * np.ptp(expected)


def test_every_weighted_layer_quantizes_its_weights(model):
    simulated = qat.quantize_aware(model, [IMAGES])
    weighted = [w for w in simulated.layers if type(getattr(w, "layer", None)).__name__ in scheme.WEIGHTED]
    assert len(weighted) == 1
    (wrapper,) = weighted
    assert len(wrapper.quantize_config.get_weights_and_quantizers(wrapper.layer)) == 1


def test_the_file_is_int8_throughout(model):
    content = file_of(qat.quantize_aware(model, [IMAGES]))
    assert tflite_file.tensor_dtypes(content) <= {"int8", "int32"}
    assert tflite_file.delegate_partitions(content) == (1, [])


def test_the_file_computes_what_the_simulation_does(model, tmp_path):
    simulated = qat.quantize_aware(model, [IMAGES])
    simulated(IMAGES, training=True)
    # Both round the same sums, but for half a step of the biases, and for a float's last bit.
    assert differing(simulated, tmp_path / "chain.tflite") <= 0.005


def test_an_activation_before_the_relu_stays():
    model = network(layers.Conv2D(8, 3, activation="tanh", name="conv"), layers.ReLU())
    simulated = qat.quantize_aware(model, [4 * IMAGES])
    simulated(4 * IMAGES, training=True)
    expected = model(4 * IMAGES, training=False).numpy()
    error = simulated(4 * IMAGES, training=False).numpy() - expected
    assert np.abs(error).mean() <= 0.01  # 0.003 was seen; without the tanh it is 0.028


@pytest.mark.parametrize("kind", ["convolution + ReLU", "dense + ReLU"])
def test_pruned_weights_before_a_relu_stay_zero(kind):
    model = network(*CHAINS[kind]())
    kernel = next(layer for layer in model.layers if hasattr(layer, "kernel")).kernel
    kernel.assign(np.where(np.arange(kernel.shape[-1]) % 2, kernel.numpy(), 0))
    simulated = qat.quantize_aware(model, [IMAGES], keep_sparsity=True)
    simulated.compile("sgd", "mse", run_eagerly=True)
    simulated.fit(IMAGES, np.ones((64, *simulated.output_shape[1:]), np.float32), epochs=1, verbose=0)
    wrapper = next(w for w in simulated.layers if w.name in ("quant_conv", "quant_dense"))
    trained = wrapper.layer.kernel.numpy()
    assert (trained[..., ::2] == 0).all()
    assert (trained[..., 1::2] != 0).any()
