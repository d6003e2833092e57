"""Where activation ranges come from: which layers share one, and where training starts from.

A concatenation that passes values of an earlier one through (ShuffleNetV2's kept half) would rescale them
for a range of its own: an extra operation and an extra rounding in every unit, and one that runtimes round
differently. Those concatenations and what they join share one range instead, as post-training conversion does.

tfmot starts every other range at -6 to 6 and moves it by a thousandth of the way per step, so a fine-tuning
of a few epochs would end with ranges that are half unused. They start from the float network's instead.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from edge.calibration.training_ranges import around_zero, outermost
from edge.deploy._tensorflow import need

MOVES_VALUES = {"MaxPooling2D", "Reshape", "Permute", "Flatten", "Dropout", "ZeroPadding2D"}
"""Keras layers whose output keeps their input's scale."""


def shared_ranges(model: Any) -> dict[str, str]:
    """Return layer name to group name for the layers that share a range.

    A group is two or more concatenations whose values reach each other unchanged, and the layers that compute
    what they join: with one range for all, nothing is rescaled on the way. It is called after its first member.
    """
    origins = {c.name: _origins(c) for c in model.layers if type(c).__name__ == "Concatenate"}
    groups: list[set[str]] = []
    for name, behind in origins.items():
        member = {name, *behind}
        # Only concatenations tie groups together: a layer that feeds two separate ones stays with its first.
        tied = [g for g in groups if g & member & origins.keys()]
        groups = [g for g in groups if g not in tied] + [member.union(*tied)]
    leaders: dict[str, str] = {}
    for group in groups:
        joined = [name for name in origins if name in group]
        if len(joined) > 1:
            leaders |= {name: leaders.get(name, joined[0]) for name in group}
    return leaders


def _origins(layer: Any) -> set[str]:
    """Return the layers whose values reach ``layer`` unchanged."""
    found = set()
    for node in layer.inbound_nodes[0].parent_nodes:
        found |= _origins(node.layer) if moves_values(node.layer) else {str(node.layer.name)}
    return found


def moves_values(layer: Any) -> bool:
    """Return whether what ``layer`` gives are values that it was given."""
    own = getattr(type(layer), "quantizes_output", None)
    return own is False or type(layer).__name__ in MOVES_VALUES


def initialize_ranges(simulated: Any, model: Any, batches: Iterable[Any]) -> None:
    """Set every activation range of ``simulated`` from what ``model``, its float original, does on ``batches``.

    batches: (n, height, width, channels) float32 inputs, normalized. A range is the mean of the batches' outermost
    percentiles: a few outliers would double the step of all other values. Zero is always inside, exact in int8.
    """
    wrappers = _ranged(simulated)
    keras = need("tf_keras")
    probe = keras.Model(model.inputs, [model.get_layer(name).output for name in wrappers])
    entry = next((layer for layer in simulated.layers if type(layer).__name__ == "QuantizeLayer"), None)
    found = []
    extremes = [0.0, 0.0]
    for batch in batches:
        extremes = [min(extremes[0], float(np.min(batch))), max(extremes[1], float(np.max(batch)))]
        outputs = probe(batch, training=False)
        outputs = outputs if isinstance(outputs, list) else [outputs]
        found.append([outermost(out) for out in outputs])
    for wrapper, (low, high) in zip(wrappers.values(), np.mean(found, 0), strict=True):
        _set_range(wrapper, min(0.0, low), max(0.0, high))
    if entry and extremes[0] < extremes[1]:
        _set_range(entry, *around_zero(*extremes))


def unify_scales(simulated: Any, model: Any) -> None:
    """Give each group of ``shared_ranges`` the widest range of its members. Call it again after training.

    While they train, members drift a little apart; a file converted then would rescale between them.
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
    """Return the wrappers that have an activation range, by the names of the layers they wrap."""
    wrappers = [layer for layer in simulated.layers if hasattr(layer, "quantize_config") and range_of(layer)]
    return {layer.name.removeprefix("quant_"): layer for layer in wrappers}


def _set_range(layer: Any, low: float, high: float) -> None:
    for variable, value in zip(range_of(layer), (low, high), strict=True):
        variable.assign(value)


def range_of(layer: Any) -> list[Any]:
    """Return the min and max variables of a wrapper's or the input's range, [] for layers that have none."""
    found = variables(layer)
    for stem in ("output", "post_activation", layer.name):
        if f"{stem}_min" in found:
            return [found[f"{stem}_min"], found[f"{stem}_max"]]
    return []


def variables(layer: Any) -> dict[str, Any]:
    """Return the variables of ``layer``, its ranges among them, by the last part of their names."""
    return {w.name.split(":")[0].split("/")[-1]: w for w in layer.weights}


def refresh_ranges(simulated: Any) -> None:
    """Set the ranges of depthwise kernels to the kernels' own, as the next step of training would.

    The last step has moved the kernels since. Of other kernels the file has the ranges that it is given.
    """
    for layer in simulated.layers:
        found = variables(layer)
        if "depthwise_kernel_max" in found:
            largest = np.abs(found["depthwise_kernel"].numpy()).max((0, 1)).ravel()
            found["depthwise_kernel_min"].assign(-largest)
            found["depthwise_kernel_max"].assign(largest)
