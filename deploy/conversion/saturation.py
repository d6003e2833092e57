"""``clip_saturated`` narrows the range of what only a sigmoid or tanh reads to where its 256 values differ.

The int8 output of a sigmoid has steps of 1/256. From a logit of 5.1 on it is always 255 of them, below -6.2 always 0.
A range from -20 to 10, as detectors have before their scores, wastes two of three steps on logits that give the same
score.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from edge.deploy.conversion.output_limits import Limits, Range, clipped, joined
from edge.deploy.conversion.tflite_object import TFLiteObject

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


class _Need(NamedTuple):
    """The values of a tensor that are of use.

    Attributes:
        bounds: the smallest and the largest one.
        whole: whether the tensor gets these bounds whatever was observed.
    """

    bounds: Range
    whole: bool = False


def clip_saturated(file: TFLiteObject, ranges: Mapping[int, Range], limits: Limits = ()) -> dict[int, Range]:
    """Return the ranges, narrowed before sigmoids and tanhs, also behind operations of PASSING.

    An operation of PASSING has either all its tensors narrowed or none, because they get one scale.

    Args:
        file: the float file, whose operations all get int8 forms.
        ranges: the least and the largest value of each activation, by tensor index.
        limits: what outputs need to hold. Their ranges are set accordingly.
    """
    passing = {getattr(file.schema.BuiltinOperator, name) for name in PASSING}
    groups = [_tensors(one, ranges) for code, one in file.operations() if code in passing]
    candidates, needs = set(ranges), _needs(file, ranges, limits)
    while torn := [group for group in groups if needs.keys() & group and group - needs.keys()]:
        candidates.difference_update(*torn)
        needs = _needs(file, candidates, limits)
    narrowed = {i: need.bounds if need.whole else clipped(ranges[i], need.bounds) for i, need in needs.items()}
    return dict(ranges) | narrowed


def _needs(file: TFLiteObject, candidates: Collection[int], limits: Limits) -> dict[int, _Need]:
    """Return what is of use of each of the candidates that only a sigmoid, a tanh or a limited output reads."""
    kinds = file.schema.BuiltinOperator
    saturated = {getattr(kinds, name): _Need(bounds) for name, bounds in SATURATED.items()}
    passing = {getattr(kinds, name) for name in PASSING}
    operations = list(file.operations())
    read = Counter(int(index) for _, one in operations for index in one.inputs) + Counter(file.outputs())
    found = dict[int, _Need]()
    for index in file.outputs():
        limit = next((one for one in limits if one.shape == file.shape(index)), None)
        if limit is not None and read[index] == 1 and index in candidates:
            found[index] = _Need(limit.bounds, limit.whole)
    for code, operation in reversed(operations):
        need = saturated.get(code)
        if code in passing:
            need = _of_all([found.get(int(index)) for index in operation.outputs])
        for index in map(int, operation.inputs):
            if need is not None and read[index] == 1 and index in candidates:
                found[index] = need
    return found


def _tensors(operation: Any, known: Collection[int]) -> set[int]:
    """Return the known tensors among the inputs and outputs of an operation."""
    return {index for index in map(int, (*operation.inputs, *operation.outputs)) if index in known}


def _of_all(needs: list[_Need | None]) -> _Need | None:
    """Return what the outputs of an operation need together. None where one of them needs all its values."""
    bounds = joined([need and need.bounds for need in needs])
    return None if bounds is None else _Need(bounds, all(need is not None and need.whole for need in needs))
