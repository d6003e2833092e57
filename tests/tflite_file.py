"""Read a TFLite file through LiteRT's interpreter: its operations, tensor types, delegate partitions and cost.

Shares no code with the Keras side, so that it can be held against it.
"""

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

DELEGATE = "DELEGATE"
KERNELS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


@dataclass(frozen=True)
class Cost:
    """weights: of convolutions and dense layers. conv_channels, dense_channels: their outputs, one bias each.

    macs: weights times output positions. Constant kernels (a pooling written as a convolution) are left out.
    """

    weights: int
    conv_channels: int
    dense_channels: int
    macs: int


def _plain(content: bytes) -> Interpreter:
    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(model_content=content, num_threads=1, experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    return interpreter


def op_names(content: bytes) -> Counter[str]:
    """Return how often each operation occurs, before any delegate takes some."""
    return Counter(op["op_name"] for op in _plain(content)._get_ops_details())


def tensor_dtypes(content: bytes) -> set[str]:
    """Return the names of all tensors' types."""
    return {detail["dtype"].__name__ for detail in _plain(content).get_tensor_details()}


def most_dimensions(content: bytes) -> int:
    """Return the number of dimensions of the tensor that has most."""
    return max(len(detail["shape"]) for detail in _plain(content).get_tensor_details())


def delegate_partitions(content: bytes) -> tuple[int, list[str]]:
    """Return how many pieces the default delegate took, and the operations that it left to the interpreter."""
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    ops = interpreter._get_ops_details()
    taken = [op for op in ops if op["op_name"] == DELEGATE]
    # The interpreter lists a delegate beside what it replaced; an operation it replaced writes what it writes
    # or only what another replaced one reads, so what is left is what runs between the pieces.
    inside = _inside(ops, taken)
    return len(taken), [op["op_name"] for op in ops if op["op_name"] != DELEGATE and op["index"] not in inside]


def _inside(ops, taken):
    """Walk back from each delegate's outputs to its inputs; return the indices of the operations passed."""
    writer = {out: op for op in ops if op["op_name"] != DELEGATE for out in op["outputs"]}
    passed = set()
    for delegate in taken:
        border, todo = set(delegate["inputs"]), list(delegate["outputs"])
        while todo:
            tensor = todo.pop()
            op = writer.get(tensor)
            if op is None or tensor in border or op["index"] in passed:
                continue
            passed.add(op["index"])
            todo.extend(op["inputs"])
    return passed


def kernel_shapes(content: bytes) -> Counter[tuple[str, tuple[int, ...]]]:
    """Return how often each operation with a kernel of this shape occurs."""
    interpreter = _plain(content)
    ops = [op for op in interpreter._get_ops_details() if op["op_name"] in KERNELS]
    return Counter((op["op_name"], interpreter.get_tensor(op["inputs"][1]).shape) for op in ops)


def cost(content: bytes) -> Cost:
    """Count parameters and multiply-accumulates of a file's convolutions and dense layers."""
    interpreter = _plain(content)
    shapes = {detail["index"]: tuple(int(s) for s in detail["shape"]) for detail in interpreter.get_tensor_details()}
    weights = conv_channels = dense_channels = macs = 0
    for op in interpreter._get_ops_details():
        if op["op_name"] not in KERNELS:
            continue
        kernel = interpreter.get_tensor(op["inputs"][1])
        if kernel.size > 1 and (kernel == kernel.flat[0]).all():
            continue
        output = shapes[op["outputs"][0]]
        weights += kernel.size
        macs += kernel.size * math.prod(output[1:-1])
        if op["op_name"] == "FULLY_CONNECTED":
            dense_channels += output[-1]
        else:
            conv_channels += output[-1]
    return Cost(weights, conv_channels, dense_channels, macs)


def scales(content: bytes, operation: str) -> list[float]:
    """Return the scales of the computed inputs of every operation of that name in an int8 file."""
    interpreter = _plain(content)
    details = {detail["index"]: detail for detail in interpreter.get_tensor_details()}
    ops = interpreter._get_ops_details()
    computed = {out for op in ops for out in op["outputs"]}
    inputs = [index for op in ops if op["op_name"] == operation for index in op["inputs"] if index in computed]
    return [float(details[index]["quantization"][0]) for index in inputs]


def border_scales(content: bytes) -> list[float]:
    """Return the scales of an int8 file's inputs and outputs."""
    interpreter = _plain(content)
    details = (*interpreter.get_input_details(), *interpreter.get_output_details())
    return [float(detail["quantization"][0]) for detail in details]


@dataclass(frozen=True)
class Weights:
    """Of an int8 file's first convolution or dense layer, real values. scales: of the kernel, one a channel."""

    kernel: np.ndarray
    bias: np.ndarray
    scales: np.ndarray


def weights(content: bytes) -> Weights:
    """Return the first kernel and its bias, dequantized as the file's scales say."""
    interpreter = _plain(content)
    op = next(op for op in interpreter._get_ops_details() if op["op_name"] in KERNELS)
    details = {detail["index"]: detail["quantization_parameters"] for detail in interpreter.get_tensor_details()}
    kernel, bias = (interpreter.get_tensor(index).astype(np.float64) for index in op["inputs"][1:3])
    at = details[op["inputs"][1]]
    scales = at["scales"].astype(np.float64)
    shape = [-1 if axis == at["quantized_dimension"] else 1 for axis in range(kernel.ndim)]
    return Weights(kernel * scales.reshape(shape), bias * details[op["inputs"][2]]["scales"], scales)
