"""Backbones: the features of a classifier for other heads, without its top or tapped at several layers."""

from collections.abc import Iterable
from typing import Any

import tf_keras as keras

from edge.errors import InputError, unknown_name

TOP = ("pool", "flatten", "classifier_dropout", "classifier")
"""Possible names of the first layer behind a classifier's features. The earliest one in the network counts."""


def _top(model: Any) -> Any:
    first = next((layer for layer in model.layers if layer.name in TOP), None)
    if first is None:
        raise InputError(f"{model.name} has no classifier to leave out: include_top=False is for networks that do")
    return first


def without_top(model: Any) -> Any:
    """Return the model up to the input of its first layer of ``TOP``. It shares the weights of ``model``.

    Raises:
        InputError: the model has no such layer.
    """
    return keras.Model(model.inputs, _top(model).input, name=model.name)


def tap(model: Any, names: Iterable[str]) -> Any:
    """Return a model with the outputs of several layers. It shares the weights of ``model``.

    Args:
        model: a Keras model.
        names: the layers, in the order of the outputs.

    Raises:
        InputError: the model has no layer of a name; the message suggests the nearest.
    """
    known = {layer.name: layer for layer in model.layers}
    names = tuple(names)
    for name in names:
        if name not in known:
            raise unknown_name("layer", name, known)
    return keras.Model(model.inputs, [known[name].output for name in names], name=model.name)


def taps(model: Any) -> dict[int, str]:
    """Return the last layer at each total stride before the top, by stride, with names for ``tap``.

    An example is {2: "stage2_block1_expand_relu6", 4: …}. Only layers that all layers behind them depend on count, so
    that no tap lies inside a branch. Strides are powers of two in networks with padding ``same``, where a map has
    height / stride rows, rounded up. When a map of one row fits several strides, the smallest is taken.
    """
    height = model.input_shape[1]
    found: dict[int, str] = {}
    for layer in _bottlenecks(model):
        shape = layer.output_shape
        if type(layer).__name__ == "InputLayer" or not isinstance(shape, tuple) or len(shape) != 4 or shape[1] < 1:
            continue
        stride = next((1 << k for k in range(height.bit_length() + 1) if -(-height // (1 << k)) == shape[1]), 0)
        if stride:
            found[stride] = layer.name
    return found


def _bottlenecks(model: Any) -> list[Any]:
    """Return the layers before the top whose output is the only one that the layers behind them read."""
    top = next((number for number, layer in enumerate(model.layers) if layer.name in TOP), len(model.layers))
    last = {
        node.layer.name: number
        for number, layer in enumerate(model.layers)
        for node in layer.inbound_nodes[0].parent_nodes
    }
    found = []
    for number, layer in enumerate(model.layers[:top]):
        alive = [before.name for before in model.layers[: number + 1] if last.get(before.name, -1) > number]
        if alive == [layer.name]:
            found.append(layer)
    return found
