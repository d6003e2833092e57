"""Where a file's weights are, what they are multiplied by, and their rounding to int8 steps on samples."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.calibration.gptq import Hessian, gptq
from edge.calibration.im2col import Window, dense_rows, grouped_rows
from edge.deploy.convert.tflite_object import TFLiteObject

Floats = NDArray[np.float32]
Rows = Callable[[Floats, NDArray[np.int64]], Floats]

POSITIONS = 20_000
"""Output positions that a layer is rounded on; chosen at random, as many of each sample."""
MOST_INPUTS = 5_000
"""Layers with more inputs per output than this keep round-to-nearest, because their Hessian would not fit in memory.

VGG-16's first dense layer has 25,088.
"""


@dataclass(frozen=True)
class Layer:
    """One operation with weights. source, weights, bias: its tensors' indices. depthwise: whether the weights'
    channels come last in the file. positions: outputs a channel.
    rows: (input, chosen positions) to (groups, count, n), what each chosen output is a sum over.
    """

    source: int
    weights: int
    bias: int
    depthwise: bool
    positions: int
    rows: Rows
    hessian: Hessian

    def see(self, value: Floats, count: int, rng: np.random.Generator) -> None:
        """Take in what the layer reads for one sample, at up to ``count`` of its positions."""
        chosen = rng.choice(self.positions, min(count, self.positions), replace=False)
        self.hessian.observe(self.rows(value, chosen))

    def round(self, file: TFLiteObject) -> None:
        """Put the layer's weights in ``file`` on their steps, and move its bias."""
        weights, bias = file.constant(self.weights), file.constant(self.bias)
        assert weights is not None, "found by layers()"
        assert bias is not None, "found by layers()"
        groups = len(self.hessian.sums)
        first = np.moveaxis(weights, -1, 0) if self.depthwise else weights
        split = first.reshape(groups, bias.size // groups, -1).transpose(0, 2, 1)
        whole, moved = gptq(split.astype(np.float64), bias.reshape(groups, -1).astype(np.float64), self.hessian)
        back = whole.transpose(0, 2, 1).reshape(first.shape)
        file.replace(self.weights, np.ascontiguousarray(np.moveaxis(back, 0, -1) if self.depthwise else back))
        file.replace(self.bias, moved.reshape(bias.shape))


def layers(file: TFLiteObject) -> list[Layer]:
    """Return every convolution and dense layer with constant weights of its own, up to MOST_INPUTS wide.

    A layer without a bias, or with one that others read too, gets its own.
    """
    return [layer for code, operation in file.operations() if (layer := _layer(file, code, operation))]


def _layer(file: TFLiteObject, code: int, operation: Any) -> Layer | None:
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
    return Layer(source, weights, bias, depthwise, positions, rows, Hessian.empty(groups, n))


def _own_bias(file: TFLiteObject, operation: Any, channels: int) -> int | None:
    """Return the index of the bias that only this operation reads; None for one that is computed."""
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
