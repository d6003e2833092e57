"""``read`` parses what an ONNX file declares: its inputs, outputs and operations. It needs no other package.

Field numbers are those of ``onnx.proto`` (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
"""

import mmap
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from edge.errors import InputError
from edge.flatbuffer import Damaged
from edge.protobuf import Message

FLOAT = 1
"""The number of float32 in TensorProto.DataType."""


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
        words: its attributes that are texts, by name.
    """

    name: str
    words: Mapping[str, str]


class OnnxFile(NamedTuple):
    """What a file declares.

    Attributes:
        inputs: the inputs in the file's order, without constants.
        outputs: the outputs in the file's order.
        operations: the operations in the file's order.
    """

    inputs: tuple[Declared, ...]
    outputs: tuple[Declared, ...]
    operations: tuple[Operation, ...]


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
            constants = {_text(constant, 8) for constant in graph.messages(5)}
            inputs = tuple(one for one in map(_declared, graph.messages(11)) if one.name not in constants)
            outputs = tuple(map(_declared, graph.messages(12)))
            return OnnxFile(inputs, outputs, tuple(map(_operation, graph.messages(1))))
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
    words = {_text(one, 1): _text(one, 4) for one in node.messages(5) if next(one.messages(4), None) is not None}
    return Operation(name if domain in ("", "ai.onnx") else f"{domain}.{name}", words)


def _text(message: Message, number: int) -> str:
    found = next(message.messages(number), None)
    return found.text() if found is not None else ""
