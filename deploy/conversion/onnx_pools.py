"""``pool_by_kernels`` writes the average of a whole map as GlobalAveragePool, an integer kernel of ONNX Runtime.

tf2onnx writes ReduceMean over height and width where the map lies with its channels last. ONNX Runtime has no integer
kernel for that, and turns the map into floating point.
"""

from typing import Any

import numpy as np

from edge.deploy.conversion.onnx_edit import DEQUANTIZE, QUANTIZE, GraphEditor

_CHANNELS_LAST, _CHANNELS_FIRST = [1, 2], [2, 3]


def pool_by_kernels(graph: GraphEditor) -> None:
    """Replace each ReduceMean over the height and width of a quantized map of four dimensions."""
    for mean in [node for node in graph.nodes if node.op_type == "ReduceMean"]:
        before, behind = graph.maker(mean.input[0]), graph.readers(mean.output[0])
        axes = [axis % 4 for axis in graph.attribute(mean, "axes", [])]
        if before is None or before.op_type != DEQUANTIZE or [node.op_type for node in behind] != [QUANTIZE]:
            continue
        if len(graph.shape(before.input[0])) == 4 and sorted(axes) in (_CHANNELS_LAST, _CHANNELS_FIRST):
            _replace(graph, mean, before, behind[0], sorted(axes) == _CHANNELS_LAST)


def _replace(graph: GraphEditor, mean: Any, dequantizer: Any, quantizer: Any, is_last: bool) -> None:
    """Put a pool between the two. The map is transposed before, and the result reshaped behind, both as integers."""
    source, scale, zero_point = dequantizer.input
    batch, channels = (graph.shape(source)[axis] for axis in (0, 3 if is_last else 1))
    if is_last:
        batch, height, width, channels = graph.shape(source)
        shape = (batch, channels, height, width)
        source = graph.add_node("Transpose", [source], graph.new_name(f"{source}_map", shape), perm=[0, 3, 1, 2])
        source = source.output[0]
    real = graph.add_node(DEQUANTIZE, [source, scale, zero_point], graph.new_name(f"{source}_real"))
    pool = graph.add_node("GlobalAveragePool", [real.output[0]], graph.new_name(f"{mean.output[0]}_pool"))
    graph.set_input(quantizer, 0, pool.output[0])
    graph.remove_unread(mean)
    graph.remove_unread(dequantizer)
    result = quantizer.output[0]
    keeps = graph.attribute(mean, "keepdims", 1)
    wanted = [batch, 1, 1, channels] if keeps and is_last else [batch, channels, 1, 1] if keeps else [batch, channels]
    graph.set_output(quantizer, graph.new_name(f"{result}_pooled", (batch, channels, 1, 1)))
    sizes = graph.add_constant("pooled_shape", np.array(wanted, np.int64))
    graph.add_node("Reshape", [quantizer.output[0], sizes], result)
