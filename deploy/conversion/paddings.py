"""``clip_paddings`` replaces the minus infinity around the input of a maximum by the input's smallest value.

Converters pad with the smallest float32 where a maximum must not see the border. With that in its range an int8 tensor
has no step left for the values, and a kernel may refuse the scale.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from edge.deploy.conversion.tflite_object import TFLiteObject

INFINITE = 1e30
"""From this magnitude on a padding stands for infinity."""

Range = tuple[float, float]


def clip_paddings(file: TFLiteObject, ranges: Mapping[int, Range]) -> dict[int, Range]:
    """Return the ranges without infinite paddings, whose constants are replaced in place.

    Args:
        file: the float file.
        ranges: the least and the largest value of each activation, by tensor index.
    """
    found = dict(ranges)
    operations = list(file.operations())
    pooled = {int(o.inputs[0]) for code, o in operations if code == file.schema.BuiltinOperator.MAX_POOL_2D}
    for code, operation in operations:
        if code == file.schema.BuiltinOperator.PADV2:
            _clip(file, operation, found, pooled)
    return found


def _clip(file: TFLiteObject, pad: Any, ranges: dict[int, Range], pooled: set[int]) -> None:
    source, _, value = map(int, pad.inputs)
    target, constant = int(pad.outputs[0]), file.constant(value)
    if constant is None or source not in ranges or target not in ranges:
        return
    least, largest = ranges[source]
    wanted = float(np.clip(constant, least, largest).item())
    read_by_maximum = target in pooled and not file.is_shared(target) and float(constant.item()) < least
    if abs(float(constant.item())) >= INFINITE or read_by_maximum:
        file.replace(value, np.full_like(constant, wanted))
        ranges[target] = ranges[source]
