"""The complexity of a network: parameters and multiply-accumulates (MACs), counted from the Keras graph."""

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Complexity:
    """Counts of one network.

    Attributes:
        trainable: weights, biases, and gamma and beta of batch normalizations.
        total: the same with the moving statistics of batch normalizations.
        macs: multiply-accumulates of convolutions, dense and recurrent layers at batch 1. Normalization, bias, pooling,
            activation and products of two activations (attention) do not count.
    """

    trainable: int
    total: int
    macs: int


def complexity(model: Any) -> Complexity:
    """Count the parameters and MACs of a built ``tf_keras.Model``."""
    trainable = sum(math.prod(w.shape) for w in model.trainable_weights)
    total = sum(math.prod(w.shape) for w in model.weights)
    return Complexity(trainable, total, sum(_macs(layer) for layer in model.layers))


def _macs(layer: Any) -> int:
    """Return the MACs of a layer: a kernel of k weights is applied at every position, k * height * width."""
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
    # A transposed convolution applies its kernel at every input position, the others at every output position.
    shape = layer.input_shape if type(layer).__name__.endswith("Transpose") else layer.output_shape
    return int(math.prod(kernel.shape) * math.prod(shape[1:-1]))
