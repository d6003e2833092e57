"""Magnitude pruning through tfmot: the smallest weights go to zero along a polynomial, and stay there.

To prune, or not to prune (Zhu and Gupta 2017, https://arxiv.org/abs/1710.01878), equation 1.
"""

from typing import Any

import numpy as np

from edge.deploy._tensorflow import need
from edge.errors import InputError

PRUNED = ("Conv2D", "Dense")
"""Layers whose kernels are pruned. Depthwise kernels hold few weights and are hurt most, so they stay whole."""


def prunable(model: Any, sparsity: float, steps: int) -> tuple[Any, list[Any]]:
    """Return a copy of ``model`` that prunes itself while it is fitted, and the callbacks that it needs.

    sparsity: final share of zeros in every pruned kernel, above 0 and below 1. steps: of the whole fit;
    the share rises over the first two thirds, the rest recovers accuracy.
    """
    if not 0 < sparsity < 1:
        raise InputError(f"the sparsity to prune to must be above 0 and below 1, got {sparsity}")
    tfmot = need("tensorflow_model_optimization")
    keras = need("tf_keras")
    last = max(1, steps * 2 // 3)
    decay = tfmot.sparsity.keras.PolynomialDecay(0.0, sparsity, 0, last, frequency=max(1, last // 20))

    def wrap(layer: Any) -> Any:
        copied = layer.__class__.from_config(layer.get_config())  # the layer itself would be in both networks
        if type(layer).__name__ not in PRUNED:
            return copied
        return tfmot.sparsity.keras.prune_low_magnitude(copied, pruning_schedule=decay)

    # Cloning keeps initial values nowhere: copy them layer by layer, wrappers add variables of their own.
    copy = keras.models.clone_model(model, clone_function=wrap)
    for layer in copy.layers:
        _inner(layer).set_weights(model.get_layer(_inner(layer).name).get_weights())
    return copy, [tfmot.sparsity.keras.UpdatePruningStep()]


def strip(model: Any) -> Any:
    """Return the network without the pruning wrappers, its zeros in place and its layers its own."""
    keras = need("tf_keras")

    # tfmot's own reuses the layers, which then belong to two graphs: a part of the network could not be taken.
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
    """Return the share of zeros, 0 to 1, in the kernels that pruning touches, over the whole model.

    Quantization-aware models are looked at through their wrappers.
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
