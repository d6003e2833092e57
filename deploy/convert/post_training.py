"""Quantization after training: what a float file gets before TFLite's quantizer turns it into int8."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.deploy.convert import observe, pooling, rounding
from edge.deploy.convert.tflite_object import TFLiteObject

Progress = Callable[[int, int], None]
METHODS = ("mse", "minmax")
"""How a range is fitted to what was seen: so that squares err least, or from end to end."""


def prepared(calibrated: bytes, samples: Sequence[NDArray[Any]], method: str, progress: Progress) -> bytes:
    """Return the float file with observed ranges, whole-image averages as MEAN, and weights on their int8 steps.

    calibrated: as TFLite's converter leaves it before it quantizes. samples: inputs, batch 1; which positions of them
    the weights are rounded on is the same each time. method: of METHODS. progress: gets samples run and in all.
    """
    file = TFLiteObject(calibrated)
    pooling.to_means(file)
    ranges, layers = observe.Ranges(file, least_error=method == "mse"), rounding.layers(file)
    count, rng = math.ceil(rounding.POSITIONS / len(samples)), np.random.default_rng(0)
    for done, value in enumerate(observe.values(file.to_bytes(), samples), 1):
        ranges.see(value)
        for layer in layers:
            layer.see(value(layer.source), count, rng)
        progress(done, len(samples))
    ranges.write(file)
    while layers:
        layers.pop().round(file)  # this frees its Hessian
    return file.to_bytes()
