"""``drop_clamps`` removes Clip and Relu where the quantizer behind them saturates at the same values.

ONNX Runtime makes one integer kernel of a convolution only when QuantizeLinear follows it at once. Quantizing is
monotonic, so that clamping and quantizing gives the same integers as quantizing and clamping the integers, which is
also how TFLite's kernels apply the activation inside an operation. Where the bounds of the clamp are the limits of the
integers, nothing is left to clamp.
"""

from typing import Any

import numpy as np

from edge.deploy.conversion.onnx_edit import QUANTIZE, GraphEditor, Linear


def drop_clamps(graph: GraphEditor) -> None:
    """Move every Clip and Relu with constant bounds behind the QuantizeLinear that reads it, or leave it out there."""
    for clamp in [node for node in graph.nodes if node.op_type in ("Clip", "Relu")]:
        bounds = _bounds(graph, clamp)
        for reader in graph.readers(clamp.output[0]):
            linear = graph.linear(reader)
            if bounds and linear and reader.op_type == QUANTIZE and linear.scale.size == 1:
                _clamp_behind(graph, clamp, reader, linear, bounds)
        graph.remove_unread(clamp)


def _bounds(graph: GraphEditor, clamp: Any) -> tuple[float, float] | None:
    """Return the least and the greatest value behind a clamp; None where one is no constant."""
    if clamp.op_type == "Relu":
        return 0.0, np.inf
    found = [-np.inf, np.inf]
    for place, name in enumerate(clamp.input[1:3]):
        if name:
            value = graph.constant(name)
            if value is None:
                return None
            found[place] = float(value)
    return found[0], found[1]


def _clamp_behind(graph: GraphEditor, clamp: Any, quantizer: Any, linear: Linear, bounds: tuple[float, float]) -> None:
    graph.set_input(quantizer, 0, clamp.input[0])
    limits = np.iinfo(linear.zero_point.dtype)
    integers = [linear.quantize(bound) for bound in bounds]
    if integers == [limits.min, limits.max]:
        return
    clamped = quantizer.output[0]
    graph.set_output(quantizer, graph.new_name(f"{clamped}_unclamped"))
    dtype = linear.zero_point.dtype
    edges = [graph.add_constant("clamp", np.array(integer, dtype)) for integer in integers]
    graph.add_node("Clip", [quantizer.output[0], *edges], clamped)
