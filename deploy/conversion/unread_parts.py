"""``sliced`` replaces a split of which nothing reads some part by slices for the other parts.

TFLite's quantizer leaves such a split in float at some times and not at others, for the same file. Then the same
network would not always become the same bytes. The first step of an unrolled LSTM layer has one: its forget gate
multiplies a state of zeros, so that nothing reads it.
"""

from typing import Any

import numpy as np

from edge.deploy.conversion.tflite_object import TFLiteObject

SOURCES = {"SPLIT": 1, "SPLIT_V": 0, "UNPACK": 0}
"""Operations that cut a tensor into parts, with the place of that tensor among their inputs."""


def sliced(content: bytes) -> bytes:
    """Return a float file that computes the same, in which every part of a split is read.

    Args:
        content: the bytes of the file. Ranges of its activations are kept.
    """
    file = TFLiteObject(content)
    kinds = {getattr(file.schema.BuiltinOperator, name): place for name, place in SOURCES.items()}
    operations = list(file.operations())
    read = {int(index) for _, one in operations for index in one.inputs} | set(file.outputs())
    for code, operation in operations:
        if code in kinds and not read.issuperset(map(int, operation.outputs)):
            _slice(file, operation, int(operation.inputs[kinds[code]]), read)
    return file.to_bytes()


def _slice(file: TFLiteObject, operation: Any, source: int, read: set[int]) -> None:
    """Replace one operation by a STRIDED_SLICE for each part that is read."""
    whole, parts = file.shape(source), [int(index) for index in operation.outputs]
    unpacks = len(file.shape(parts[0])) < len(whole)
    axis = operation.builtinOptions.axis % len(whole) if unpacks else _axis(whole, file.shape(parts[0]))
    sizes = [1 if unpacks else file.shape(part)[axis] for part in parts]
    slices, end = [], 0
    for part, size in zip(parts, sizes, strict=True):
        begin, end = end, end + size
        if part in read:
            slices.append(_strided_slice(file, source, part, (axis, begin, end), unpacks))
        else:
            file.model.subgraphs[0].tensors[part].quantization = None  # nothing computes it, so that it has no range
    file.replace_operation(operation, slices)


def _axis(whole: tuple[int, ...], part: tuple[int, ...]) -> int:
    """Return the axis that is cut; the first one where a single part is the whole."""
    return next((axis for axis, size in enumerate(whole) if part[axis] != size), 0)


def _strided_slice(file: TFLiteObject, source: int, part: int, cut: tuple[int, int, int], unpacks: bool) -> Any:
    axis, begin, end = cut
    first, last = np.zeros(len(file.shape(source)), np.int32), np.array(file.shape(source), np.int32)
    first[axis], last[axis] = begin, end
    schema, found, name = file.schema, file.schema.OperatorT(), file.name(part)
    found.opcodeIndex = file.code(schema.BuiltinOperator.STRIDED_SLICE, version=1)
    found.builtinOptionsType = schema.BuiltinOptions.StridedSliceOptions
    found.builtinOptions = schema.StridedSliceOptionsT()
    found.builtinOptions.shrinkAxisMask = 1 << axis if unpacks else 0
    values = (("begin", first), ("end", last), ("strides", np.ones_like(first)))
    found.inputs = [source, *(file.add_constant(f"{name}/{what}", value) for what, value in values)]
    found.outputs = [part]
    return found
