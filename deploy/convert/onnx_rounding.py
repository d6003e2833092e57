"""``round_as_tflite`` makes the quantized additions and products of an ONNX file round as those of TFLite do.

See ``alike_scales`` for how they differ, and for the scales that are written here.
"""

from typing import Any

import numpy as np

from edge.deploy.convert.alike_scales import Operand, alike_scales
from edge.deploy.convert.onnx_edit import DEQUANTIZE, QUANTIZE, GraphEditor


def round_as_tflite(graph: GraphEditor) -> None:
    """Change the scales in front of each Add or Mul of two quantized tensors whose result is quantized."""
    for node in [node for node in graph.nodes if node.op_type in ("Add", "Mul")]:
        behind = graph.readers(node.output[0])
        before = [graph.maker(name) for name in node.input]
        if [one.op_type for one in behind] != [QUANTIZE]:
            continue
        if any(one is None or one.op_type != DEQUANTIZE for one in before):
            continue
        output, a, b = (_operand(graph, one) for one in (*behind, *before))
        if output is None or a is None or b is None:
            continue
        for place, scale in enumerate(alike_scales(node.op_type, a, b, output)):
            _read_with(graph, node, place, scale)


def _operand(graph: GraphEditor, node: Any) -> Operand | None:
    """Return what a quantizer or dequantizer says of its integers; None where they are not 8 bits with one scale."""
    linear = graph.linear(node)
    if linear is None or linear.scale.size > 1 or linear.zero_point.itemsize > 1:
        return None
    limits = np.iinfo(linear.zero_point.dtype)
    constant = graph.constant(node.input[0])
    integers = np.arange(limits.min, limits.max + 1) if constant is None else np.unique(constant)
    return Operand(np.float32(linear.scale), int(linear.zero_point), integers.astype(np.int64))


def _read_with(graph: GraphEditor, node: Any, place: int, scale: np.float32) -> None:
    """Let a node read its input through a DequantizeLinear of its own, with another scale."""
    dequantizer = graph.maker(node.input[place])
    assert dequantizer is not None
    old = graph.constant(dequantizer.input[1])
    assert old is not None
    if scale == old:
        return
    constant = graph.add_constant("alike_scale", np.full(old.shape, scale, np.float32))
    name = graph.new_name(f"{node.input[place]}_alike")
    graph.add_node(DEQUANTIZE, [dequantizer.input[0], constant, dequantizer.input[2]], name)
    graph.set_input(node, place, name)
    graph.remove_unread(dequantizer)
