"""The activation ranges of a quantization-aware model: which layers share one, and which values training starts from.

Each unit of ShuffleNetV2 concatenates channels that an earlier concatenation already contains. If each concatenation
had its own range, every unit would rescale these values. This would add an operation and a rounding, and runtimes
round differently. Therefore such concatenations and the layers that they join share one range, as in the conversion
after training.

tfmot starts every range at -6 to 6 and follows the data with a moving average that changes by a thousandth per step.
After a few epochs of fine-tuning, half of many ranges would be unused. Therefore the ranges start from the values of
the float network.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from edge.calibration.training_ranges import around_zero, outermost
from edge.deploy._tensorflow import need

MOVES_VALUES = {"MaxPooling2D", "Reshape", "Permute", "Flatten", "Dropout", "ZeroPadding2D"}
"""Keras layers that do not change values, so that their output has the scale of their input."""


def shared_ranges(model: Any) -> dict[str, str]:
    """Find the layers that must share a range.

    A group consists of two or more concatenations that contain the same values, and of the layers that compute these
    values. With one range for the group, no value is rescaled.

    Args:
        model: the float network.

    Returns:
        The group's name for each layer that shares a range. It is the name of the group's first concatenation.
    """
    origins = {c.name: _origins(c) for c in model.layers if type(c).__name__ == "Concatenate"}
    groups: list[set[str]] = []
    for name, behind in origins.items():
        member = {name, *behind}
        # Only a common concatenation merges two groups. A layer that feeds two separate groups stays in the first.
        merged = [g for g in groups if g & member & origins.keys()]
        groups = [g for g in groups if g not in merged] + [member.union(*merged)]
    leaders: dict[str, str] = {}
    for group in groups:
        joined = [name for name in origins if name in group]
        if len(joined) > 1:
            leaders |= {name: leaders.get(name, joined[0]) for name in group}
    return leaders


def _origins(layer: Any) -> set[str]:
    """Return the names of the layers whose values reach ``layer`` unchanged."""
    found = set()
    for node in layer.inbound_nodes[0].parent_nodes:
        found |= _origins(node.layer) if moves_values(node.layer) else {str(node.layer.name)}
    return found


def moves_values(layer: Any) -> bool:
    """Return whether a layer only moves or selects values, so that its output has the scale of its input."""
    own = getattr(type(layer), "quantizes_output", None)
    return own is False or type(layer).__name__ in MOVES_VALUES


def initialize_ranges(simulated: Any, model: Any, batches: Iterable[Any]) -> None:
    """Set every activation range from the values of the float network.

    A range is the mean over the batches of the extreme percentiles of a layer's output, because a few outliers could
    double the scale. It always contains zero, which is exact in int8.

    Args:
        simulated: the quantization-aware model, whose ranges are set.
        model: the float network that it was made from.
        batches: normalized inputs, each (n, height, width, channels) float32.
    """
    wrappers = _ranged(simulated)
    keras = need("tf_keras")
    probe = keras.Model(model.inputs, [model.get_layer(name).output for name in wrappers])
    entry = next((layer for layer in simulated.layers if type(layer).__name__ == "QuantizeLayer"), None)
    found = []
    limits = [0.0, 0.0]
    for batch in batches:
        limits = [min(limits[0], float(np.min(batch))), max(limits[1], float(np.max(batch)))]
        outputs = probe(batch, training=False)
        outputs = outputs if isinstance(outputs, list) else [outputs]
        found.append([outermost(out) for out in outputs])
    for wrapper, (low, high) in zip(wrappers.values(), np.mean(found, 0), strict=True):
        _set_range(wrapper, min(0.0, low), max(0.0, high))
    if entry and limits[0] < limits[1]:
        _set_range(entry, *around_zero(*limits))


def unify_scales(simulated: Any, model: Any) -> None:
    """Give all members of a group of ``shared_ranges`` the union of their ranges.

    The ranges of a group drift apart during training, so this has to be called again after it. Otherwise the converted
    file would rescale values between the members.

    Args:
        simulated: the quantization-aware model, whose ranges are set.
        model: the float network that it was made from.
    """
    wrappers = _ranged(simulated)
    groups: dict[str, list[Any]] = {}
    for name, leader in shared_ranges(model).items():
        if name in wrappers:
            groups.setdefault(leader, []).append(wrappers[name])
    for members in groups.values():
        values = np.array([[float(v.numpy()) for v in range_of(member)] for member in members])
        for member in members:
            _set_range(member, values[:, 0].min(), values[:, 1].max())


def _ranged(simulated: Any) -> dict[str, Any]:
    """Return the wrappers with an activation range, by the name of the layer inside."""
    wrappers = [layer for layer in simulated.layers if hasattr(layer, "quantize_config") and range_of(layer)]
    return {layer.name.removeprefix("quant_"): layer for layer in wrappers}


def _set_range(layer: Any, low: float, high: float) -> None:
    for variable, value in zip(range_of(layer), (low, high), strict=True):
        variable.assign(value)


def range_of(layer: Any) -> list[Any]:
    """Return the two variables, minimum and maximum, of a layer's activation range.

    Args:
        layer: a quantization wrapper, or the layer that quantizes the input.

    Returns:
        The variables, or an empty list for a layer without an activation range.
    """
    found = variables(layer)
    for stem in ("output", "post_activation", layer.name):
        if f"{stem}_min" in found:
            return [found[f"{stem}_min"], found[f"{stem}_max"]]
    return []


def variables(layer: Any) -> dict[str, Any]:
    """Return all variables of ``layer``, including its ranges, by the last part of their names."""
    return {w.name.split(":")[0].split("/")[-1]: w for w in layer.weights}


def refresh_ranges(simulated: Any) -> None:
    """Set the ranges of depthwise kernels to the kernels' present values, as the next training step would.

    The last training step changed the kernels after their ranges were computed. Other kernels need no change, because
    the file stores the ranges that they have.

    Args:
        simulated: the quantization-aware model, whose ranges are set.
    """
    for layer in simulated.layers:
        found = variables(layer)
        if "depthwise_kernel_max" in found:
            largest = np.abs(found["depthwise_kernel"].numpy()).max((0, 1)).ravel()
            found["depthwise_kernel_min"].assign(-largest)
            found["depthwise_kernel_max"].assign(largest)
