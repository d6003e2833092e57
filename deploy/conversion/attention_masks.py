"""``clip_masks`` replaces the -1e9 of an attention mask by a number that int8 can hold beside the scores.

A mask adds a very small number to the scores that a softmax must leave out. With its range an int8 sum has no step left
for the scores themselves, and all of them become equal.
"""

from collections.abc import Mapping

import numpy as np

from edge.deploy.conversion.tflite_object import TFLiteObject

NOTHING = 20.0
"""How far below the largest score a score counts as nothing: exp(-20) is 2e-9, and a step of int8 is 1 / 256."""

Ranges = dict[int, tuple[float, float]]


def clip_masks(file: TFLiteObject, ranges: Mapping[int, tuple[float, float]]) -> Ranges:
    """Return the ranges with masks clipped, and clip those that are constants, in place.

    Args:
        file: the float file.
        ranges: the least and the largest value of each activation, by tensor index.
    """
    found, kinds = dict(ranges), file.schema.BuiltinOperator
    softmaxes = {int(one.inputs[0]) for code, one in file.operations() if code == kinds.SOFTMAX}
    for code, one in file.operations():
        total = int(one.outputs[0])
        if code == kinds.ADD and total in softmaxes and total in found and not file.is_shared(total):
            first, second = (int(index) for index in one.inputs)
            _clip(file, found, total, first, second)
            _clip(file, found, total, second, first)
    return found


def _clip(file: TFLiteObject, ranges: Ranges, total: int, scores: int, mask: int) -> None:
    """Clip ``mask`` where it lies so low that the sum is nothing for every one of ``scores``."""
    if scores not in ranges:
        return
    values = file.constant(mask)
    if values is None and mask not in ranges:
        return
    least, largest = ranges[scores]
    lowest = least - largest - NOTHING
    if (ranges[mask][0] if values is None else float(values.min())) >= lowest:
        return
    if values is None:
        ranges[mask] = (lowest, max(ranges[mask][1], 0.0))
    else:
        file.replace(mask, np.maximum(values, np.float32(lowest)))
    ranges[total] = (max(ranges[total][0], least + lowest), ranges[total][1])
