"""``split`` replaces grouped convolutions by one convolution for each group, for devices that have no grouped kernel.

The compiler of the Coral Edge TPU is older than grouped convolutions and leaves them, and all that follows, on the CPU.
"""

from typing import Any

import numpy as np

from edge.deploy.conversion.tflite_object import TFLiteObject

CHANNELS = 3
"""The axis of the channels in NHWC."""


def split(content: bytes) -> bytes:
    """Return a float file that computes the same without grouped convolutions.

    Args:
        content: the bytes of the file. Ranges of its activations are kept; the parts have none of their own, so that
            the quantizer gives them the scales of the whole.
    """
    file = TFLiteObject(content)
    for code, operation in list(file.operations()):
        if code == file.schema.BuiltinOperator.CONV_2D and _groups(file, operation) > 1:
            _split(file, operation)
    return file.to_bytes()


def _groups(file: TFLiteObject, convolution: Any) -> int:
    channels, kernel = file.shape(int(convolution.inputs[0]))[CHANNELS], file.shape(int(convolution.inputs[1]))
    known = file.constant(int(convolution.inputs[1])) is not None
    return channels // kernel[-1] if known else 1


def _split(file: TFLiteObject, convolution: Any) -> None:
    """Replace a convolution by SPLIT, a convolution for each group, and CONCATENATION."""
    groups = _groups(file, convolution)
    source, weights, *rest = map(int, convolution.inputs)
    target = int(convolution.outputs[0])
    kernel, bias = file.constant(weights), file.constant(rest[0]) if rest else None
    assert kernel is not None, "_groups looked at it"
    kernels = np.split(kernel, groups)
    biases = [] if bias is None else np.split(bias, groups)
    name = file.name(target)
    inputs = [_part(file, source, f"{name}/group_{number}/in", groups) for number in range(groups)]
    outputs = [_part(file, target, f"{name}/group_{number}", groups) for number in range(groups)]
    parts = []
    for number in range(groups):
        part = file.schema.OperatorT()
        part.opcodeIndex = convolution.opcodeIndex
        part.builtinOptionsType, part.builtinOptions = convolution.builtinOptionsType, convolution.builtinOptions
        part.inputs = [inputs[number], file.add_constant(f"{name}/group_{number}/kernel", kernels[number])]
        if biases:
            part.inputs.append(file.add_constant(f"{name}/group_{number}/bias", biases[number]))
        part.outputs = [outputs[number]]
        parts.append(part)
    file.replace_operation(
        convolution, [_splitting(file, name, source, inputs), *parts, _joining(file, outputs, target)]
    )


def _part(file: TFLiteObject, whole: int, name: str, groups: int) -> int:
    *before, channels = file.shape(whole)
    return file.add_activation(name, (*before, channels // groups))


def _splitting(file: TFLiteObject, name: str, source: int, parts: list[int]) -> Any:
    schema, found = file.schema, file.schema.OperatorT()
    found.opcodeIndex = file.code(schema.BuiltinOperator.SPLIT, version=1)
    found.builtinOptionsType, found.builtinOptions = schema.BuiltinOptions.SplitOptions, schema.SplitOptionsT()
    found.builtinOptions.numSplits = len(parts)
    found.inputs = [file.add_constant(f"{name}/channels", np.array(CHANNELS, np.int32)), source]
    found.outputs = parts
    return found


def _joining(file: TFLiteObject, parts: list[int], target: int) -> Any:
    schema, found = file.schema, file.schema.OperatorT()
    found.opcodeIndex = file.code(schema.BuiltinOperator.CONCATENATION, version=1)
    found.builtinOptionsType = schema.BuiltinOptions.ConcatenationOptions
    found.builtinOptions = schema.ConcatenationOptionsT()
    found.builtinOptions.axis = CHANNELS
    found.inputs, found.outputs = parts, [target]
    return found
