"""``read`` parses the graph of a ``.tflite`` file without an interpreter: operations, tensors and constants.

The fields' numbers are those of TFLite's schema, https://ai.google.dev/edge/litert/conversion/tensorflow/overview.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from edge import flatbuffer
from edge.deploy.placement_report import operators
from edge.errors import FileError, InputError
from edge.flatbuffer import Damaged, Table

TYPES = (
    "float32",
    "float16",
    "int32",
    "uint8",
    "int64",
    "string",
    "bool",
    "int16",
    "complex64",
    "int8",
    "float64",
    "complex128",
    "uint64",
    "resource",
    "variant",
    "uint32",
    "uint16",
    "int4",
    "bfloat16",
    "int2",
    "uint4",
    "float8_e4m3fn",
    "float8_e5m2",
)
"""The element types by their numbers in the schema's TensorType."""

MOST_CONSTANT_VALUES = 1 << 16
"""Longer constants are weights, whose values no rule looks at, unless it asks for the bytes."""


@dataclass(frozen=True, eq=False)
class Tensor:
    """One tensor of a graph.

    Attributes:
        name: its name in the file.
        shape: its sizes; -1 where a size is open.
        signature: its sizes as declared, with -1 where the file leaves one open; empty when the file says nothing.
        dtype: its element type, such as ``int8``.
        scales: how many scales it has: 0 is not quantized, 1 is per tensor, more is per channel.
        zero_point: its first zero point, 0 without quantization.
        variable: it keeps its values between runs.
        size: the number of bytes of its constant value, 0 for a tensor that is computed.
        buffer: the table with its value.
    """

    name: str
    shape: tuple[int, ...]
    signature: tuple[int, ...]
    dtype: str
    scales: int
    zero_point: int
    variable: bool
    size: int
    buffer: Table | None

    @property
    def constant(self) -> bool:
        """Whether the file holds its value."""
        return self.size > 0

    @property
    def elements(self) -> int:
        """The number of elements."""
        return prod(self.shape)

    @property
    def integers(self) -> tuple[int, ...]:
        """The values of a short constant of 32-bit integers. It is empty for any other tensor."""
        if self.dtype != "int32" or self.buffer is None or not 0 < self.size <= MOST_CONSTANT_VALUES:
            return ()
        values = self.buffer.bytes(0)
        return struct.unpack(f"<{len(values) // 4}i", values[: len(values) // 4 * 4])


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation of a graph.

    Attributes:
        index: its place in the file's order, from 0.
        name: its name in the schema, such as ``CONV_2D``.
        custom: the name of a custom operation, else empty.
        inputs: its inputs. None stands for an optional input that is absent.
        outputs: its outputs.
        options: the table of its options, or None.
    """

    index: int
    name: str
    custom: str
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]
    options: Table | None

    def option(self, field: int, form: str = "<i", default: int = 0) -> int:
        """Return an option by the number of its field in the options' table."""
        return default if self.options is None else self.options.number(field, form, default)

    def input(self, index: int) -> Tensor | None:
        """Return an input, or None when it is absent."""
        return self.inputs[index] if index < len(self.inputs) else None

    @property
    def activations(self) -> tuple[Tensor, ...]:
        """The inputs that are computed, without states, and the outputs."""
        computed = [t for t in self.inputs if t is not None and not t.constant and not t.variable]
        return (*computed, *self.outputs)

    @property
    def constants(self) -> tuple[Tensor, ...]:
        """The inputs whose values the file holds."""
        return tuple(tensor for tensor in self.inputs if tensor is not None and tensor.constant)

    @property
    def macs(self) -> int:
        """The multiply-accumulates of a convolution or dense layer with constant weights; 0 for other operations."""
        weights = self.input(1)
        if weights is None or not weights.constant or not self.outputs or len(weights.shape) < 2:
            return 0
        if self.name in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            return weights.elements * prod(self.outputs[0].shape[1:-1])
        if self.name == "FULLY_CONNECTED":
            return self.outputs[0].elements * weights.shape[-1]
        values = self.input(2)
        if self.name == "TRANSPOSE_CONV" and values is not None:
            return weights.elements * prod(values.shape[1:-1])
        return 0


@dataclass(frozen=True)
class Graph:
    """The first graph of a file, which is the one that runs.

    Attributes:
        operations: its operations in the order in which they run.
        inputs: the tensors that it takes.
        outputs: the tensors that it returns.
    """

    operations: tuple[Operation, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


def read(path: Path) -> Graph:
    """Parse a ``.tflite`` file.

    Raises:
        FileError: the file cannot be read.
        InputError: the file is no TFLite file, or it is damaged.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror or error}") from error
    if data[4:8] != b"TFL3":
        if path.suffix.lower() == ".onnx":
            raise InputError(
                f"this report is for .tflite files, got {path.name}; --check onnxruntime is for .onnx files"
            )
        raise InputError(f"{path} is not a .tflite file: its bytes 4 to 8 must be TFL3; give a TFLite model")
    try:
        return _graph(data)
    except Damaged as error:
        raise InputError(f"{path} is a damaged .tflite file: {error}; get or convert it again") from error


def _graph(data: bytes) -> Graph:
    model = flatbuffer.root(data)
    codes = list(model.tables(1))
    buffers = list(model.tables(4))
    graph = next(model.tables(2), None)
    if graph is None:
        raise Damaged("the file has no graph")
    tensors = [_tensor(table, buffers) for table in graph.tables(0)]
    operations = tuple(_operations(graph, codes, tensors))
    return Graph(operations, _pick(tensors, graph.numbers(1)), _pick(tensors, graph.numbers(2)))


def _operations(graph: Table, codes: list[Table], tensors: list[Tensor]) -> Iterator[Operation]:
    for index, table in enumerate(graph.tables(3)):
        code = codes[_within(table.number(0, "<I"), codes, "code")]
        number = max(code.number(3), code.number(0, "<b"))
        custom = _printable(code.text(1)) or "?" if number == operators.CUSTOM else ""
        inputs = tuple(None if i == -1 else tensors[_within(i, tensors, "tensor")] for i in table.numbers(1))
        outputs = _pick(tensors, table.numbers(2))
        yield Operation(index, operators.name(number), custom, inputs, outputs, table.table(4))


def _pick(tensors: list[Tensor], indices: tuple[Any, ...]) -> tuple[Tensor, ...]:
    return tuple(tensors[_within(index, tensors, "tensor")] for index in indices)


def _within(index: int, items: list[Any], kind: str) -> int:
    if not 0 <= index < len(items):
        raise Damaged(f"an operation has {kind} {index}, and the file lists {len(items)}")
    return index


def _tensor(table: Table, buffers: list[Table]) -> Tensor:
    number = table.number(1, "<b")
    if not 0 <= number < len(TYPES):
        raise Damaged(f"a tensor has the element type {number}, which the schema does not define")
    buffer = buffers[_within(table.number(2, "<I"), buffers, "buffer")] if buffers else None
    quantization = table.table(4)
    scales = 0 if quantization is None else quantization.length(2)
    zero_points = (0,) if quantization is None else quantization.numbers(3, "q") or (0,)
    return Tensor(
        name=_printable(table.text(3)),
        shape=table.numbers(0),
        signature=table.numbers(7),
        dtype=TYPES[number],
        scales=scales,
        zero_point=zero_points[0],
        variable=bool(table.number(5, "<b")),
        size=0 if buffer is None else max(buffer.length(0), buffer.number(2, "<Q")),
        buffer=buffer,
    )


def _printable(text: str) -> str:
    """Return text of a file that is safe to print: names are not trusted to be one line without control characters."""
    return "".join(character if character.isprintable() else "?" for character in text)
