"""``equalized`` scales the channels between two layers of a float file, see ``edge.calibration.equalization``."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.calibration.equalization import factors
from edge.deploy.conversion import observe
from edge.deploy.conversion.tflite_object import TFLiteObject

WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
POOLS = ("MAX_POOL_2D", "AVERAGE_POOL_2D")
SAMPLES = 40
"""How many of the samples are run to find the largest value of each channel."""


class Pair(NamedTuple):
    """Two layers with nothing between them that depends on the scale of a channel.

    Attributes:
        first: the first layer.
        second: the second layer, the only reader of the first one's output, or of its pool.
        between: the index of the first one's output.
    """

    first: Any
    second: Any
    between: int


def equalized(content: bytes, samples: Sequence[Mapping[str, NDArray[Any]]]) -> bytes:
    """Return a float file that computes the same, whose channels between layers have more equal ranges.

    Args:
        content: the float file.
        samples: inputs by name in the file's order, with batch size 1. A few of them are run.
    """
    file = TFLiteObject(content)
    found = list(pairs(file))
    if not found:
        return content
    few = samples[:: -(-len(samples) // SAMPLES)]
    largest: dict[int, NDArray[np.float64]] = {}
    for value in observe.values(content, few):
        for pair in found:
            tensor = np.abs(value(pair.between))
            peak = tensor.reshape(-1, tensor.shape[-1]).max(axis=0).astype(np.float64)
            largest[pair.between] = np.maximum(largest.get(pair.between, peak), peak)
    for pair in found:
        _scale(file, pair, largest[pair.between])
    return file.to_bytes()


def pairs(file: TFLiteObject) -> Iterator[Pair]:
    """Yield the pairs of a file, in order. Between them there may be a ReLU, but no ReLU6, which is a limit."""
    kinds, activations = file.schema.BuiltinOperator, file.schema.ActivationFunctionType
    weighted, pools = ({getattr(kinds, name) for name in names} for names in (WEIGHTED, POOLS))
    readers: dict[int, list[tuple[int, Any]]] = {}
    for code, operation in file.operations():
        for index in operation.inputs:
            readers.setdefault(int(index), []).append((code, operation))
    for code, first in file.operations():
        if code not in weighted or first.builtinOptions.fusedActivationFunction not in (
            activations.NONE,
            activations.RELU,
        ):
            continue
        between = after = int(first.outputs[0])
        while (read := readers.get(after, [])) and len(read) == 1 and after not in file.outputs():
            code, second = read[0]
            if code in weighted:
                if _is_own(file, first) and _fits(file, second, after, file.shape(between)[-1]):
                    yield Pair(first, second, between)
                break
            if code not in pools or second.builtinOptions.fusedActivationFunction != activations.NONE:
                break
            after = int(second.outputs[0])


def _is_own(file: TFLiteObject, layer: Any) -> bool:
    """Return whether no other layer reads the layer's weights, and whether they and the bias are constants."""
    weights, *bias = (int(index) for index in layer.inputs[1:] if index >= 0)
    return not file.is_shared(weights) and all(file.constant(index) is not None for index in (weights, *bias))


def _fits(file: TFLiteObject, layer: Any, source: int, channels: int) -> bool:
    """Return whether the last axis of the layer's weights is the channels of its input, and the weights are its own."""
    weights = int(layer.inputs[1])
    return source == int(layer.inputs[0]) and _is_own(file, layer) and file.shape(weights)[-1] == channels


def _scale(file: TFLiteObject, pair: Pair, largest: NDArray[np.float64]) -> None:
    """Multiply the first layer's outputs by their factors, and divide the second layer's weights."""
    first, second = (file.constant(int(layer.inputs[1])) for layer in (pair.first, pair.second))
    assert first is not None, "checked by pairs()"
    assert second is not None, "checked by pairs()"
    depthwise = file.schema.BuiltinOperator.DEPTHWISE_CONV_2D
    kinds = {id(operation): code for code, operation in file.operations()}
    peaks = None if kinds[id(pair.second)] == depthwise else np.abs(second).reshape(-1, len(largest)).max(axis=0)
    by = factors(largest, peaks)
    outputs_last = kinds[id(pair.first)] == depthwise
    file.replace(int(pair.first.inputs[1]), first * (by if outputs_last else by.reshape(-1, *[1] * (first.ndim - 1))))
    file.replace(int(pair.second.inputs[1]), second / by)
    inputs = [int(index) for index in pair.first.inputs]
    if len(inputs) > 2 and inputs[2] >= 0:
        bias = file.constant(inputs[2])
        assert bias is not None, "checked by pairs()"
        # a new one, because several layers may share a bias of zeros
        scaled = file.add_constant(f"equalized_bias_{pair.between}", (bias * by).astype(np.float32))
        pair.first.inputs = [*inputs[:2], scaled]
