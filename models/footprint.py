"""The footprint of a network: its receptive field and the peak of its activations, from the Keras graph."""

import math
from fractions import Fraction
from typing import Any

ALIASES = {"BatchNormalization", "ReLU", "LeakyReLU", "Activation", "Dropout", "SpatialDropout1D", "Reshape", "Flatten"}
"""Layers without memory of their own: a runtime fuses them into the layer before, or they only rename its values."""

GLOBAL = {"GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D", "GlobalMaxPooling1D"}


def activation_peak(model: Any) -> int:
    """Return the largest number of activation values alive at once, at batch 1.

    It is the number of bytes in int8, and a quarter of the bytes in float32. A value is alive from the layer that
    computes it to the last layer that reads it. As in TFLite's memory planner, the layers run in the model's order, and
    none works in place.
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
    """Return the name of the layer in whose memory the output of ``layer`` lies."""
    while type(layer).__name__ in ALIASES:
        layer = _parents(layer)[0]
    return str(layer.name)


def _values(layer: Any) -> int:
    shapes = layer.output_shape if isinstance(layer.output_shape, list) else [layer.output_shape]
    return sum(math.prod(shape[1:]) for shape in shapes)


def receptive_field(model: Any, layer: str | None = None) -> int | None:
    """Return how many input rows one value of a layer depends on, padding included.

    The formula is from Araujo et al. 2019, "Computing receptive fields of convolutional neural networks",
    https://distill.pub/2019/computing-receptive-fields, section "Solving receptive field size". A layer with kernel k
    adds k - 1 steps, and a step is the product of the strides before it. Gates that are computed from a global mean
    (squeeze-and-excitation) do not count.

    Args:
        model: a Keras model.
        layer: the layer's name; None for the last layer.

    Returns:
        The number of rows; None when no convolution slides over the input, or when a value depends on all rows.
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
    """Return the size of the receptive field and the step behind ``layer``, in input rows."""
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
    """Return the first dimension of the first attribute that the layer has, or 1 when it has none."""
    for name in names:
        value = getattr(layer, name, None)
        if value is not None:
            return int(value[0] if isinstance(value, (tuple, list)) else value)
    return 1
