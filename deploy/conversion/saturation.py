"""``clip_saturated`` narrows the range of what only a sigmoid or tanh reads to where its 256 values differ.

The int8 output of a sigmoid has steps of 1/256. From a logit of 5.1 on it is always 255 of them, below -6.2 always 0.
A range from -20 to 10, as detectors have before their scores, wastes two of three steps on logits that give the same
score.
"""

from collections import Counter
from collections.abc import Mapping

from edge.deploy.conversion.output_limits import Limits, Range, clipped, joined
from edge.deploy.conversion.tflite_object import TFLiteObject

SATURATED: Mapping[str, Range] = {"LOGISTIC": (-6.5, 5.4), "TANH": (-3.3, 2.8)}
"""Where the output has its smallest and its largest int8 value for certain.

sigmoid(x) * 256 is below 0.5 for x < -6.24 and above 254.5 for x > 5.13; tanh(x) * 128 is below -127.5 for x < -3.12
and above 126.5 for x > 2.57. The rest is a margin of a few steps, as zero must be one of them.
"""

PASSING = (
    *("RESHAPE", "CONCATENATION", "TRANSPOSE", "SQUEEZE", "EXPAND_DIMS", "SLICE", "STRIDED_SLICE", "SPLIT"),
    *("DEPTH_TO_SPACE", "SPACE_TO_DEPTH"),
)
"""Operations that move values and change none, so that their int8 form has one scale for input and output."""


def clip_saturated(file: TFLiteObject, ranges: Mapping[int, Range], limits: Limits = ()) -> dict[int, Range]:
    """Return the ranges, narrowed before sigmoids and tanhs, also behind operations of PASSING.

    Args:
        file: the float file, whose operations all get int8 forms.
        ranges: the least and the largest value of each activation, by tensor index.
        limits: what outputs need to hold. Their ranges are set accordingly.
    """
    kinds = file.schema.BuiltinOperator
    saturated = {getattr(kinds, name): bounds for name, bounds in SATURATED.items()}
    passing = {getattr(kinds, name) for name in PASSING}
    operations = list(file.operations())
    read = Counter(int(index) for _, one in operations for index in one.inputs) + Counter(file.outputs())
    found, narrowed, whole = dict(ranges), dict[int, Range](), set[int]()
    for index in file.outputs():
        limit = next((one for one in limits if one.shape == file.shape(index)), None)
        if limit is not None and read[index] == 1 and index in found:
            narrowed[index] = found[index] = limit.applied(found[index])
            whole |= {index} if limit.whole else set()
    for code, operation in reversed(operations):
        bounds, kept = saturated.get(code), code in passing and whole.issuperset(operation.outputs)
        if code in passing:
            bounds = joined([narrowed.get(int(index)) for index in operation.outputs])
        for index in map(int, operation.inputs):
            if bounds is not None and read[index] == 1 and index in found:
                narrowed[index] = bounds
                found[index] = bounds if kept else clipped(found[index], bounds)
                whole |= {index} if kept else set()
    return found
