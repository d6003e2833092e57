"""What a network costs: parameters and multiply-accumulates, counted from the Keras graph."""

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Complexity:
    """trainable: weights, biases, BN gamma and beta. total: with the BN moving statistics.

    macs: multiply-accumulates of convolutions, dense and recurrent layers, batch 1; no BN, bias, pooling, activation,
    and no product of two activations (attention).
    """

    trainable: int
    total: int
    macs: int


def complexity(model: Any) -> Complexity:
    """Count a built ``tf_keras.Model``."""
    trainable = sum(math.prod(w.shape) for w in model.trainable_weights)
    total = sum(math.prod(w.shape) for w in model.weights)
    return Complexity(trainable, total, sum(_macs(layer) for layer in model.layers))


def _macs(layer: Any) -> int:
    """A kernel of k weights is applied once a position: k * height * width."""
    if type(layer).__name__ == "TimeDistributed":
        return int(complexity(layer.layer).macs * layer.input_shape[1])
    if hasattr(layer, "cell"):
        weights = math.prod(layer.cell.kernel.shape) + math.prod(layer.cell.recurrent_kernel.shape)
        return int(weights * layer.input_shape[1])
    kernel = getattr(layer, "depthwise_kernel", None)
    if kernel is None:
        kernel = getattr(layer, "kernel", None)
    if kernel is None:
        return 0
    # A transposed convolution applies its kernel once an input position, every other once an output position.
    shape = layer.input_shape if type(layer).__name__.endswith("Transpose") else layer.output_shape
    return int(math.prod(kernel.shape) * math.prod(shape[1:-1]))
