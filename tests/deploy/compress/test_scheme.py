"""What quantization-aware training must reach in layers that tfmot alone leaves in float."""

import numpy as np
import pytest

from edge.deploy._tensorflow import need

need("tensorflow_model_optimization")

import tf_keras as keras  # noqa: E402

from edge.backends import open_model  # noqa: E402
from edge.deploy.compress import qat, scheme  # noqa: E402
from edge.deploy.convert import tflite  # noqa: E402
from edge.deploy.convert.freeze import freeze_keras  # noqa: E402
from edge.tensors import dequantize, quantize  # noqa: E402
from tests import tflite_file  # noqa: E402

layers = keras.layers


def network(*stack):
    """Return a chain of layers over (8, 8, 4) with normalizations that are not the identity."""
    keras.utils.set_random_seed(1)
    inputs = x = keras.Input((8, 8, 4))
    for layer in stack:
        x = layer(x)
    model = keras.Model(inputs, x, name="chain")
    rng = np.random.default_rng(2)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
    return model


IMAGES = np.random.default_rng(3).normal(0, 1, (64, 8, 8, 4)).astype(np.float32)

CHAINS = {
    "transposed + BN + ReLU": lambda: [
        layers.Conv2DTranspose(6, 4, 2, padding="same", use_bias=False, name="up"),
        layers.BatchNormalization(name="up_bn"),
        layers.ReLU(),
    ],
    "transposed with a bias + BN": lambda: [
        layers.Conv2DTranspose(6, 2, 2, bias_initializer="ones", name="up"),
        layers.BatchNormalization(scale=False, name="up_bn"),
    ],
    "dense + BN + ReLU": lambda: [
        layers.Flatten(),
        layers.Dense(16, name="dense"),
        layers.BatchNormalization(center=False, name="dense_bn"),
        layers.ReLU(),
    ],
    "convolution + ReLU": lambda: [layers.Conv2D(8, 3, name="conv"), layers.ReLU()],
    "depthwise + ReLU": lambda: [layers.DepthwiseConv2D(3, name="conv"), layers.ReLU()],
    "depthwise + BN + ReLU": lambda: [
        layers.DepthwiseConv2D(3, use_bias=False, name="conv"),
        layers.BatchNormalization(name="conv_bn"),
        layers.ReLU(6.0),
    ],
    "depthwise of two": lambda: [layers.DepthwiseConv2D(3, depth_multiplier=2, name="conv")],
    "convolution + BN + ReLU": lambda: [
        layers.Conv2D(8, 3, 2, padding="same", use_bias=False, name="conv"),
        layers.BatchNormalization(name="conv_bn"),
        layers.ReLU(),
    ],
    "dense + ReLU": lambda: [layers.Flatten(), layers.Dense(8, name="dense"), layers.ReLU(6.0)],
}


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
    content = tflite.qat_to_int8(freeze_keras(qat.quantize_aware(model, [IMAGES])))
    assert tflite_file.tensor_dtypes(content) <= {"int8", "int32"}
    assert tflite_file.delegate_partitions(content) == (1, [])


def test_the_file_computes_what_the_simulation_does(model, tmp_path):
    simulated = qat.quantize_aware(model, [IMAGES])
    simulated(IMAGES, training=True)
    path = tmp_path / "chain.tflite"
    path.write_bytes(tflite.qat_to_int8(freeze_keras(simulated)))
    expected = simulated(IMAGES, training=False).numpy()
    with open_model(path, threads=1) as runnable:
        entry, out = runnable.inputs[0], runnable.outputs[0]
        found = np.concatenate([dequantize(runnable.run([quantize(x[None], entry)])[0], out) for x in IMAGES])
    # Both round the same sums: a float's last bit decides about a sum in the middle between two values.
    assert np.mean(np.abs(found - expected) > 0.5 * out.quantization.scale) <= 0.005


def test_an_activation_before_the_relu_stays():
    model = network(layers.Conv2D(8, 3, activation="tanh", name="conv"), layers.ReLU())
    simulated = qat.quantize_aware(model, [4 * IMAGES])
    simulated(4 * IMAGES, training=True)
    expected = model(4 * IMAGES, training=False).numpy()
    error = simulated(4 * IMAGES, training=False).numpy() - expected
    assert np.abs(error).mean() <= 0.05  # without the tanh, values of several would come out, not at most one


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
