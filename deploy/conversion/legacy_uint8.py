"""``as_int8`` writes a uint8 .tflite file, as TensorFlow 1 made them, as the int8 file that computes the same.

An activation q with zero point z and q - 128 with zero point z - 128 stand for the same number. int8 kernels take
weights without a zero point, from -127 to 127 (https://ai.google.dev/edge/litert/conversion/tensorflow/quantization):
x86 kernels take -128 as well, but on ARM they sum two products in 16 bits, which -128 times -128 overflows. Weights q
with zero point z become q - z, where all of these fit. Kernels of uint8 and int8 may round differently, so that only
operations whose kernels were seen to agree are taken, and both files must give equal outputs.
"""

import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.backends import open_model
from edge.deploy.conversion.reference import FileReference
from edge.deploy.conversion.source import SourceModel
from edge.deploy.conversion.tflite_object import TFLiteObject
from edge.deploy.placement_report import graph, operators
from edge.deploy.placement_report.graph import Operation, Tensor
from edge.errors import InputError
from edge.private_folders import PrivateFolder
from edge.tensors import TensorSpec

Array = NDArray[Any]

WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")
"""Operations whose second input is weights."""

ALIKE = tuple(
    """
    ADD ARG_MAX AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE EXPAND_DIMS
    FULLY_CONNECTED GATHER HARD_SWISH LEAKY_RELU LOGISTIC LOG_SOFTMAX MAXIMUM MAX_POOL_2D MINIMUM MUL PACK PAD PADV2
    PRELU QUANTIZE RELU RELU6 RELU_N1_TO_1 RESHAPE RESIZE_NEAREST_NEIGHBOR SLICE SOFTMAX SPACE_TO_DEPTH SPLIT SQUEEZE
    STRIDED_SLICE SUB TRANSPOSE TRANSPOSE_CONV
    """.split()  # noqa: SIM905 - a table of words is easier to read
)
"""The operations whose uint8 and int8 kernels were seen to give the same, by LiteRT 2.3 with XNNPACK on x86.

Not among them, because their kernels round differently: TANH, L2_NORMALIZATION, MEAN, SUM and RESIZE_BILINEAR."""

