"""Biases where the int8 file has them.

The file stores a bias as a whole number of steps of its sums, input step times weight step. Training has it anywhere
between, so the file's sums are off by up to half a step: too little to matter once, enough to turn one value in a
thousand of every layer to the next byte. Behind fifty layers one image in a hundred gets another answer. Put on a step
beforehand, biases are the same numbers in both, and the quantization-aware model is what the file computes.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.deploy.compress import ranges

KERNELS = ("kernel", "depthwise_kernel")
"""What layers call the weights that they quantize."""


def quantize_biases(simulated: Any) -> None:
    """Move every bias of a quantization-aware model by at most half a step of its layer's sums, in place.

    Where a normalization follows, the bias is what it and the layer add together, and the normalization moves. Biases
    stay as they are in layers that are called twice, and behind activations whose step the file's format fixes (tanh).
    """
    for wrapper in simulated.layers:
        weights = _weight_step(wrapper)
        inputs = None if weights is None or len(wrapper.inbound_nodes) > 1 else _step_before(wrapper)
        if weights is None or inputs is None:
            continue
        norm = _normalization(wrapper)
        if norm is not None:
            _put_normalization(norm, wrapper.layer, weights * inputs)
        elif wrapper.layer.use_bias:
            bias = wrapper.layer.bias
            bias.assign_add(_to_step(bias.numpy(), weights * inputs))


def _put_normalization(norm: Any, layer: Any, step: NDArray[np.float64]) -> None:
    scale = 1 / np.sqrt(norm.moving_variance.numpy() + norm.epsilon)
    scale = scale * norm.gamma.numpy() if norm.scale else scale
    bias = layer.bias.numpy() if layer.use_bias else 0.0
    added = (bias - norm.moving_mean.numpy()) * scale + (norm.beta.numpy() if norm.center else 0.0)
    move = _to_step(added, step * np.abs(scale))
    if norm.center:
        norm.beta.assign_add(move)
    else:
        norm.moving_mean.assign_sub(np.where(scale == 0, 0, move / np.where(scale == 0, 1, scale)))


def _to_step(values: NDArray[np.float32], step: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what brings ``values`` to the nearest multiple of ``step``; nothing where that is 0."""
    exact = np.asarray(values, np.float64)
    return np.where(step > 0, step * np.round(exact / np.where(step > 0, step, 1)) - exact, 0.0)


def _weight_step(wrapper: Any) -> NDArray[np.float64] | None:
    """Return what one step of the quantized kernel is worth, (channels,) or (); None for layers without."""
    found = ranges.variables(wrapper)
    for name in KERNELS:
        if f"{name}_max" in found:
            return np.asarray((found[f"{name}_max"] - found[f"{name}_min"]) / 254, np.float64)
    return None


def _step_before(layer: Any) -> float | None:
    """Return the step of the values that come to ``layer``: of the range that they were rounded to last."""
    before = layer.inbound_nodes[0].parent_nodes
    if not before:
        return None
    origin = before[0].layer
    if own := ranges.range_of(origin):
        low, high = (float(variable.numpy()) for variable in own)
        return (high - low) / 255
    return _step_before(origin) if ranges.moves_values(getattr(origin, "layer", origin)) else None


def _normalization(wrapper: Any) -> Any:
    """Return the normalization that the converter folds into the wrapped layer, or None."""
    followers = [node.outbound_layer for node in wrapper.outbound_nodes]
    follower = getattr(followers[0], "layer", None) if len(followers) == 1 else None
    return follower if type(follower).__name__ == "BatchNormalization" else None
