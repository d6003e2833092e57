"""``takes_pixels`` tells networks that scale their pixels themselves, by the arithmetic that meets the input first.

A network may begin with a Rescaling or Normalization layer, with ``preprocess_input`` of ``keras.applications``, or
with plain arithmetic on tensors. In the frozen graph all of these are multiplications, divisions and subtractions of
constants. Where they divide by a large number, or subtract one, the network takes pixels from 0 to 255.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.deploy._tensorflow import need
from edge.deploy.conversion.freeze import node_of

LARGE = 50.0
"""A divisor of pixels from 0 to 255 is larger; usual ones are 255, 127.5, and a standard deviation near 58."""

LARGE_MEAN = 20.0
"""A mean of pixels from 0 to 255 is larger; usual ones are 127.5, and 103.9 to 123.7 for ImageNet's channels."""

_PASSED = """
Cast Concat ConcatV2 CropAndResize EnsureShape ExpandDims FakeQuantWithMinMaxVars GatherV2 Identity IdentityN MirrorPad
Pack Pad PadV2 PlaceholderWithDefault Reshape ResizeArea ResizeBicubic ResizeBilinear ResizeNearestNeighbor ReverseV2
Slice Split SplitV Squeeze StopGradient StridedSlice Transpose Unpack
"""
PASSED = set(_PASSED.split())
"""Operations after which pixels are still pixels."""

SCALING = {"Mul", "RealDiv", "Div", "Sub", "Add", "AddV2", "BiasAdd", "Maximum", "Minimum"}
"""Arithmetic with a constant that may scale or clip pixels. What follows it is looked at, too."""


def takes_pixels(graph: Any, inputs: Iterable[str]) -> bool:
    """Return whether a frozen graph scales an input of pixels from 0 to 255 itself.

    Args:
        graph: the ``GraphDef``, without variables.
        inputs: the names of the input nodes.
    """
    return any(_is_large(node, value) for node, value in _first_arithmetic(graph, list(inputs)))


def scales_first(graph: Any, inputs: Iterable[str]) -> bool:
    """Return whether a frozen graph begins with arithmetic with constants on its input, of whatever size."""
    return any(True for _ in _first_arithmetic(graph, list(inputs)))


def _first_arithmetic(graph: Any, waiting: list[str]) -> Iterator[tuple[Any, NDArray[Any]]]:
    """Yield the arithmetic with constants that follows the inputs, before anything else, with the constants."""
    nodes = {node.name: node for node in graph.node}
    readers: dict[str, list[Any]] = {}
    for node in graph.node:
        for name in map(node_of, node.input):
            readers.setdefault(name, []).append(node)
    seen = set(waiting)
    while waiting:
        name = waiting.pop()
        for node in readers.get(name, []):
            if node.name in seen:
                continue
            if node.op in SCALING:
                other = next((one for one in map(node_of, node.input) if one != name), name)
                value = _constant(nodes, other)
                if value is None:
                    continue
                yield node, value
            elif node.op not in PASSED:
                continue
            seen.add(node.name)
            waiting.append(node.name)


def _is_large(node: Any, value: NDArray[Any]) -> bool:
    """Return whether arithmetic with a constant makes numbers near 1 of pixels."""
    size = np.abs(value.astype(np.float64))
    if not size.size:
        return False
    if node.op == "Mul":
        return bool(0 < size.max() < 1 / LARGE)
    if node.op in ("RealDiv", "Div"):
        return bool(size.min() > LARGE)
    return node.op in ("Sub", "Add", "AddV2", "BiasAdd") and bool(size.min() > LARGE_MEAN)


def _constant(nodes: Mapping[str, Any], name: str) -> NDArray[Any] | None:
    """Return the value of a constant, also behind a cast or a reshape; None for anything else."""
    node = nodes.get(name)
    while node is not None and node.op in ("Identity", "Cast", "Reshape", "ExpandDims", "Squeeze"):
        node = nodes.get(node_of(node.input[0]))
    if node is None or node.op != "Const":
        return None
    value: NDArray[Any] = need("tensorflow").make_ndarray(node.attr["value"].tensor)
    return value if value.dtype.kind in "fiu" else None
