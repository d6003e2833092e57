"""``clip_saturated`` narrows the range of what only a sigmoid or tanh reads to where its 256 values differ.

The int8 output of a sigmoid has steps of 1/256. From a logit of 5.1 on it is always 255 of them, below -6.2 always 0.
A range from -20 to 10, as detectors have before their scores, wastes two of three steps on logits that give the same
score.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from edge.deploy.conversion.tflite_object import TFLiteObject

Range = tuple[float, float]

SATURATED: Mapping[str, Range] = {"LOGISTIC": (-6.5, 5.4), "TANH": (-3.3, 2.8)}
"""Where the output has its smallest and its largest int8 value for certain.

sigmoid(x) * 256 is below 0.5 for x < -6.24 and above 254.5 for x > 5.13; tanh(x) * 128 is below -127.5 for x < -3.12
and above 126.5 for x > 2.57. The rest is a margin of a few steps, as zero must be one of them.
"""

PASSING = (
    *("RESHAPE", "CONCATENATION", "TRANSPOSE", "SQUEEZE", "EXPAND_DIMS", "SLICE", "STRIDED_SLICE", "SPLIT", "SPLIT_V"),
    *("PACK", "UNPACK", "GATHER", "TILE", "PAD", "MIRROR_PAD", "MAX_POOL_2D", "RESIZE_NEAREST_NEIGHBOR"),
    *("DEPTH_TO_SPACE", "SPACE_TO_DEPTH", "BATCH_TO_SPACE_ND", "SPACE_TO_BATCH_ND", "DYNAMIC_UPDATE_SLICE"),
)
"""Operations that move values or choose among them, so that it is the same to clip before or behind them.

Their int8 form has one scale for inputs and outputs. TFLite's quantizer gives what is concatenated that of the output.
"""


def clip_saturated(file: TFLiteObject, ranges: Mapping[int, Range]) -> dict[int, Range]:
    """Return the ranges, narrowed before sigmoids and tanhs, also behind operations of PASSING.

    An operation of PASSING has either all its tensors narrowed or none, because they get one scale.

    Args:
        file: the float file, whose operations all get int8 forms.
        ranges: the least and the largest value of each activation, by tensor index.
    """
    passing = {getattr(file.schema.BuiltinOperator, name) for name in PASSING}
    groups = [_tensors(one, ranges) for code, one in file.operations() if code in passing]
    candidates, narrowed = set(ranges), _narrowed(file, ranges)
    while torn := [group for group in groups if narrowed.keys() & group and group - narrowed.keys()]:
        candidates.difference_update(*torn)
        narrowed = _narrowed(file, candidates)
    return dict(ranges) | {index: _clipped(ranges[index], bounds) for index, bounds in narrowed.items()}


def _narrowed(file: TFLiteObject, candidates: Collection[int]) -> dict[int, Range]:
    """Return the values that are of use of each of the candidates that only a sigmoid or tanh reads."""
    kinds = file.schema.BuiltinOperator
    limits = {getattr(kinds, name): bounds for name, bounds in SATURATED.items()}
    passing = {getattr(kinds, name) for name in PASSING}
    operations = list(file.operations())
    read = Counter(int(index) for _, one in operations for index in one.inputs) + Counter(file.outputs())
    narrowed = dict[int, Range]()
    for code, operation in reversed(operations):
        bounds = limits.get(code)
        if code in passing:
            bounds = _joined([narrowed.get(int(index)) for index in operation.outputs])
        for index in map(int, operation.inputs):
            if bounds is not None and read[index] == 1 and index in candidates:
                narrowed[index] = bounds
    return narrowed


def _tensors(operation: Any, known: Collection[int]) -> set[int]:
    """Return the known tensors among the inputs and outputs of an operation."""
    return {index for index in map(int, (*operation.inputs, *operation.outputs)) if index in known}


def _joined(bounds: list[Range | None]) -> Range | None:
    """Return the widest of the ranges that an operation's outputs need. None where one of them needs all its values."""
    known = [one for one in bounds if one is not None]
    return (min(a for a, _ in known), max(b for _, b in known)) if len(known) == len(bounds) else None


def _clipped(observed: Range, bounds: Range) -> Range:
    """Return the part of a range that is inside others. One that lies outside altogether keeps its nearer end."""
    low, high = bounds
    return min(max(observed[0], low), high), max(min(observed[1], high), low)
