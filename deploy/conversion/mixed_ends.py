"""``mixed_ends`` finds the operations at the end of a detector that join boxes in pixels with scores from 0 to 1.

With one scale for both, every score would be rounded to 0; and rounded offsets, times a stride, would move the boxes by
several pixels. These operations stay float, and so do the file's outputs. ``float_onnx`` does the same in ONNX files.
"""

from typing import Any

import numpy as np

from edge.deploy.conversion.tflite_object import TFLiteObject

WIDEST = 4.0
"""The parts of a concatenation at the end may differ by this factor and share a scale. Scores are 1 at most."""

THROUGH = ("RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE", "SLICE", "STRIDED_SLICE", "SPLIT", "LOGISTIC", "SOFTMAX")
"""Operations that move values, or make scores of them."""

ARITHMETIC = (
    *THROUGH,
    *("CONCATENATION", "ADD", "SUB", "MUL", "DIV", "EXP", "POW", "SUM", "MAXIMUM", "MINIMUM", "TILE", "PACK", "UNPACK"),
)
"""Operations by which a head makes boxes of what its last convolutions give."""


def mixed_ends(file: TFLiteObject) -> list[str]:
    """Return the operations that join values of unlike ranges before an output, and the arithmetic before them.

    Args:
        file: the float file, with the ranges of its activations.

    Returns:
        The names of the operations' first outputs. Empty for a file whose outputs have one kind of values each.
    """
    made = {int(index): (code, one) for code, one in file.operations() for index in one.outputs}
    kinds = file.schema.BuiltinOperator
    through = {getattr(kinds, name) for name in THROUGH}
    found: dict[int, Any] = {}
    for output in file.outputs():
        index, passed = output, []
        while index in made and made[index][0] in through:
            passed.append(index)
            index = _source(file, made[index][1])
        if index in made and made[index][0] == kinds.CONCATENATION and _are_unlike(file, made, made[index][1]):
            for number in (*passed, *_arithmetic(file, made, index)):
                found[number] = made[number][1]
    return [file.name(int(operation.outputs[0])) for operation in found.values()]


def _source(file: TFLiteObject, operation: Any) -> int:
    """Return the tensor that an operation moves. That of SPLIT comes behind the axis."""
    return next(int(index) for index in operation.inputs if index >= 0 and file.range(int(index)) is not None)


def _are_unlike(file: TFLiteObject, made: dict[int, tuple[int, Any]], join: Any) -> bool:
    """Return whether a part holds scores from 0 to 1, and another one values that are much larger."""
    kinds = file.schema.BuiltinOperator
    ranges = {int(index): file.range(int(index)) for index in join.inputs}
    scores = {index for index in ranges if _last(file, made, index) in (kinds.LOGISTIC, kinds.SOFTMAX)}
    others = [max(map(abs, bounds)) for index, bounds in ranges.items() if bounds and index not in scores]
    return bool(scores) and max(others, default=0) > WIDEST


def _last(file: TFLiteObject, made: dict[int, tuple[int, Any]], index: int) -> int | None:
    """Return the code of the operation that made a tensor, behind those that only move its values."""
    moves = {getattr(file.schema.BuiltinOperator, name) for name in THROUGH[:-2]}
    while index in made and made[index][0] in moves:
        index = _source(file, made[index][1])
    return made[index][0] if index in made else None


def _arithmetic(file: TFLiteObject, made: dict[int, tuple[int, Any]], join: int) -> list[int]:
    """Return the tensors that arithmetic makes, from the join back to the convolutions of a head."""
    arithmetic = {getattr(file.schema.BuiltinOperator, name) for name in ARITHMETIC}
    found: list[int] = []
    waiting = [join]
    while waiting:
        index = waiting.pop()
        if index not in made or index in found:
            continue
        code, operation = made[index]
        if code in arithmetic or _takes_a_mean(file, code, operation):
            found.append(index)
            waiting += [int(source) for source in operation.inputs if source >= 0]
    return found


def _takes_a_mean(file: TFLiteObject, code: int, operation: Any) -> bool:
    """Return whether a convolution takes the mean of a distribution (Li et al. 2020, arxiv.org/abs/2006.04388).

    It has one output and no bias.
    """
    if code != file.schema.BuiltinOperator.CONV_2D:
        return False
    bias = file.constant(int(operation.inputs[2])) if len(operation.inputs) > 2 else None
    return file.shape(int(operation.inputs[1]))[0] == 1 and (bias is None or not np.any(bias))
