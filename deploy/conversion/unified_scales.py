"""``unify_scales`` gives the tensors that an int8 kernel takes as having one scale the same range.

TFLite's quantizer gives the inputs of MAXIMUM, MINIMUM and SELECT the scale of their output, which may be narrower, and
the kernel of REVERSE_V2 copies integers although its output has a scale of its own.
"""

from collections.abc import Mapping

from edge.deploy.conversion.tflite_object import TFLiteObject

ONE_SCALE = ("MAXIMUM", "MINIMUM", "SELECT", "SELECT_V2", "REVERSE_V2")
"""Operations whose inputs and output share a scale."""

JOINING = ("CONCATENATION", "PACK", "RESHAPE", "TRANSPOSE", "SQUEEZE", "EXPAND_DIMS")
"""Operations that pass the scale of their output on to their inputs, or the other way round."""

COPIES = ("SCATTER_ND", "ONE_HOT")
"""Operations whose int8 kernels copy integers or write zeros, whatever the scales are. They stay float."""


def unify_scales(file: TFLiteObject, ranges: Mapping[int, tuple[float, float]]) -> dict[int, tuple[float, float]]:
    """Return the ranges, widened until the inputs and the output of each operation of ONE_SCALE have one range.

    So has what JOINING connects with them: a concatenation would give the output of REVERSE_V2 another scale.

    Args:
        file: the float file.
        ranges: the least and the largest value of each activation, by tensor index.
    """
    found, kinds = dict(ranges), file.schema.BuiltinOperator
    sharing, joining = ({getattr(kinds, name) for name in names} for names in (ONE_SCALE, JOINING))
    groups, others = list[list[int]](), list[list[int]]()
    for code, one in file.operations():
        group = [index for index in map(int, (*one.inputs, *one.outputs)) if index in found]
        if code in sharing | joining:
            (groups if code in sharing else others).append(group)
    while more := [group for group in others if {i for one in groups for i in one} & set(group)]:
        groups += more
        others = [group for group in others if group not in more]
    for _ in groups:  # a range may widen through one operation after the other
        before = dict(found)
        for group in filter(None, groups):
            least, largest = min(found[i][0] for i in group), max(found[i][1] for i in group)
            found |= dict.fromkeys(group, (least, largest))
        if found == before:
            break
    return found


def copying(file: TFLiteObject) -> list[str]:
    """Return the names of the first outputs of the operations of COPIES."""
    kinds = {getattr(file.schema.BuiltinOperator, name) for name in COPIES}
    return [file.name(int(one.outputs[0])) for code, one in file.operations() if code in kinds]
