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
        found |= _origins(node.layer) if _moves_values(node.layer) else {str(node.layer.name)}
    return found


def _moves_values(layer: Any) -> bool:
    own = getattr(type(layer), "quantizes_output", None)
    return own is False or type(layer).__name__ in MOVES_VALUES


def start_from(simulated: Any, model: Any, batches: Iterable[Any]) -> None:
    """Set every activation range of ``simulated`` from what ``model``, its float original, does on ``batches``.

    batches: (n, height, width, channels) float32 inputs, normalized. A range is the mean of the batches'
    extremes, as the moving average would settle at.
    """
    wrappers = [layer for layer in simulated.layers if hasattr(layer, "quantize_config") and _range_of(layer)]
    names = [layer.name.removeprefix("quant_") for layer in wrappers]
    keras = need("tf_keras")
    probe = keras.Model(model.inputs, [model.get_layer(name).output for name in names])
    lows, highs = [], []
    entry = next((_range_of(layer) for layer in simulated.layers if type(layer).__name__ == "QuantizeLayer"), [])
    for batch in batches:
        if entry:
            entry[0].assign(np.minimum(entry[0].numpy(), np.min(batch)))
            entry[1].assign(np.maximum(entry[1].numpy(), np.max(batch)))
        outputs = probe(batch, training=False)
        outputs = outputs if isinstance(outputs, list) else [outputs]
        lows.append([float(np.min(out)) for out in outputs])
        highs.append([float(np.max(out)) for out in outputs])
    for wrapper, low, high in zip(wrappers, np.mean(lows, 0), np.mean(highs, 0), strict=True):
        minimum, maximum = _range_of(wrapper)
        # A shared range is set once a member and has to hold them all. Zero must be exact in int8.
        minimum.assign(np.minimum(minimum.numpy() if _is_shared(wrapper) else 0.0, low))
        maximum.assign(np.maximum(maximum.numpy() if _is_shared(wrapper) else 0.0, high))


def _range_of(layer: Any) -> list[Any]:
    """Return the min and max variables of a wrapper's or the input's range, [] for layers that have none."""
    found = {w.name.split(":")[0].split("/")[-1]: w for w in layer.non_trainable_weights}
    for stem in ("output", "post_activation", layer.name):
        if f"{stem}_min" in found:
            return [found[f"{stem}_min"], found[f"{stem}_max"]]
    return []


def _is_shared(layer: Any) -> bool:
    return type(layer.quantize_config).__name__ == "SharedRange"
