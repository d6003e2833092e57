"""How much of its input a network sees, and how many values it must hold at once: from the Keras graph."""

import math
from fractions import Fraction
from typing import Any

ALIASES = {"BatchNormalization", "ReLU", "LeakyReLU", "Activation", "Dropout", "SpatialDropout1D", "Reshape", "Flatten"}
"""Layers that a runtime fuses into the one before or that only rename its values: they hold nothing of their own."""

GLOBAL = {"GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D", "GlobalMaxPooling1D"}


def activation_peak(model: Any) -> int:
    """Return the most activation values alive at once, batch 1; bytes in int8, a quarter of the bytes in float32.

    A value lives from the layer that computes it to the last that reads it; layers run in the model's order, none
    in place, as TFLite's memory planner does it.
    """
    last: dict[str, int] = {}
    for step, layer in enumerate(model.layers):
        for parent in _parents(layer):
            last[_holder(parent)] = step
    for name in model.output_names:
        last[_holder(model.get_layer(name))] = len(model.layers)
    alive: dict[str, int] = {}
    peak = 0
    for step, layer in enumerate(model.layers):
        if _holder(layer) == layer.name:
            alive[layer.name] = _values(layer)
            peak = max(peak, sum(alive.values()))
        alive = {name: size for name, size in alive.items() if last.get(name, -1) > step}
    return peak


def _parents(layer: Any) -> list[Any]:
    return [node.layer for node in layer.inbound_nodes[0].parent_nodes]


def _holder(layer: Any) -> str:
    """Return the name of the layer whose memory ``layer`` writes to."""
    while type(layer).__name__ in ALIASES:
        layer = _parents(layer)[0]
    return str(layer.name)


def _values(layer: Any) -> int:
    shapes = layer.output_shape if isinstance(layer.output_shape, list) else [layer.output_shape]
    return sum(math.prod(shape[1:]) for shape in shapes)


def receptive_field(model: Any, layer: str | None = None) -> int | None:
    """Return how many input rows one value of ``layer`` (default: the last) depends on, padding included.

    Computing receptive fields of convolutional neural networks (Araujo et al. 2019,
    https://distill.pub/2019/computing-receptive-fields), section "Solving receptive field size": a layer of kernel k
    adds (k - 1) input steps, of the product of the strides before it. Gates from a global mean (squeeze-excite) are
    left out. None when there is no convolution that slides, or everything is seen.
    """
    seen: dict[str, tuple[Fraction, Fraction] | None] = {}
    for entry in model.layers:
        before = [seen[parent.name] for parent in _parents(entry)]
        known = [field for field in before if field is not None]
        if not before:
            seen[entry.name] = (Fraction(1), Fraction(1))
        elif not known or type(entry).__name__ in GLOBAL or type(entry).__name__ in ("Dense", "Flatten"):
            seen[entry.name] = None
        else:
            seen[entry.name] = _widened(entry, max(size for size, _ in known), max(step for _, step in known))
    found = seen[layer or model.layers[-1].name]
    return None if found is None else int(found[0])


def _widened(layer: Any, size: Fraction, step: Fraction) -> tuple[Fraction, Fraction]:
    """Return size and step, in input rows, behind ``layer``."""
    kernel = _first(layer, "kernel_size", "pool_size") if not hasattr(layer, "size") else 1
    stride, dilation = _first(layer, "strides", "stride"), _first(layer, "dilation_rate")
    name = type(layer).__name__
    if name.endswith("Transpose"):
        return size + (-(-kernel // stride) - 1) * step, step / stride
    if name.startswith("UpSampling"):
        smooth = getattr(layer, "interpolation", "nearest") != "nearest"
        return size + smooth * step, step / _first(layer, "size")
    if hasattr(layer, "size"):  # our own pooling
        kernel = _first(layer, "size")
    return size + (kernel - 1) * dilation * step, step * stride


def _first(layer: Any, *names: str) -> int:
    """Return the first dimension of the first attribute there is, 1 for none."""
    for name in names:
        value = getattr(layer, name, None)
        if value is not None:
            return int(value[0] if isinstance(value, (tuple, list)) else value)
    return 1
