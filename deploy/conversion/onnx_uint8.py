"""``to_uint8`` writes int8 activations as uint8, for which ONNX Runtime has most of its kernels on processors.

An integer q with zero point z and q + 128 with zero point z + 128 stand for the same number, so that nothing is
computed differently. Weights stay int8: with uint8 activations and int8 weights ONNX Runtime is fastest.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from edge.deploy.conversion.onnx_edit import DEQUANTIZE, QUANTIZE, GraphEditor, reads
from edge.tensors import Quantization

SHIFT = 128

_WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
"""Operations whose second input is weights, where it is constant."""

_FIRST = (
    "DepthToSpace", "Expand", "Flatten", "Gather", "GatherND", "Identity", "MaxPool", "ReduceMax", "ReduceMin",
    "Reshape", "Resize", "Slice", "SpaceToDepth", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze",
)  # fmt: skip
_DATA = {
    **dict.fromkeys(_FIRST, slice(0, 1)),
    **dict.fromkeys(("Concat", "Max", "Min"), slice(None)),
    "Clip": slice(0, 3),
    "Where": slice(1, 3),
}
"""Operations that move or choose integers, whose results shift as their inputs do: which inputs hold the integers."""


def to_uint8(graph: GraphEditor, border: Mapping[str, Quantization]) -> dict[str, Quantization]:
    """Add 128 to all int8 tensors that are no weights, and to their zero points.

    A tensor stays int8 where an operation reads it that computes otherwise on a shifted integer, such as Cast.

    Args:
        graph: the graph, which is changed.
        border: the quantization of the inputs and outputs, by name. One that is not here stays int8.

    Returns:
        The quantization of the inputs and outputs as they are now.
    """
    shifted = _shiftable(graph, border)
    for node in list(graph.nodes):
        if node.op_type in (QUANTIZE, DEQUANTIZE) and set(_integers(graph, node)) <= shifted:
            _shift(graph, node, 2)
        for place, name in enumerate(node.input):
            if name in shifted and graph.constant(name) is not None:
                _shift(graph, node, place)
    for name in shifted & {*graph.inputs, *graph.outputs}:
        graph.set_border_type(name, np.uint8)
    return {
        name: Quantization(one.scale, one.zero_point + SHIFT) if name in shifted else one
        for name, one in border.items()
    }


def _shift(graph: GraphEditor, node: Any, place: int) -> None:
    """Let a node read a constant of int8 as uint8, 128 higher."""
    value = graph.constant(node.input[place])
    assert value is not None
    if value.dtype == np.int8:
        raised = (value.astype(np.int16) + SHIFT).astype(np.uint8)
        graph.set_input(node, place, graph.add_constant(f"{node.input[place]}_uint8", raised))


def _shiftable(graph: GraphEditor, border: Mapping[str, Quantization]) -> set[str]:
    """Return the int8 tensors that can become uint8, constants included."""
    groups = [_integers(graph, node) for node in graph.nodes]
    names = {name for group in groups for name in group}
    known = {name for name in names if _is_int8(graph, name)}
    while more := {name for group in groups if known & set(group) for name in group} - known:
        known |= more
    fixed = {name for name in (*graph.inputs, *graph.outputs) if name in known and name not in border}
    for node in graph.nodes:
        fixed |= known & _fixed_by(graph, node)
    while more := {name for group in groups if fixed & set(group) for name in group if name in known} - fixed:
        fixed |= more
    return known - fixed


def _integers(graph: GraphEditor, node: Any) -> tuple[str, ...]:
    """Return the tensors around a node that are int8 together, or uint8 together."""
    if node.op_type == QUANTIZE:
        return (node.output[0],)
    if node.op_type == DEQUANTIZE:
        return (node.input[0],)
    if node.op_type not in _DATA:
        return ()
    return (*(name for name in node.input[_DATA[node.op_type]] if name), *node.output)


def _is_int8(graph: GraphEditor, name: str) -> bool:
    """Return whether the graph itself says that a tensor is int8; what follows from that is found by its groups."""
    if (constant := graph.constant(name)) is not None:
        return constant.dtype == np.int8
    if name in graph.inputs:
        return bool(graph.inputs[name].type.tensor_type.elem_type == graph.element_type(np.int8))
    maker = graph.maker(name)
    linear = graph.linear(maker) if maker is not None and maker.op_type == QUANTIZE else None
    return linear is not None and linear.zero_point.dtype == np.int8


def _fixed_by(graph: GraphEditor, node: Any) -> set[str]:
    """Return the tensors that must stay int8 because of one node."""
    if node.op_type in (QUANTIZE, DEQUANTIZE):
        linear = graph.linear(node)
        integers = set(_integers(graph, node))
        if linear is None or linear.scale.size > 1:
            return integers
        return integers if node.op_type == DEQUANTIZE and _is_weight(graph, node) else set()
    return set() if node.op_type in _DATA else set(reads(node)) | set(node.output)


def _is_weight(graph: GraphEditor, dequantizer: Any) -> bool:
    if graph.constant(dequantizer.input[0]) is None:
        return False
    name = dequantizer.output[0]
    return any(node.op_type in _WEIGHTED and name in node.input[1:2] for node in graph.readers(name))
