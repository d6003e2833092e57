"""``quantize_biases`` rounds the biases of a quantization-aware model as its int8 file stores them.

The file stores a bias as an int32 whose scale is the scale of the input times the scale of the weights (Jacob et al.
2018, https://arxiv.org/abs/1712.05877, section 2.4). Training does not round biases, so that the file's accumulators
are off by up to half a step. This changes about one output value in a thousand of each layer by one step. After fifty
layers it changes the answer for one image in a hundred. With rounded biases the model computes what its file computes.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.deploy.compress import ranges

KERNELS = ("kernel", "depthwise_kernel")
"""The names of the weights that layers quantize."""


def quantize_biases(simulated: Any) -> None:
    """Round every bias to a multiple of its layer's accumulator scale, in place.

    Where a batch normalization follows, the sum of both biases is rounded, by a change of the normalization. Biases of
    layers that are called twice are not changed, nor are those behind activations whose scale is fixed by the file
    format, such as tanh.

    Args:
        simulated: a quantization-aware model.
    """
    for wrapper in simulated.layers:
        weight_scale = _weight_scale(wrapper)
        input_scale = None if weight_scale is None or len(wrapper.inbound_nodes) > 1 else _input_scale(wrapper)
        if weight_scale is None or input_scale is None:
            continue
        norm = _normalization(wrapper)
        if norm is not None:
            _quantize_normalization(norm, wrapper.layer, weight_scale * input_scale)
        elif wrapper.layer.use_bias:
            bias = wrapper.layer.bias
            bias.assign_add(_rounding(bias.numpy(), weight_scale * input_scale))


def _quantize_normalization(norm: Any, layer: Any, step: NDArray[np.float64]) -> None:
    """Change beta, or the moving mean, so that the folded bias of ``layer`` and ``norm`` is a multiple of its scale."""
    scale = 1 / np.sqrt(norm.moving_variance.numpy() + norm.epsilon)
    scale = scale * norm.gamma.numpy() if norm.scale else scale
    bias = layer.bias.numpy() if layer.use_bias else 0.0
    added = (bias - norm.moving_mean.numpy()) * scale + (norm.beta.numpy() if norm.center else 0.0)
    move = _rounding(added, step * np.abs(scale))
    if norm.center:
        norm.beta.assign_add(move)
    else:
        norm.moving_mean.assign_sub(np.where(scale == 0, 0, move / np.where(scale == 0, 1, scale)))


def _rounding(values: NDArray[np.float32], step: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the differences from ``values`` to the nearest multiples of ``step``, and 0 where ``step`` is 0."""
    exact = np.asarray(values, np.float64)
    return np.where(step > 0, step * np.round(exact / np.where(step > 0, step, 1)) - exact, 0.0)


def _weight_scale(wrapper: Any) -> NDArray[np.float64] | None:
    """Return the scale of the quantized kernel, (channels,) or (). None for a layer without a kernel."""
    found = ranges.variables(wrapper)
    for name in KERNELS:
        if f"{name}_max" in found:
            return np.asarray((found[f"{name}_max"] - found[f"{name}_min"]) / 254, np.float64)
    return None


def _input_scale(layer: Any) -> float | None:
    """Return the scale of the last quantization before ``layer``. None when it is unknown."""
    before = layer.inbound_nodes[0].parent_nodes
    if not before:
        return None
    origin = before[0].layer
    if own := ranges.range_of(origin):
        low, high = (float(variable.numpy()) for variable in own)
        return (high - low) / 255
    return _input_scale(origin) if ranges.moves_values(getattr(origin, "layer", origin)) else None


def _normalization(wrapper: Any) -> Any:
    """Return the batch normalization that the converter folds into the wrapped layer, or None."""
    followers = [node.outbound_layer for node in wrapper.outbound_nodes]
    follower = getattr(followers[0], "layer", None) if len(followers) == 1 else None
    return follower if type(follower).__name__ == "BatchNormalization" else None
