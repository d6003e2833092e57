"""``ends`` finds the last operation before each output of a model file, which shows what the output means.

A softmax gives probabilities, for example, and a convolution logits. A runtime reports only names, shapes and dtypes of
the outputs. Therefore this module parses as much of a ``.tflite`` or ``.onnx`` file as it needs.
"""

import mmap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from edge import flatbuffer
from edge.flatbuffer import Damaged, Table
from edge.protobuf import Message

SOFTMAX, SIGMOID, TANH, LINEAR, ARGMAX, L2_NORM = "softmax", "sigmoid", "tanh", "linear", "argmax", "l2_norm"
MIXED, OTHER = "mixed", "other"
"""``linear`` is a convolution, a dense layer or a sum. ``mixed`` is a concatenation of parts with different ends.
``other`` is any other operation. None means that the file cannot be parsed."""

_PASS, _JOIN = "pass", "join"
"""Operations that pass the kind of their first input on, and operations that concatenate several inputs."""

_DIVIDE, _EXP, _SUM, _NORM, _SPREAD = "divide", "exp", "sum", "norm", "spread"
"""The parts of what is written out: a softmax, exponentials divided by their sum, and a normalization, values divided
by their Euclidean norm. The divisor may be clipped, and is spread over the values."""

DEEPEST = 64
"""The most operations to follow back. A file with a longer chain of reshapes is damaged."""

# Numbers of BuiltinOperator in TFLite's schema.
_TFLITE = {
    0: LINEAR,  # ADD
    1: _PASS,  # AVERAGE_POOL_2D
    2: _JOIN,  # CONCATENATION
    3: LINEAR,  # CONV_2D
    4: LINEAR,  # DEPTHWISE_CONV_2D
    6: _PASS,  # DEQUANTIZE
    9: LINEAR,  # FULLY_CONNECTED
    11: L2_NORM,  # L2_NORMALIZATION
    14: SIGMOID,  # LOGISTIC
    22: _PASS,  # RESHAPE
    23: _PASS,  # RESIZE_BILINEAR
    25: SOFTMAX,
    28: TANH,
    39: _PASS,  # TRANSPOSE
    40: _PASS,  # MEAN
    42: _DIVIDE,
    43: _PASS,  # SQUEEZE
    47: _EXP,
    50: LINEAR,  # LOG_SOFTMAX: its softmax is the softmax of what it was made from
    53: _PASS,  # CAST
    56: ARGMAX,  # ARG_MAX
    67: LINEAR,  # TRANSPOSE_CONV
    70: _PASS,  # EXPAND_DIMS
    74: _SUM,
    97: _PASS,  # RESIZE_NEAREST_NEIGHBOR
    114: _PASS,  # QUANTIZE
    126: LINEAR,  # BATCH_MATMUL
    130: _SPREAD,  # BROADCAST_TO
}
_FUSED = {0: 0, 3: 3, 4: 4, 9: 0, 67: 3}
"""The number of the options' field with the fused activation, for operations that may have one."""

_INPUT = {67: 2}
"""The index of the input with the values, where it is not 0. Input 0 of a transposed convolution is a shape."""

_ONNX = {
    **dict.fromkeys(("Softmax", "QLinearSoftmax"), SOFTMAX),
    **dict.fromkeys(("Sigmoid", "QLinearSigmoid"), SIGMOID),
    "Tanh": TANH,
    "ArgMax": ARGMAX,
    "LpNormalization": L2_NORM,
    "Concat": _JOIN,
    **{"Div": _DIVIDE, "Exp": _EXP, "ReduceSum": _SUM, "ReduceL2": _NORM, "Expand": _SPREAD, "Clip": _SPREAD},
    **dict.fromkeys(
        ("Add", "Conv", "ConvTranspose", "Gemm", "MatMul", "LogSoftmax", "QGemm", "QLinearAdd", "QLinearConv",
         "QLinearMatMul"), LINEAR),
    **dict.fromkeys(
        ("AveragePool", "Cast", "DequantizeLinear", "Flatten", "GlobalAveragePool", "Identity", "QuantizeLinear",
         "ReduceMean", "Reshape", "Resize", "Squeeze", "Transpose", "Unsqueeze", "Upsample"), _PASS),
}  # fmt: skip


def ends(path: Path, count: int) -> tuple[str | None, ...]:
    """Return the last operation of each of the ``count`` outputs of a model file, in the file's order.

    Reshapes, casts, quantization, resizing and averages are skipped. The result is None for every output when the file
    is damaged, has another format or another number of outputs. No exception is raised.
    """
    unknown = (None,) * count
    read = {".tflite": _tflite, ".onnx": _onnx}.get(path.suffix.lower())
    if read is None:
        return unknown
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            found = read(data)
    except (Damaged, OSError, ValueError):
        return unknown
    return found if len(found) == count else unknown


