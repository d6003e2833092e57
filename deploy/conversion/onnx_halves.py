"""``to_float16`` stores the weights of an ONNX file as numbers of 16 bits: half the size, as TFLite's float16 files."""

from typing import Any

import numpy as np

from edge.deploy._tensorflow import need
from edge.deploy.conversion.onnx_plain import make_plain

LEAST = 16
"""Constants with fewer values stay as they are: scales, axes, bounds."""


def to_float16(content: bytes) -> bytes:
    """Return the file with float16 weights, each followed by a Cast to float32, which a runtime folds as it loads.

    The network computes in float32, on any processor. Weights beyond the largest float16, 65,504, stay float32.

    Args:
        content: a float32 ONNX file.
    """
    onnx = need("onnx")
    model = onnx.load_from_string(content)
    make_plain(model)
    graph, casts, weights = model.graph, [], []
    for tensor in graph.initializer:
        half = _half(onnx, tensor)
        if half is None:
            weights.append(tensor)
            continue
        weights.append(onnx.numpy_helper.from_array(half, f"{tensor.name}_float16"))
        casts.append(onnx.helper.make_node("Cast", [weights[-1].name], [tensor.name], to=onnx.TensorProto.FLOAT))
    nodes = list(graph.node)
    for whole, parts in ((graph.initializer, weights), (graph.node, casts + nodes)):
        del whole[:]
        whole.extend(parts)
    return bytes(model.SerializeToString())


def _half(onnx: Any, tensor: Any) -> Any:
    """Return a constant as float16, or None where it must keep its type."""
    if tensor.data_type != onnx.TensorProto.FLOAT:
        return None
    values = onnx.numpy_helper.to_array(tensor)
    if values.size < LEAST or not np.abs(values).max() <= np.finfo(np.float16).max:
        return None
    return values.astype(np.float16)
