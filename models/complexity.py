"""What a network costs: parameters and multiply-accumulates, counted from the Keras graph."""

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Complexity:
    """trainable: weights, biases, BN gamma and beta. total: with the BN moving statistics.

    macs: multiply-accumulates of convolutions and dense layers, batch 1; no BN, bias, pooling, activation.
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
    """A kernel of k weights is applied once per output position: k * height * width."""
    kernel = getattr(layer, "depthwise_kernel", None)
    if kernel is None:
        kernel = getattr(layer, "kernel", None)
    if kernel is None:
        return 0
    positions = math.prod(layer.output_shape[1:-1])
    return int(math.prod(kernel.shape) * positions)
