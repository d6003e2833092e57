"""``round_as_tflite`` makes the quantized additions, products and averages of an ONNX file round as those of TFLite do.

See ``alike_scales`` and ``alike_means`` for how they differ, and for the scales that are written here.
"""

from typing import Any

import numpy as np

from edge.deploy.conversion.alike_means import Scaling, alike_scale
from edge.deploy.conversion.alike_scales import Operand, alike_scales
from edge.deploy.conversion.onnx_edit import DEQUANTIZE, QUANTIZE, GraphEditor

_TIES = 2.0**-15
"""It moves an average that lies in the middle between two steps, and moves no other average to the middle."""
_MOST_POSITIONS = 100
"""Windows with more positions have averages so near to the middle that ``_TIES`` would move them across."""


def round_as_tflite(graph: GraphEditor) -> None:
    """Change the scales in front of operations on quantized tensors whose result is quantized."""
    for node in list(graph.nodes):
        behind = graph.readers(node.output[0])
        before = [graph.maker(name) for name in node.input]
        if [one.op_type for one in behind] != [QUANTIZE]:
            continue
        if any(one is None or one.op_type != DEQUANTIZE for one in before):
            continue
        operands = [_operand(graph, one) for one in (*behind, *before)]
        known = [one for one in operands if one is not None]
        if len(known) < len(operands):
            continue
        if node.op_type in ("Add", "Mul"):
            for place, scale in enumerate(alike_scales(node.op_type, known[1], known[2], known[0])):
                _read_with(graph, node, place, scale)
        elif node.op_type == "GlobalAveragePool":
            _average_alike(graph, node, known[1], known[0])
        elif node.op_type == "AveragePool" and known[0][:2] == known[1][:2]:
            _round_from_zero(graph, node, behind[0], known[0])


def _average_alike(graph: GraphEditor, pool: Any, given: Operand, output: Operand) -> None:
    maker = graph.maker(pool.input[0])
    assert maker is not None
    count = int(np.prod(graph.shape(maker.input[0])[2:], dtype=np.int64))
    if count:
        a, b = (Scaling(one.scale, one.zero_point - one.middle) for one in (given, output))
        _read_with(graph, pool, 0, alike_scale(a, b, count))


def _round_from_zero(graph: GraphEditor, pool: Any, quantizer: Any, output: Operand) -> None:
    """Let averages in the middle between two steps go away from int8's 0, as TFLite's own kernel does.

    It averages the integers, whatever their zero point, so that 0 can stand in for it on both sides of the pool.
    """
    count = int(np.prod(graph.attribute(pool, "kernel_shape", [0])))
    if count > _MOST_POSITIONS or graph.attribute(pool, "count_include_pad", 0):
        return
    linear = graph.linear(quantizer)
    assert linear is not None
    zero = graph.add_constant("middle", np.array(output.middle, linear.zero_point.dtype))
    _read_with(graph, pool, 0, np.float32(output.scale * (1 + _TIES)), zero)
    graph.set_input(quantizer, 2, zero)


def _operand(graph: GraphEditor, node: Any) -> Operand | None:
    """Return what a quantizer or dequantizer says of its integers; None where they are not 8 bits with one scale."""
    linear = graph.linear(node)
    if linear is None or linear.scale.size > 1 or linear.zero_point.itemsize > 1:
        return None
    limits = np.iinfo(linear.zero_point.dtype)
    constant = graph.constant(node.input[0])
    integers = np.arange(limits.min, limits.max + 1) if constant is None else np.unique(constant)
    scale, middle = np.float32(linear.scale.item()), (limits.min + limits.max + 1) // 2
    return Operand(scale, linear.zero_point.item(), integers.astype(np.int64), middle)


def _read_with(graph: GraphEditor, node: Any, place: int, scale: np.float32, zero_point: str = "") -> None:
    """Let a node read its input through a DequantizeLinear of its own, with another scale, and zero point if given."""
    dequantizer = graph.maker(node.input[place])
    assert dequantizer is not None
    old = graph.constant(dequantizer.input[1])
    assert old is not None
    if scale == old:
        return
    constant = graph.add_constant("alike_scale", np.full(old.shape, scale, np.float32))
    name = graph.new_name(f"{node.input[place]}_alike")
    graph.add_node(DEQUANTIZE, [dequantizer.input[0], constant, zero_point or dequantizer.input[2]], name)
    graph.set_input(node, place, name)
    graph.remove_unread(dequantizer)
