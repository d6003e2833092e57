"""The last operation that changes an output's values: what tells probabilities from scores that need a softmax."""

from typing import Any

from edge.deploy.convert.freeze import Frozen, node_of

NAMED = {"Softmax": "softmax", "Sigmoid": "sigmoid"}
"""TensorFlow's operations, by the names that ``edge.decoders`` and the tasks use."""

THROUGH = {"Identity", "IdentityN", "Reshape", "Squeeze", "ExpandDims", "Transpose", "StopGradient", "Cast"}
THROUGH |= {"FakeQuantWithMinMaxVars", "FakeQuantWithMinMaxVarsPerChannel", "FakeQuantWithMinMaxArgs"}
"""Operations that leave the values as they are, but for quantization."""

JOINING = {"ConcatV2": slice(0, -1), "Pack": slice(None)}
"""Operations that put values of several tensors together, and which of their inputs those are."""


def ends(frozen: Frozen) -> dict[str, str | None]:
    """Return ``softmax``, ``sigmoid`` or None for each output, by name."""
    nodes = {node.name: node for node in frozen.graph.node}
    return {name: _end(nodes, nodes[tensor.op.name]) for name, tensor in frozen.outputs.items()}


def _end(nodes: dict[str, Any], node: Any) -> str | None:
    while node.op in THROUGH:
        node = nodes[node_of(node.input[0])]
    if node.op in JOINING:
        data = [name for name in node.input if not name.startswith("^")][JOINING[node.op]]
        found = {_end(nodes, nodes[node_of(name)]) for name in data}
        return found.pop() if len(found) == 1 else None
    return NAMED.get(node.op)
