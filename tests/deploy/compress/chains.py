"""Short chains of layers, one for each case that the quantize scheme tells apart, and their files run."""

import numpy as np

from edge.deploy._tensorflow import need

need("tensorflow_model_optimization")

import tf_keras as keras  # noqa: E402

from edge.backends import open_model  # noqa: E402
from edge.deploy.conversion import tflite  # noqa: E402
from edge.deploy.conversion.freeze import freeze_keras  # noqa: E402
from edge.tensors import dequantize, quantize  # noqa: E402

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
        if layer.name == "turned_bn":
            layer.gamma.assign(-layer.gamma)
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
    "convolution with a bias + BN of negative gamma": lambda: [
        layers.Conv2D(8, 3, bias_initializer="ones", name="conv"),
        layers.BatchNormalization(name="turned_bn"),
    ],
    "convolution + BN without beta": lambda: [
        layers.Conv2D(8, 3, bias_initializer="ones", name="conv"),
        layers.BatchNormalization(center=False, name="conv_bn"),
    ],
    "depthwise of two + BN without gamma": lambda: [
        layers.DepthwiseConv2D(3, depth_multiplier=2, use_bias=False, name="conv"),
        layers.BatchNormalization(scale=False, name="conv_bn"),
        layers.ReLU(),
    ],
    "dense + ReLU": lambda: [layers.Flatten(), layers.Dense(8, name="dense"), layers.ReLU(6.0)],
}


def file_of(simulated) -> bytes:
    """Return the int8 file of a quantization-aware chain."""
    return tflite.qat_to_int8(freeze_keras(simulated))


def differing(simulated, path) -> float:
    """Return the share of values by which the chain's int8 file, written to ``path``, differs from it on ``IMAGES``."""
    path.write_bytes(file_of(simulated))
    expected = simulated(IMAGES, training=False).numpy()
    with open_model(path, threads=1) as runnable:
        entry, out = runnable.inputs[0], runnable.outputs[0]
        found = np.concatenate([dequantize(runnable.run([quantize(x[None], entry)])[0], out) for x in IMAGES])
    return float(np.mean(np.abs(found - expected) > 0.5 * out.quantization.scale))
