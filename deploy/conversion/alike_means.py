"""``alike_scale`` finds a scale with which ONNX Runtime averages whole maps as TFLite does.

XNNPACK, which runs TFLite's integer kernels, sums a map's int8 integers, multiplies the sum by the ratio of the scales
over the number of positions, and only then adds what the zero points contribute, each operation in float32 (its
kernels' name is qs8-rdsum). ONNX Runtime subtracts the zero point from the exact sum first
(https://github.com/microsoft/onnxruntime/blob/main/onnxruntime/core/mlas/lib/qlgavgpool.cpp). The two part where an
average lies in the middle between two steps. All sums of a map can be tried.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

_FARTHEST = 24
"""By how many float32 numbers the scale is moved at most: two millionths of its value."""
_REACH = 260
"""Averages farther than this from the zero point, in steps of the output, are saturated for certain."""


class Scaling(NamedTuple):
    """The quantization of a tensor, as int8: the zero point is -128 to 127."""

    scale: np.float32
    zero_point: int


def alike_scale(given: Scaling, output: Scaling, count: int) -> np.float32:
    """Return the scale of the map with which ONNX Runtime rounds averages as XNNPACK does, or mostly does.

    Args:
        given: the quantization of the map.
        output: the quantization of the averages.
        count: the number of positions of the map.
    """
    ratio = np.float32(given.scale / output.scale) * np.float32(1 / np.float32(count))
    reach = min(int(_REACH / ratio), 256 * count)
    least, most = (count * (edge - given.zero_point) for edge in (-128, 127))
    sums = np.arange(max(-reach, least), min(reach, most) + 1)
    wanted = saturated(xnnpack_averages(given, output, count, sums), output)
    around = np.float32(float(ratio) * float(output.scale) * count)
    moves = sorted(range(-_FARTHEST, _FARTHEST + 1), key=abs)
    scales = [np.float32(around + move * np.spacing(around)) for move in moves]
    near = np.abs(np.abs(sums * float(ratio)) % 1 - 0.5) < 1e-2
    sums, wanted = sums[near], wanted[near]

    def wrong(scale: np.float32) -> int:
        found = onnxruntime_averages(given._replace(scale=scale), output, count, sums)
        return int((saturated(found, output) != wanted).sum())

    return min(scales, key=wrong)


def xnnpack_averages(given: Scaling, output: Scaling, count: int, sums: Integers) -> Integers:
    """Return averages in steps from the output's zero point, for sums of integers without their zero point."""
    ratio = np.float32(given.scale / output.scale) * np.float32(1 / np.float32(count))
    offset = np.float32(output.zero_point) - np.float32(count * given.zero_point) * ratio
    raw = (sums + count * given.zero_point).astype(np.float32)
    return np.asarray(np.rint(raw * ratio + offset), np.int64) - output.zero_point


def onnxruntime_averages(given: Scaling, output: Scaling, count: int, sums: Integers) -> Integers:
    """Return averages in steps from the output's zero point, for sums of integers without their zero point."""
    ratio = np.float32(given.scale / (output.scale * np.float32(count)))
    return np.asarray(np.rint(sums.astype(np.float32) * ratio), np.int64)


def saturated(averages: Integers, output: Scaling) -> Integers:
    """Return averages clipped to what int8 can hold."""
    return np.asarray(np.clip(averages, -128 - output.zero_point, 127 - output.zero_point), np.int64)
