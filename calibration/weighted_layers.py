"""The layers of a network whose weights are rounded by GPTQ, with what was observed of their inputs."""

import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.calibration.gptq import Hessian, gptq
from edge.calibration.tensor_ranges import TensorRanges, Value

Floats = NDArray[np.float32]
Rows = Callable[[Floats, NDArray[np.int64]], Floats]
Progress = Callable[[int, int], None]
"""A function that is called with the number of samples done and of all samples."""

POSITIONS = 20_000
"""How many output positions a layer's Hessian is computed from. They are random, and equally many of each sample."""
MOST_INPUTS = 5_000
"""Layers with more inputs per output than this keep round-to-nearest, because their Hessian would not fit in memory.

VGG-16's first dense layer has 25,088.
"""


@dataclass(frozen=True)
class WeightedLayer:
    """A layer with weights, and what was observed of its inputs.

    Attributes:
        source: the number of the tensor that it reads.
        channels_last: whether the output channels are the last axis of the weights, as for depthwise convolutions in a
            TFLite file.
        positions: the number of outputs of each channel.
        rows: a function of an input and of chosen positions. It returns what those outputs are computed from, (groups,
            positions, n), see ``edge.calibration.im2col``.
        hessian: the Hessian of those rows.
    """

    source: int
    channels_last: bool
    positions: int
    rows: Rows
    hessian: Hessian

    def observe(self, value: Floats, count: int, rng: np.random.Generator) -> None:
        """Take in the layer's input for one sample, at up to ``count`` of its positions."""
        chosen = rng.choice(self.positions, min(count, self.positions), replace=False)
        self.hessian.observe(self.rows(value, chosen))

    def on_steps(self, weights: Floats, bias: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the weights as multiples of their int8 scale and the bias that goes with them, in the given shapes."""
        groups = len(self.hessian.sums)
        first = np.moveaxis(weights, -1, 0) if self.channels_last else weights
        split = first.reshape(groups, bias.size // groups, -1).transpose(0, 2, 1)
        whole, moved = gptq(split.astype(np.float64), bias.reshape(groups, -1).astype(np.float64), self.hessian)
        back = whole.transpose(0, 2, 1).reshape(first.shape)
        back = np.moveaxis(back, 0, -1) if self.channels_last else back
        return np.ascontiguousarray(back), moved.reshape(bias.shape)


def observe(
    samples: Iterable[Value], total: int, ranges: TensorRanges, layers: Sequence[WeightedLayer], progress: Progress
) -> None:
    """Show every sample to the observers of the tensors and, in a thread beside them, to the layers.

    Args:
        samples: for each sample, a function that returns the values of a tensor, also in two threads at once.
        total: the number of samples. The same number always gives the same positions.
        ranges: the observers of the tensors.
        layers: the layers whose weights are rounded afterwards.
        progress: called with the number of samples done and of all samples.
    """
    count, rng = math.ceil(POSITIONS / total), np.random.default_rng(0)

    def show_layers(value: Value) -> None:
        for layer in layers:
            layer.observe(value(layer.source), count, rng)

    with ThreadPoolExecutor(1) as beside:
        for done, value in enumerate(samples, 1):
            shown = beside.submit(show_layers, value)
            ranges.observe(value)
            shown.result()
            progress(done, total)
