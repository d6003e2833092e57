"""``read`` parses the nodes of an ``.onnx`` file, without the package onnx: names, inputs and outputs."""

import mmap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge.errors import FileError, InputError
from edge.flatbuffer import Damaged
from edge.protobuf import Message

_GRAPH, _NODE, _INITIALIZER = 7, 1, 5
_INPUT, _OUTPUT, _OPERATION = 1, 2, 4
_TYPE, _NAME = 2, 8
"""Numbers of fields in ModelProto, GraphProto, NodeProto and TensorProto, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto."""


@dataclass(frozen=True)
class Node:
    """One node of a graph.

    Attributes:
        index: its place in the file, from 0.
        op: its operation, such as ``Conv``.
        inputs: the names of its inputs; an absent one is empty.
        outputs: the names of its outputs.
        zero_point: of a quantizer the dtype of its zero point, ``int8`` or ``uint8``. Empty where that is not known.
    """

    index: int
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    zero_point: str = ""


def read(path: Path) -> tuple[Node, ...]:
    """Parse the nodes of a file, in its order. Raises FileError or InputError for one that cannot be read."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            graph = next(Message(data).messages(_GRAPH), None)
            if graph is None:
                raise Damaged("it has no graph")
            types = dict(map(_name_and_type, graph.messages(_INITIALIZER)))
            return tuple(_node(index, node, types) for index, node in enumerate(graph.messages(_NODE)))
    except Damaged as error:
        raise InputError(f"{path} is not an .onnx file that can be read: {error}; get or convert it again") from error
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:  # an empty file cannot be mapped
        raise InputError(f"{path} is empty; get or convert it again") from error


def _name_and_type(tensor: Message) -> tuple[str, str]:
    name = next((part.text() for number, part in tensor.parts() if number == _NAME), "")
    return name, {2: "uint8", 3: "int8"}.get(tensor.number(_TYPE) or 0, "")


def _node(index: int, message: Message, types: Mapping[str, str]) -> Node:
    inputs, outputs, operation = [], [], ""
    for number, part in message.parts():
        if number == _INPUT:
            inputs.append(part.text())
        elif number == _OUTPUT:
            outputs.append(part.text())
        elif number == _OPERATION:
            operation = part.text()
    quantizer = operation in ("QuantizeLinear", "DequantizeLinear")
    given = inputs[2] if len(inputs) > 2 else ""
    zero_point = (types.get(given, "") if given else "uint8") if quantizer else ""  # without one, ONNX takes uint8
    return Node(index, operation, tuple(inputs), tuple(outputs), zero_point)
