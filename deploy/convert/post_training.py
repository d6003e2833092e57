"""``prepared`` prepares a float file for TFLite's int8 quantizer: it sets ranges and rounds weights."""

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
    """Return a float file with observed ranges, averages over the whole image as MEAN, and weights rounded by GPTQ.

    Args:
        calibrated: the file of TFLite's converter before it quantizes.
        samples: inputs by name in the file's order, with batch size 1.
        method: how ranges are computed, one of ``edge.calibration.tensor_ranges.METHODS``.
        progress: takes the number of samples done and their total.
    """
    file = TFLiteObject(calibrated)
    pooling.to_means(file)
    ranges, layers = TensorRanges(file.ranged(), file.border(), method), rounding.layers(file)
    values = running.values(file.to_bytes(), samples)
    observe(values, len(samples), ranges, [bound.layer for bound in layers], progress)
    file.set_ranges(ranges.ranges())
    while layers:
        layers.pop().round(file)  # pop frees the layer's Hessian
    return file.to_bytes()
