"""``clip_masks`` replaces the -1e9 of an attention mask by a number that int8 can hold beside the scores.

``clip_onnx_masks`` does so in an ONNX file.

A mask adds a very small number to the scores that a softmax must leave out. With its range an int8 sum has no step left
for the scores themselves, and all of them become equal.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.deploy._tensorflow import need
from edge.deploy.conversion.tflite_object import TFLiteObject

NOTHING = 20.0
"""How far below the largest score a score counts as nothing: exp(-20) is 2e-9, and a step of int8 is 1 / 256."""

Range = tuple[float, float]


class _Sum(NamedTuple):
    """A sum of scores and a mask that a softmax alone reads. Tensors have indices or names."""

    total: Any
    scores: Any
    mask: Any


def clip_masks(file: TFLiteObject, ranges: Mapping[int, Range]) -> dict[int, Range]:
    """Return the ranges with masks clipped, and clip those that are constants, in place.

    Args:
        file: the float file.
        ranges: the least and the largest value of each activation, by tensor index.
    """
    kinds, operations = file.schema.BuiltinOperator, list(file.operations())
    softmaxes = {int(one.inputs[0]) for code, one in operations if code == kinds.SOFTMAX}
    adds = [(int(o.outputs[0]), *map(int, o.inputs)) for code, o in operations if code == kinds.ADD]
    read = Counter(int(index) for _, one in operations for index in one.inputs)
    sums = [_Sum(t, *pair) for t, a, b in adds if t in softmaxes and read[t] == 1 for pair in ((a, b), (b, a))]
    found, clipped = _clipped(sums, ranges, {one.mask: file.constant(one.mask) for one in sums}, read)
    for mask, values in clipped.items():
        file.replace(mask, values)
    return found


def clip_onnx_masks(graph: Any, ranges: Mapping[str, Range]) -> dict[str, Range]:
    """Return the ranges with masks clipped, and clip those that are constants, in place.

    Args:
        graph: the ``GraphProto`` of a float file.
        ranges: the least and the largest value of each activation, by name.
    """
    helper, constants = need("onnx").numpy_helper, {tensor.name: tensor for tensor in graph.initializer}
    softmaxes = {node.input[0] for node in graph.node if node.op_type == "Softmax"}
    adds = [(node.output[0], *node.input) for node in graph.node if node.op_type == "Add"]
    read = Counter([name for node in graph.node for name in node.input] + [one.name for one in graph.output])
    sums = [_Sum(t, *pair) for t, a, b in adds if t in softmaxes and read[t] == 1 for pair in ((a, b), (b, a))]
    values = {one.mask: helper.to_array(constants[one.mask]) if one.mask in constants else None for one in sums}
    found, clipped = _clipped(sums, ranges, values, read)
    for mask, clip in clipped.items():
        constants[mask].CopyFrom(helper.from_array(clip, mask))
    return found


def _clipped(
    sums: Sequence[_Sum], ranges: Mapping[Any, Range], constants: Mapping[Any, Any], read: Mapping[Any, int]
) -> tuple[dict[Any, Range], dict[Any, NDArray[np.float32]]]:
    """Return the ranges with the masks and the sums clipped, and the new values of constant masks.

    A mask of several sums is clipped as the widest scores need. One that other operations read, too, stays as it is.
    """
    found, clipped = dict(ranges), dict[Any, NDArray[np.float32]]()
    for mask in {one.mask: None for one in sums}:
        own = [one for one in sums if one.mask == mask]
        values = constants[mask]
        if read[mask] != len(own) or any(one.scores not in found for one in own):
            continue
        if values is None and mask not in found:
            continue
        least, largest = found[mask] if values is None else (float(values.min()), float(values.max()))
        lowest = min(found[one.scores][0] - found[one.scores][1] for one in own) - NOTHING
        if least >= lowest:
            continue
        for one in own:
            found[one.total] = (max(found[one.total][0], found[one.scores][0] + lowest), found[one.total][1])
        if values is None:
            found[mask] = (lowest, max(largest, 0.0))
        else:
            clipped[mask] = np.maximum(values, np.float32(lowest))
    return found, clipped