class _Operation(NamedTuple):
    """The kind of values that an operation returns, and its input tensors as numbers or names."""

    kind: str
    sources: tuple[Any, ...]


@dataclass
class _Walk:
    """Follows a tensor back to the operation that decides the kind of its values.

    Attributes:
        makers: the operation that writes each tensor.
        known: the kinds that were found, so that no tensor is followed twice.
    """

    makers: Mapping[Any, _Operation]
    known: dict[Any, str] = field(default_factory=dict)

    def end(self, tensor: Any, depth: int = 0) -> str:
        """Return the kind of the last operation before ``tensor``. Raises Damaged when the graph has no end."""
        if depth > DEEPEST:
            raise Damaged("the graph goes round in circles")
        if tensor not in self.known:
            self.known[tensor] = self._found(self.makers.get(tensor), depth)
        return self.known[tensor]

    def _found(self, maker: _Operation | None, depth: int) -> str:
        if maker is None:
            return OTHER
        if maker.kind == _PASS and maker.sources:
            return self.end(maker.sources[0], depth + 1)
        if maker.kind == _JOIN:
            parts = {self.end(source, depth + 1) for source in maker.sources}
            return parts.pop() if len(parts) == 1 else MIXED
        if maker.kind == _DIVIDE:
            return self._quotient(maker)
        return OTHER if maker.kind in (_EXP, _SUM, _NORM, _SPREAD, _PASS) else maker.kind

    def _quotient(self, divide: _Operation) -> str:
        """Return what a division makes: a softmax, a normalized vector, or anything else."""
        if len(divide.sources) < 2:
            return OTHER
        top, below = divide.sources[:2]
        for _ in range(DEEPEST):
            maker = self.makers.get(below)
            if maker is None or maker.kind not in (_PASS, _SPREAD) or not maker.sources:
                break
            below = maker.sources[0]
        exp, divisor = self.makers.get(top), self.makers.get(below)
        if divisor is None or divisor.sources[:1] != (top,):
            return OTHER
        if divisor.kind == _SUM and exp is not None and exp.kind == _EXP:
            return SOFTMAX
        return L2_NORM if divisor.kind == _NORM else OTHER


def _tflite(data: Any) -> tuple[str, ...]:
    """Return the ends of a TFLite file's first graph. Raises Damaged."""
    model = flatbuffer.root(data)
    codes = [max(code.number(3), code.number(0, "<b")) for code in model.tables(1)]
    graph = next(model.tables(2), None)
    if graph is None:
        raise Damaged("the file has no graph")
    makers = {}
    for operator in graph.tables(3):
        operation = _tflite_operation(operator, codes)
        makers.update(dict.fromkeys(operator.numbers(2), operation))
    walk = _Walk(makers)
    return tuple(walk.end(tensor) for tensor in graph.numbers(2))


def _tflite_operation(operator: Table, codes: list[int]) -> _Operation:
    index = operator.number(0, "<I")
    if index >= len(codes):
        raise Damaged("an operation has a code that the file does not list")
    code = codes[index]
    kind, sources = _TFLITE.get(code, OTHER), operator.numbers(1)
    options = operator.table(4) if code in _FUSED else None
    if options is not None and options.number(_FUSED[code], "<b"):
        kind = OTHER
    return _Operation(kind, sources[_INPUT.get(code, 0) :] if kind != _JOIN else sources)


def _onnx(data: Any) -> tuple[str, ...]:
    """Return the ends of an ONNX file's graph. Raises Damaged."""
    graph = next(Message(data).messages(7), None)
    if graph is None:
        raise Damaged("the file has no graph")
    makers: dict[str, _Operation] = {}
    outputs = []
    for number, part in graph.parts():
        if number == 1:
            operation, written = _onnx_operation(part)
            makers.update(dict.fromkeys(written, operation))
        elif number == 12:
            outputs.append(next((name.text() for name in part.messages(1)), ""))
    walk = _Walk(makers)
    return tuple(walk.end(name) for name in outputs)


def _onnx_operation(node: Message) -> tuple[_Operation, list[str]]:
    """Return the operation of a node, and the names of its outputs."""
    sources, written, kind = [], [], OTHER
    for number, part in node.parts():
        if number == 1:
            sources.append(part.text())
        elif number == 2:
            written.append(part.text())
        elif number == 4:
            kind = _ONNX.get(part.text(), OTHER)
    return _Operation(kind, tuple(sources)), written
