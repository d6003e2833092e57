"""``read`` parses what an ONNX file declares: its inputs, outputs and operations. It needs no other package.

Field numbers are those of ``onnx.proto`` (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
"""

import mmap
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from edge.errors import InputError
from edge.flatbuffer import Damaged
from edge.protobuf import Message
from edge.tensors import Array

FLOAT = 1
"""The number of float32 in TensorProto.DataType."""

_DOMAINS = ("", "ai.onnx")
"""The names of ONNX's own operations."""


class Declared(NamedTuple):
    """An input or output of a file.

    Attributes:
        name: its name.
        type: the number of its type in TensorProto.DataType; 0 where it is no tensor.
        sizes: its dimensions, with None for an open one.
    """

    name: str
    type: int
    sizes: tuple[int | None, ...]


class Operation(NamedTuple):
    """An operation of a file.

    Attributes:
        name: the operation with the domain in front, unless that is ONNX's own.
        attributes: its attributes by name: a text, one or more whole numbers, or None for one of another kind.
        inputs: the names of its inputs; an empty one stands for an input that is left out.
        outputs: the names of its outputs.
    """

    name: str
    attributes: Mapping[str, str | int | tuple[int, ...] | None]
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


class Constant(NamedTuple):
    """A constant of a file.

    Attributes:
        sizes: its dimensions.
        values: its values in one row, or None where it is not float32 or kept in another file.
    """

    sizes: tuple[int, ...]
    values: Array | None


class OnnxFile(NamedTuple):
    """What a file declares.

    Attributes:
        inputs: the inputs in the file's order, without constants.
        outputs: the outputs in the file's order.
        operations: the operations in the file's order.
        opset: the version of ONNX's own operations.
        constants: the constants by name.
        sizes: the dimensions of the tensors for which the file states them, by name, with None for an open one.
    """

    inputs: tuple[Declared, ...]
    outputs: tuple[Declared, ...]
    operations: tuple[Operation, ...]
    opset: int
    constants: Mapping[str, Constant]
    sizes: Mapping[str, tuple[int | None, ...]]


def read(path: Path) -> OnnxFile:
    """Parse an ONNX file.

    Raises:
        InputError: it is no ONNX file.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            graph = next(Message(data).messages(7), None)
            if graph is None:
                raise Damaged("it has no graph")
            opsets = [row.number(2) or 0 for row in Message(data).messages(8) if _text(row, 1) in _DOMAINS]
            nodes = list(graph.messages(1))
            constants = {_text(one, 8): _constant(one) for one in graph.messages(5)}
            inputs = tuple(one for one in map(_declared, graph.messages(11)) if one.name not in constants)
            outputs = tuple(map(_declared, graph.messages(12)))
            stated = (*inputs, *outputs, *map(_declared, graph.messages(13)))
            return OnnxFile(
                inputs,
                outputs,
                tuple(map(_operation, nodes)),
                max(opsets, default=0),
                {**constants, **dict(filter(None, map(_constant_node, nodes)))},
                {one.name: one.sizes for one in stated if one.sizes},
            )
    except (Damaged, ValueError) as error:
        raise InputError(
            f"model {path} is not an ONNX file that can be loaded: {error}; get or convert it again"
        ) from error


def _declared(row: Message) -> Declared:
    kind = next((tensor for one in row.messages(2) for tensor in one.messages(1)), None)
    shape = next(kind.messages(2), None) if kind is not None else None
    sizes = tuple(size.number(1) or None for size in shape.messages(1)) if shape is not None else ()
    return Declared(_text(row, 1), (kind.number(1) or 0) if kind is not None else 0, sizes)


def _operation(node: Message) -> Operation:
    name, domain = _text(node, 4), _text(node, 7)
    return Operation(
        name if domain in _DOMAINS else f"{domain}.{name}",
        {_text(one, 1): _attribute(one) for one in node.messages(5)},
        tuple(one.text() for one in node.messages(1)),
        tuple(one.text() for one in node.messages(2)),
    )


def _attribute(one: Message) -> str | int | tuple[int, ...] | None:
    if (number := one.number(3)) is not None:
        return _signed(number)
    if next(one.messages(4), None) is not None:
        return _text(one, 4)
    return tuple(map(_signed, one.numbers(8))) or None


def _signed(number: int) -> int:
    return number - (1 << 64) if number >= 1 << 63 else number


def _constant_node(node: Message) -> tuple[str, Constant] | None:
    """Return name and value of an operation ``Constant`` that holds a tensor."""
    tensor = next((value for one in node.messages(5) for value in one.messages(5)), None)
    output = next(node.messages(2), None)
    if _text(node, 4) != "Constant" or tensor is None or output is None:
        return None
    return output.text(), _constant(tensor)


def _constant(tensor: Message) -> Constant:
    sizes = tuple(tensor.numbers(1))
    data = next(tensor.messages(9), None) or next(tensor.messages(4), None)  # raw_data or float_data
    if tensor.number(2) != FLOAT or data is None:
        return Constant(sizes, None)
    return Constant(sizes, np.frombuffer(data.bytes(), "<f4"))


def _text(message: Message, number: int) -> str:
    found = next(message.messages(number), None)
    return found.text() if found is not None else ""
