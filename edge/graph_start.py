"""``scales_pixels`` tells model files that scale pixels from 0 to 255 themselves, by their first arithmetic.

A file may begin with a Rescaling or Normalization layer, with ``preprocess_input`` of ``keras.applications``, or with a
batch normalization. In the file these are multiplications, divisions and sums with constants. Where they divide by a
large number, or subtract one, the file takes pixels from 0 to 255. As much of a ``.tflite`` or ``.onnx`` file is parsed
as that needs.
"""

import mmap
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge import flatbuffer
from edge.flatbuffer import Damaged
from edge.protobuf import Message

LARGE = 50.0
"""A divisor of pixels from 0 to 255 is larger; usual ones are 255, 127.5, and a standard deviation near 58."""

LARGE_MEAN = 20.0
"""A mean of pixels from 0 to 255 is larger; usual ones are 127.5, and 103.9 to 123.7 for ImageNet's channels."""

MOST_BYTES = 1 << 22
"""Of a constant. A mean picture of 512 x 512 pixels has 3 MiB."""

MOST_OPERATIONS = 64
"""After which pixels that were still not scaled are left alone."""

ADD, MULTIPLY, DIVIDE, NORMALIZE, PASS = "add", "multiply", "divide", "normalize", "pass"
"""Kinds of operations. ``pass`` keeps pixels pixels. A difference is a sum: only the size of the constant counts."""

# Numbers of BuiltinOperator in TFLite's schema.
_TFLITE = {
    **{0: ADD, 41: ADD, 18: MULTIPLY, 42: DIVIDE},
    # CONCATENATION DEQUANTIZE RESHAPE RESIZE_BILINEAR PAD GATHER TRANSPOSE SQUEEZE STRIDED_SLICE SPLIT CAST MAXIMUM
    # MINIMUM PADV2 SLICE EXPAND_DIMS PACK UNPACK RESIZE_NEAREST_NEIGHBOR MIRROR_PAD REVERSE_V2 QUANTIZE
    **dict.fromkeys((2, 6, 22, 23, 34, 36, 39, 43, 45, 49, 53, 55, 57, 60, 65, 70, 83, 88, 97, 100, 105, 114), PASS),
}

