"""``keep_pads`` keeps ONNX Runtime from merging the zeros around a maximum's input into the maximum.

Its optimizer Pad_Fusion (seen in 1.31) makes one MaxPool of a Pad of zeros and a MaxPool, whose own padding counts as
minus infinity. Where all values are negative, the maximum is then wrong; ResNetV2 has such a pool. The optimizer leaves
other paddings alone, and the smallest normal number is as good as zero.
"""

from typing import Any

import numpy as np

from edge.deploy._tensorflow import need

MERGE_PADS = "Pad_Fusion"
"""The optimizer's name."""

NEARLY_ZERO = np.float32(np.finfo(np.float32).tiny)


def keep_pads(graph: Any) -> None:
    """Change the Pads of zeros that a MaxPool reads, in place.

    Args:
        graph: the ``GraphProto`` of a file of opset 11 or later.
    """
    helper = need("onnx").numpy_helper
    constants = {tensor.name: tensor for tensor in graph.initializer}
    pooled = {node.input[0] for node in graph.node if node.op_type == "MaxPool"}
    for node in graph.node:
        if node.op_type != "Pad" or node.output[0] not in pooled:
            continue
        if len(node.input) > 2 and node.input[2] and not _is_zero(constants.get(node.input[2]), helper):
            continue
        name = f"{node.output[0]}/nearly_zero"
        graph.initializer.append(helper.from_array(np.asarray(NEARLY_ZERO), name))
        rest = list(node.input)[3:]
        del node.input[2:]
        node.input.extend([name, *rest])


def _is_zero(value: Any | None, helper: Any) -> bool:
    """Return whether a constant is a float32 zero. None stands for a value that is computed."""
    array = None if value is None else helper.to_array(value)
    return array is not None and array.dtype == np.float32 and not np.any(array)
