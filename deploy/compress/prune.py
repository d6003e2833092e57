"""Magnitude pruning through tfmot: the smallest weights become zero and stay zero.

The sparsity rises during training by the polynomial of equation 1 of
To prune, or not to prune (Zhu and Gupta 2017, https://arxiv.org/abs/1710.01878).
"""

from typing import Any

import numpy as np

from edge.deploy._tensorflow import need
from edge.errors import InputError

PRUNED = ("Conv2D", "Dense")
"""Layers whose kernels are pruned. Depthwise kernels are few weights, and pruning them costs the most accuracy."""


def prunable(model: Any, sparsity: float, steps: int) -> tuple[Any, list[Any]]:
    """Return a copy of a network that is pruned while it is trained, and the Keras callbacks for that training.

    Args:
        model: the network, which is not changed.
        sparsity: the final share of zeros in every pruned kernel, above 0 and below 1.
        steps: the number of training steps. The sparsity rises during the first two thirds of them; during the rest
            the accuracy recovers.

    Raises:
        InputError: the sparsity is out of range.
    """
    if not 0 < sparsity < 1:
        raise InputError(f"the sparsity to prune to must be above 0 and below 1, got {sparsity}")
    tfmot = need("tensorflow_model_optimization")
    keras = need("tf_keras")
    last = max(1, steps * 2 // 3)
    decay = tfmot.sparsity.keras.PolynomialDecay(0.0, sparsity, 0, last, frequency=max(1, last // 20))

    def wrap(layer: Any) -> Any:
        copied = layer.__class__.from_config(layer.get_config())  # a shared layer would belong to both networks
        if type(layer).__name__ not in PRUNED:
            return copied
        return tfmot.sparsity.keras.prune_low_magnitude(copied, pruning_schedule=decay)

    # A clone has new weights. They are copied layer by layer, because the wrappers have more variables.
    copy = keras.models.clone_model(model, clone_function=wrap)
    for layer in copy.layers:
        _inner(layer).set_weights(model.get_layer(_inner(layer).name).get_weights())
    return copy, [tfmot.sparsity.keras.UpdatePruningStep()]


def strip(model: Any) -> Any:
    """Return a copy of a pruned network without the pruning wrappers. The pruned weights stay zero."""
    keras = need("tf_keras")

    # tfmot's strip_pruning reuses the layers, which then belong to two graphs, and no part of the model can be cut out.
    def unwrap(layer: Any) -> Any:
        inner = _inner(layer)
        return inner.__class__.from_config(inner.get_config())

    plain = keras.models.clone_model(model, clone_function=unwrap)
    for layer in model.layers:
        plain.get_layer(_inner(layer).name).set_weights(_inner(layer).get_weights())
    return plain


def _inner(layer: Any) -> Any:
    return layer.layer if type(layer).__name__ == "PruneLowMagnitude" else layer


def sparsity(model: Any) -> float:
    """Return the share of zeros, from 0 to 1, in all kernels of the PRUNED layers.

    Args:
        model: a plain, pruned or quantization-aware network.
    """
    zeros = total = 0
    for layer in model.layers:
        inner = getattr(layer, "layer", layer)
        if type(inner).__name__ in PRUNED:
            kernel = next(w for w in layer.weights if w.name.split("/")[-1].startswith("kernel"))
            values = kernel.numpy()
            zeros += int(np.count_nonzero(values == 0))
            total += values.size
    return zeros / total if total else 0.0