VERSIONS = {
    **{"CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 4},
    **dict.fromkeys(("EXPAND_DIMS", "HARD_SWISH", "PRELU", "QUANTIZE", "RELU_N1_TO_1", "RESHAPE", "SQUEEZE"), 1),
}
"""The version in which an operation takes int8; 2 where it is not here."""

JOIN = "CONCATENATION"

LARGEST = 127
"""The largest absolute value of an int8 weight."""

RANDOM = 16
"""The number of random inputs on which both files are run, besides the smallest and the largest values."""

ADVICE = (
    "leave --tflite out to bundle the file as it is, which LiteRT and the Edge TPU run, or convert the float model "
    "that it was made from with --calibrate"
)


def is_legacy(path: Path) -> bool:
    """Return whether a .tflite file has uint8 weights. This takes no TensorFlow, whose import is slow."""
    return any(True for _ in _layers(graph.read(path).operations))


def check(path: Path) -> None:
    """Raise InputError where a file with uint8 weights cannot become int8. This takes no TensorFlow."""
    operations = graph.read(path).operations
    ranges = [(name, *_range(weights)) for name, weights in _layers(operations)]
    if unfit := [row for row in ranges if row[1] < -LARGEST or row[2] > LARGEST]:
        name, least, most = unfit[0]
        raise _refusal(
            path,
            f"int8 weights are from -{LARGEST} to {LARGEST} without a zero point, and those of {len(unfit)} of "
            f"{len(ranges)} layers do not fit, first {name} with {least} to {most}",
        )
    if others := sorted({operation.custom or operation.name for operation in operations if not _agrees(operation)}):
        raise _refusal(path, f"the uint8 and int8 kernels of {', '.join(others)} are not known to round alike")


def as_int8(source: SourceModel, report: Callable[[str], None]) -> SourceModel:
    """Return the source of the int8 file that computes what a file with uint8 weights does.

    Args:
        source: the source of the uint8 file.
        report: takes one line for the user.

    Returns:
        The source with the int8 file. Its reference runs the uint8 file.

    Raises:
        InputError: there is no such file.
    """
    before = source.file
    assert before is not None, "a .tflite file has a path"
    check(before)
    folder = PrivateFolder("int8")
    path = folder.path / before.name
    path.write_bytes(_encoded(before))
    try:
        _check_equal(before, path)
    except InputError as error:
        raise _refusal(before, str(error)) from error
    report(f"{before.name} re-encoded as int8: equal outputs on {RANDOM + 2} inputs of its whole range")
    found = FileReference(path)
    inputs, outputs = tuple(found.inputs), tuple(found.outputs)
    return replace(source, inputs=inputs, outputs=outputs, file=path, temporary=folder, reencoded=True)


def _refusal(path: Path, why: str) -> InputError:
    return InputError(f"{path.name} cannot become int8 exactly: {why}; {ADVICE}")


def _layers(operations: Sequence[Operation]) -> Iterator[tuple[str, Tensor]]:
    """Yield the name and the weights of each layer that has uint8 weights. A fused layer's name has several parts."""
    for operation in operations:
        weights = operation.input(1) if operation.name in WEIGHTED else None
        if weights is not None and weights.constant and weights.dtype == "uint8" and operation.outputs:
            yield operation.outputs[0].name.split(";")[0], weights


def _range(weights: Tensor) -> tuple[int, int]:
    """Return the smallest and the largest weight, less the zero point."""
    assert weights.buffer is not None, "constants have a buffer"
    values = np.frombuffer(weights.buffer.bytes(0), np.uint8)
    return int(values.min()) - weights.zero_point, int(values.max()) - weights.zero_point


def _agrees(operation: Operation) -> bool:
    """Return whether the uint8 and int8 kernels of an operation compute the same."""
    if operation.name == "AVERAGE_POOL_2D":  # halves, which an odd number of pixels never leaves, round differently
        valid, width, height = operation.option(0, "<b"), operation.option(3), operation.option(4)
        return valid == 1 and width * height % 2 == 1
    if operation.name in WEIGHTED and (weights := operation.input(1)) is not None:
        return weights.constant and weights.scales == 1
    return operation.name in ALIKE


def _encoded(path: Path) -> bytes:
    """Return the int8 file of a uint8 file, with the label files behind it."""
    content = path.read_bytes()
    file = TFLiteObject(content)
    model, types = file.model, file.schema.TensorType
    weights = {int(one.inputs[1]) for code, one in file.operations() if operators.name(code) in WEIGHTED}
    for index, tensor in enumerate(model.subgraphs[0].tensors):
        if tensor.type != types.UINT8:
            continue
        scales = None if tensor.quantization is None else tensor.quantization.scale
        if scales is None or len(scales) != 1:
            raise _refusal(path, f"{tensor.name.decode()} holds bytes without a scale")
        shift = int(tensor.quantization.zeroPoint[0]) if index in weights else 128
        tensor.type, tensor.quantization.zeroPoint = types.INT8, [int(tensor.quantization.zeroPoint[0]) - shift]
        if (data := model.buffers[tensor.buffer].data) is not None:
            tensor.buffer = _added(file, np.frombuffer(bytes(data), np.uint8).astype(np.int16) - shift)
    if any(_joins_scales(file, operation) for code, operation in file.operations() if operators.name(code) == JOIN):
        raise _refusal(path, f"the int8 kernel of {JOIN} takes tensors of one scale, and these have several")
    for row in model.operatorCodes:
        row.version = max(row.version, VERSIONS.get(operators.name(row.builtinCode), 2))
    return file.to_bytes() + _label_files(content)


def _joins_scales(file: TFLiteObject, join: Any) -> bool:
    tensors = [file.model.subgraphs[0].tensors[int(index)] for index in (*join.inputs, *join.outputs)]
    return len({(float(one.quantization.scale[0]), int(one.quantization.zeroPoint[0])) for one in tensors}) > 1


def _added(file: TFLiteObject, values: Array) -> int:
    """Add a buffer of int8 values and return its index. Other tensors may share the old one."""
    buffer = file.schema.BufferT()
    buffer.data = values.astype(np.int8).view(np.uint8)
    file.model.buffers.append(buffer)
    return len(file.model.buffers) - 1


def _label_files(content: bytes) -> bytes:
    """Return the zip behind a file, which belongs to its metadata. Empty where there is none."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return content[min(entry.header_offset for entry in archive.infolist()) :]
    except (zipfile.BadZipFile, ValueError):
        return b""


def _check_equal(before: Path, after: Path) -> None:
    """Raise InputError unless both files give the same on inputs of their whole range."""
    with open_model(before) as expected, open_model(after) as found:
        for given in _drawn(expected.inputs):
            pairs = zip(expected.run(given), found.run([_shifted(one) for one in given]), strict=True)
            for spec, (one, other) in zip(expected.outputs, pairs, strict=True):
                if not np.array_equal(_shifted(one), other):
                    raise InputError(f"LiteRT's kernels give another {spec.name!r} for the same input")


def _shifted(array: Array) -> Array:
    """Return uint8 values as int8 ones, 128 lower. Others are returned as they are."""
    return (array ^ 0x80).view(np.int8) if array.dtype == np.uint8 else array


def _drawn(specs: Sequence[TensorSpec]) -> Iterator[list[Array]]:
    """Yield inputs of smallest values, of largest values, and random ones. Other integers, often indices, are 0."""
    rng = np.random.default_rng(0)
    for number in range(RANDOM + 2):
        least, most = ((0, 0), (255, 255))[number] if number < 2 else (0, 255)
        drawn = [rng.integers(least, most, spec.shape, endpoint=True) for spec in specs]
        yield [_as_input(values, spec) for values, spec in zip(drawn, specs, strict=True)]


def _as_input(values: Array, spec: TensorSpec) -> Array:
    if spec.dtype.kind == "f":
        return (values / 127.5 - 1).astype(spec.dtype)
    return (values if spec.dtype == np.uint8 else np.zeros_like(values)).astype(spec.dtype)
