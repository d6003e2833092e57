"""``layers`` finds the weights of a TFLite file and the tensors they are multiplied by, so that they can be rounded."""

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.calibration.gptq import Hessian
from edge.calibration.im2col import Window, dense_rows, grouped_rows
from edge.calibration.weighted_layers import MOST_INPUTS, WeightedLayer
from edge.deploy._threads import at_once
from edge.deploy.conversion.tflite_object import TFLiteObject

Rounded = dict[int, NDArray[np.float64]]


@dataclass(frozen=True)
class Bound:
    """A layer for ``edge.calibration.weighted_layers``, with the indices of its tensors in the file.

    Attributes:
        layer: the layer whose weights calibration rounds.
        weights: index of the weights.
        bias: index of the bias, which no other operation reads.
    """

    layer: WeightedLayer
    weights: int
    bias: int

    def rounded(self, file: TFLiteObject) -> Rounded:
        """Return what the layer's weights and its bias in ``file`` become, by their indices."""
        weights, bias = file.constant(self.weights), file.constant(self.bias)
        assert weights is not None, "found by layers()"
        assert bias is not None, "found by layers()"
        return dict(zip((self.weights, self.bias), self.layer.on_steps(weights, bias), strict=True))


def round_all(file: TFLiteObject, found: list[Bound]) -> None:
    """Replace the weights of layers in ``file`` by rounded ones, and correct the biases. The list is emptied.

    What was observed of a layer's inputs takes the most memory, and goes with the layer.
    """
    for changed in at_once(partial(found.pop().rounded, file) for _ in list(found)):
        for index, values in changed.items():
            file.replace(index, values)


def layers(file: TFLiteObject) -> list[Bound]:
    """Return all convolutions and dense layers with constant weights and at most MOST_INPUTS inputs per output.

    A layer without a bias, or with a bias that other layers share, gets a bias of its own.
    """
    return [bound for code, operation in file.operations() if (bound := _bound(file, code, operation))]


def _bound(file: TFLiteObject, code: int, operation: Any) -> Bound | None:
    kinds = file.schema.BuiltinOperator
    if code not in (kinds.CONV_2D, kinds.DEPTHWISE_CONV_2D, kinds.FULLY_CONNECTED):
        return None
    source, weights = (int(index) for index in operation.inputs[:2])
    if file.constant(weights) is None or file.is_shared(weights):
        return None
    depthwise, shape = code == kinds.DEPTHWISE_CONV_2D, file.shape(weights)
    channels = shape[-1 if depthwise else 0]
    n = math.prod(shape) // channels
    bias = _own_bias(file, operation, channels)
    if n > MOST_INPUTS or bias is None:
        return None
    groups, rows = 1, partial(dense_rows, inputs=n)
    if code != kinds.FULLY_CONNECTED:
        groups = file.shape(source)[3] // (1 if depthwise else shape[3])
        rows = partial(grouped_rows, window=_window(file, operation, shape), groups=groups)
    positions = math.prod(file.shape(int(operation.outputs[0]))) // channels
    return Bound(WeightedLayer(source, depthwise, positions, rows, Hessian.empty(groups, n)), weights, bias)


def _own_bias(file: TFLiteObject, operation: Any, channels: int) -> int | None:
    """Return the index of a bias that only this operation reads, or None when the bias is computed."""
    bias = int(operation.inputs[2]) if len(operation.inputs) > 2 else -1
    values = np.zeros(channels, np.float32) if bias < 0 else file.constant(bias)
    if values is None:
        return None
    if bias < 0 or file.is_shared(bias):
        bias = file.add_constant(f"bias_{operation.outputs[0]}", values)
        operation.inputs = [*(int(index) for index in operation.inputs[:2]), bias]
    return bias


def _window(file: TFLiteObject, operation: Any, shape: tuple[int, ...]) -> Window:
    found = operation.builtinOptions
    return Window(
        size=(shape[1], shape[2]),
        stride=(found.strideH, found.strideW),
        dilation=(found.dilationHFactor, found.dilationWFactor),
        same=found.padding == file.schema.Padding.SAME,
    )
