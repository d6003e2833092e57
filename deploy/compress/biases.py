"""Biases where the int8 file has them.

The file stores a bias as a whole number of steps of its sums, input step times weight step. Training has it anywhere
between, so the file's sums are off by up to half a step: too little to matter once, enough to turn one value in five
hundred of every layer to the next byte. Behind fifty layers one image in a hundred gets another answer. Put on a step
beforehand, biases are the same numbers in both, and the quantization-aware model is what the file computes.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.deploy.compress import ranges

KERNELS = ("kernel", "depthwise_kernel")


def put_on_steps(simulated: Any) -> None:
    """Move every bias of a quantization-aware model by at most half a step of its layer's sums, in place.

    Where a normalization follows, the bias is what it and the layer add together, and the normalization's beta moves.
    """
    for wrapper in simulated.layers:
        weights = _weight_step(wrapper)
        inputs = None if weights is None else _step_of(wrapper.inbound_nodes[0].parent_nodes[0].layer)
        if weights is None or inputs is None:
            continue
        norm = _normalization(wrapper)
        if norm is None and wrapper.layer.use_bias:
            _put(wrapper.layer.bias, 0.0, weights * inputs)
        elif norm is not None and norm.center:
            scale = 1 / np.sqrt(norm.moving_variance.numpy() + norm.epsilon)
            scale = scale * norm.gamma.numpy() if norm.scale else scale
            bias = wrapper.layer.bias.numpy() if wrapper.layer.use_bias else 0.0
            _put(norm.beta, (bias - norm.moving_mean.numpy()) * scale, weights * inputs * np.abs(scale))


def _put(variable: Any, rest: NDArray[np.float32] | float, step: NDArray[np.float32]) -> None:
    """Move ``variable`` so that it and ``rest`` add up to a multiple of ``step``; a step of 0 has none."""
    total = np.asarray(variable.numpy() + rest, np.float64)
    wanted = np.where(step > 0, step * np.round(total / np.where(step > 0, step, 1)), total)
    variable.assign_add(wanted - total)


def _weight_step(wrapper: Any) -> NDArray[np.float64] | None:
    """Return what one step of the quantized kernel is worth, (channels,) or (); None for layers without."""
    found = {w.name.split(":")[0].split("/")[-1]: w.numpy() for w in wrapper.non_trainable_weights}
    for name in KERNELS:
        if f"{name}_max" in found:
            return np.asarray((found[f"{name}_max"] - found[f"{name}_min"]) / 254, np.float64)
    return None


def _step_of(layer: Any) -> float | None:
    """Return the step of what ``layer`` gives: its range's, or what comes to it unchanged; None before any range."""
    if own := ranges.range_of(layer):
        low, high = (float(variable.numpy()) for variable in own)
        return (high - low) / 255
    before = layer.inbound_nodes[0].parent_nodes
    return _step_of(before[0].layer) if before else None


def _normalization(wrapper: Any) -> Any:
    """Return the normalization that the converter folds into the wrapped layer, or None."""
    followers = [node.outbound_layer for node in wrapper.outbound_nodes]
    follower = getattr(followers[0], "layer", None) if len(followers) == 1 else None
    return follower if type(follower).__name__ == "BatchNormalization" else None
