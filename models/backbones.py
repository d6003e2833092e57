"""A classifier's features for other heads: without its top, or tapped at the layers that a head asks for."""

from collections.abc import Iterable
from typing import Any

import tf_keras as keras

from edge.errors import InputError, unknown_name

TOP = ("pool", "flatten", "classifier_dropout", "classifier")
"""Names that a classifier's first layer behind its features may have; the earliest in the network counts."""


def _top(model: Any) -> Any:
    first = next((layer for layer in model.layers if layer.name in TOP), None)
    if first is None:
        raise InputError(f"{model.name} has no classifier to leave out: include_top=False is for networks that do")
    return first


def without_top(model: Any) -> Any:
    """Return ``model`` up to its last features: what its first layer of ``TOP`` reads. Weights are shared."""
    return keras.Model(model.inputs, _top(model).input, name=model.name)


def tap(model: Any, names: Iterable[str]) -> Any:
    """Return ``model`` with the outputs of the layers ``names``, in their order. Weights are shared.

    Raises InputError for a name that the network does not have, with the nearest.
    """
    known = {layer.name: layer for layer in model.layers}
    names = tuple(names)
    for name in names:
        if name not in known:
            raise unknown_name("layer", name, known)
    return keras.Model(model.inputs, [known[name].output for name in names], name=model.name)


def taps(model: Any) -> dict[int, str]:
    """Return the last layer at each total stride, before the top: {2: "stage2_block1_expand_relu6", 4: …}.

    Only layers that everything behind them depends on, so that no tap lies inside a branch.
    Strides are powers of two, of networks with padding ``same``: a map has height / stride rows, rounded up. Where
    maps of one row leave more than one that fits, the least counts. The names are for ``tap``.
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
    """Return the layers before the top whose output is all that the layers behind them read."""
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
