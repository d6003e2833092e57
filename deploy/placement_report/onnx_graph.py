"""``read`` parses the nodes of an ``.onnx`` file, without the package onnx: names, inputs and outputs."""

import mmap
from dataclasses import dataclass
from pathlib import Path

from edge.errors import FileError, InputError
from edge.flatbuffer import Damaged
from edge.protobuf import Message

_GRAPH, _NODE = 7, 1
_INPUT, _OUTPUT, _OPERATION = 1, 2, 4
"""Numbers of fields in ModelProto, GraphProto and NodeProto, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto."""


@dataclass(frozen=True)
class Node:
    """One node of a graph.

    Attributes:
        index: its place in the file, from 0.
        op: its operation, such as ``Conv``.
        inputs: the names of its inputs; an absent one is empty.
        outputs: the names of its outputs.
    """

    index: int
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def read(path: Path) -> tuple[Node, ...]:
    """Parse the nodes of a file, in its order. Raises FileError or InputError for one that cannot be read."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            graph = next(Message(data).messages(_GRAPH), None)
            if graph is None:
                raise Damaged("it has no graph")
            return tuple(_node(index, node) for index, node in enumerate(graph.messages(_NODE)))
    except Damaged as error:
        raise InputError(f"{path} is not an .onnx file that can be read: {error}; get or convert it again") from error
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:  # an empty file cannot be mapped
        raise InputError(f"{path} is empty; get or convert it again") from error


def _node(index: int, message: Message) -> Node:
    inputs, outputs, operation = [], [], ""
    for number, part in message.parts():
        if number == _INPUT:
            inputs.append(part.text())
        elif number == _OUTPUT:
            outputs.append(part.text())
        elif number == _OPERATION:
            operation = part.text()
    return Node(index, operation, tuple(inputs), tuple(outputs))
