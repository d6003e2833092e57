"""``make_plain`` writes an ONNX file in the plainest form of the same network, which the steps after it take."""

from typing import Any

import numpy as np

from edge.deploy._tensorflow import need

CONSTANTS_ALONE = 4
"""The first version of the file format (IR) in which constants are not listed among the inputs."""


def make_plain(model: Any) -> None:
    """Make every constant an initializer that is no input, and every Gemm x W + b, in place.

    Args:
        model: a ``ModelProto`` with its weights inside.
    """
    _constants_as_initializers(model.graph)
    constants = {tensor.name for tensor in model.graph.initializer}
    for position in reversed(range(len(model.graph.input))):
        if model.graph.input[position].name in constants:
            del model.graph.input[position]
    model.ir_version = max(model.ir_version, CONSTANTS_ALONE)
    for node in model.graph.node:
        if node.op_type == "Gemm":
            _plain_gemm(model.graph, node)


def _constants_as_initializers(graph: Any) -> None:
    kept = []
    for node in graph.node:
        value = next((attribute.t for attribute in node.attribute if attribute.name == "value"), None)
        if node.op_type != "Constant" or value is None:
            kept.append(node)
            continue
        graph.initializer.add().CopyFrom(value)
        graph.initializer[-1].name = node.output[0]
    nodes = [type(node).FromString(node.SerializeToString()) for node in kept]
    del graph.node[:]
    graph.node.extend(nodes)


def _plain_gemm(graph: Any, node: Any) -> None:
    """Fold alpha into the weights and beta into the bias, which int8 kernels ignore, and make the bias a vector."""
    onnx = need("onnx")
    given = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
    constants = {tensor.name: tensor for tensor in graph.initializer}
    weights = constants.get(node.input[1])
    bias = constants.get(node.input[2]) if len(node.input) > 2 else None
    alpha, beta = given.get("alpha", 1.0), given.get("beta", 1.0)
    if weights is None or weights.data_type != onnx.TensorProto.FLOAT:
        return
    values = onnx.numpy_helper.to_array(weights)
    outputs = values.shape[0 if given.get("transB", 0) else 1]
    if bias is not None:
        vector = np.asarray(onnx.numpy_helper.to_array(bias) * np.float32(beta))
        if vector.size not in (1, outputs):
            return  # a bias for each row
        node.input[2] = _added(graph, f"{node.output[0]}/bias", np.broadcast_to(vector.reshape(-1), (outputs,)))
    elif len(node.input) > 2 and beta != 1.0:
        return
    if alpha != 1.0:
        node.input[1] = _added(graph, f"{node.output[0]}/weights", values * np.float32(alpha))
    kept = [attribute for attribute in node.attribute if attribute.name not in ("alpha", "beta")]
    del node.attribute[:]
    node.attribute.extend(kept)


def _added(graph: Any, name: str, values: Any) -> str:
    graph.initializer.append(need("onnx").numpy_helper.from_array(np.ascontiguousarray(values, np.float32), name))
    return name
