"""Quantization after training: what a float file gets before TFLite's quantizer turns it into int8."""

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from edge.calibration.tensor_ranges import TensorRanges
from edge.calibration.weighted_layers import Progress, observe
from edge.deploy.convert import observe as running
from edge.deploy.convert import pooling, rounding
from edge.deploy.convert.tflite_object import TFLiteObject


def prepared(
    calibrated: bytes, samples: Sequence[Mapping[str, NDArray[Any]]], method: str, progress: Progress
) -> bytes:
    """Return the float file with observed ranges, whole-image averages as MEAN, and weights on their int8 steps.

    Args:
        calibrated: as TFLite's converter leaves it before it quantizes.
        samples: inputs by name in the file's order, batch 1.
        method: of ``edge.calibration.tensor_ranges.METHODS``.
        progress: gets samples run and in all.
    """
    file = TFLiteObject(calibrated)
    pooling.to_means(file)
    ranges, layers = TensorRanges(file.ranged(), file.border(), method), rounding.layers(file)
    values = running.values(file.to_bytes(), samples)
    observe(values, len(samples), ranges, [bound.layer for bound in layers], progress)
    file.set_ranges(ranges.ranges())
    while layers:
        layers.pop().round(file)  # this frees its Hessian
    return file.to_bytes()