_ONNX = {
    **{"Add": ADD, "Sub": ADD, "Mul": MULTIPLY, "Div": DIVIDE, "BatchNormalization": NORMALIZE},
    **dict.fromkeys(
        ("Cast", "Clip", "Concat", "DequantizeLinear", "Flatten", "Gather", "Identity", "Max", "Min", "Pad",
         "QuantizeLinear", "Reshape", "Resize", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze", "Upsample"),
        PASS,
    ),
}  # fmt: skip

_TFLITE_DTYPES: dict[int, np.dtype[Any]] = {0: np.dtype("<f4"), 1: np.dtype("<f2"), 10: np.dtype("<f8")}
_ONNX_DTYPES: dict[int, np.dtype[Any]] = {1: np.dtype("<f4"), 10: np.dtype("<f2"), 11: np.dtype("<f8")}
"""Numbers of types in both schemas, of those that scale pixels."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Operation:
    """One operation. Tensors have names or indices."""

    kind: str | None
    inputs: Sequence[Any]
    outputs: Sequence[Any]


@dataclass(frozen=True)
class _Graph:
    """The operations of a file in order, its inputs, and a function that reads a constant, None for what is none."""

    operations: Sequence[_Operation]
    inputs: Sequence[Any]
    constant: Callable[[Any], Floats | None]


def scales_pixels(path: Path) -> bool:
    """Return whether a file scales pixels from 0 to 255 itself. False where it cannot be parsed. Nothing is raised."""
    read = {".tflite": _tflite, ".onnx": _onnx}.get(path.suffix.lower())
    if read is None:
        return False
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _scales(read(data))
    except (Damaged, OSError, ValueError, struct.error):
        return False


def _scales(graph: _Graph) -> bool:
    """Return whether an operation makes numbers near 1 of pixels, before any other arithmetic."""
    pixels, passed = set(graph.inputs), 0
    for operation in graph.operations:
        if passed > MOST_OPERATIONS or operation.kind is None or pixels.isdisjoint(operation.inputs):
            continue
        passed += 1
        if operation.kind != PASS:
            values = [graph.constant(one) for one in operation.inputs if one not in pixels]
            known = [value for value in values if value is not None and value.size]
            if len(known) < len(values):
                continue
            if _is_large(operation.kind, known):
                return True
        pixels.update(operation.outputs)
    return False


def _is_large(kind: str, constants: Sequence[Floats]) -> bool:
    """Return whether arithmetic with constants makes numbers near 1 of pixels."""
    if not constants or not all(np.isfinite(value).all() for value in constants):
        return False
    if kind == NORMALIZE:  # gamma, beta, mean, variance
        gamma, _, mean, variance = constants if len(constants) == 4 else [np.ones(1)] * 4
        factor = np.abs(gamma) / np.sqrt(np.maximum(variance, 1e-12))
        return bool(0 < factor.max() < 1 / LARGE or np.abs(mean).min() > LARGE_MEAN)
    size = np.abs(constants[0])
    if kind == MULTIPLY:
        return bool(0 < size.max() < 1 / LARGE)
    return bool(size.min() > (LARGE if kind == DIVIDE else LARGE_MEAN))


def _tflite(data: Any) -> _Graph:
    model = flatbuffer.root(data)
    codes = [max(code.number(3), code.number(0, "<b")) for code in model.tables(1)]
    graph = next(model.tables(2), None)
    if graph is None:
        raise Damaged("the file has no graph")
    rows = [(row.number(0, "<I"), row.numbers(1), row.numbers(2)) for row in graph.tables(3)]
    kinds = [_TFLITE.get(codes[code]) if code < len(codes) else None for code, _, _ in rows]
    operations = [_Operation(kind, inputs, outs) for kind, (_, inputs, outs) in zip(kinds, rows, strict=True)]
    sources = {one.outputs[0]: one.inputs[0] for one in operations if one.kind == PASS and one.inputs and one.outputs}

    def constant(index: int) -> Floats | None:
        """Return a constant, also behind the operation that makes floats of float16."""
        tensor = graph.item(0, sources.get(index, index))
        buffer = model.item(4, tensor.number(2, "<I")) if tensor is not None else None
        dtype = _TFLITE_DTYPES.get(tensor.number(1, "<b")) if tensor is not None else None
        if buffer is None or dtype is None or not 0 < buffer.length(0) <= MOST_BYTES:
            return None
        return np.frombuffer(buffer.bytes(0), dtype).astype(np.float64)

    return _Graph(operations, graph.numbers(1), constant)


def _onnx(data: Any) -> _Graph:
    graph = next(Message(data).messages(7), None)
    if graph is None:
        raise Damaged("the file has no graph")
    operations: list[_Operation] = []
    given: list[str] = []
    tensors: dict[str, Message] = {}
    for number, part in graph.parts():
        if number == 1:
            operation, value = _onnx_operation(part)
            operations.append(operation)
            tensors.update(dict.fromkeys(operation.outputs, value) if value is not None else {})
        elif number == 5:
            tensors[_text(part, 8)] = part
        elif number == 11:
            given.append(_text(part, 1))

    def constant(name: str) -> Floats | None:
        return _onnx_values(tensors[name]) if name in tensors else None

    return _Graph(operations, [name for name in given if name not in tensors], constant)


def _onnx_operation(node: Message) -> tuple[_Operation, Message | None]:
    """Return the operation of a node, and the tensor of a Constant."""
    name = _text(node, 4)
    inputs, outputs = ([part.text() for part in node.messages(number)] for number in (1, 2))
    values = [value for attribute in node.messages(5) for value in attribute.messages(5)] if name == "Constant" else []
    return _Operation(_ONNX.get(name), inputs, outputs), next(iter(values), None)


def _onnx_values(tensor: Message) -> Floats | None:
    """Return the numbers of a tensor, which are raw bytes, or packed floats."""
    dtype = _ONNX_DTYPES.get(tensor.number(2) or 0)
    raw = next(_contents(tensor, 9), None)
    packed = next(_contents(tensor, 4), None) if tensor.number(2) == 1 else None
    found = raw if raw is not None else packed
    if dtype is None or not found:
        return None
    return np.frombuffer(found, dtype).astype(np.float64)


def _contents(tensor: Message, number: int) -> Iterator[bytes]:
    return (part.bytes() for part in tensor.messages(number) if len(part) <= MOST_BYTES)


def _text(message: Message, number: int) -> str:
    return next((part.text() for part in message.messages(number)), "")
