"""Anchor boxes of a single-shot detector and the coding of boxes against them, in numpy.

Training encodes boxes here and every decoder with anchors decodes them here. SSD, Liu et al. 2016,
https://arxiv.org/abs/1512.02325, section 2.2. Everything is float32 and in fractions of the image: y of its height,
x of its width. An anchor is a row [centre y, centre x, height, width]; a box is a row [ymin, xmin, ymax, xmax].
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import InputError

Boxes = NDArray[np.float32]

STRIDES = (16, 32, 64, 128, 256, 512)
RATIOS = (2.0, 3.0)
SCALES = (0.2, 0.9)
VARIANCES = (0.1, 0.1, 0.2, 0.2)
"""What the offsets of centre y, centre x, height, width are divided by, so that all of them are near 1."""

LARGEST = float(np.log(1000.0))
"""A decoded side is at most this power of e of its anchor's: a broken output does not overflow."""


def boxes_per_place(ratios: Sequence[float]) -> int:
    """Return how many anchors a place of a feature map has: two squares, and each ratio lying and standing."""
    return 2 + 2 * len(ratios)


def map_sizes(input_shape: Sequence[int], strides: Sequence[int]) -> list[tuple[int, int]]:
    """Return (rows, columns) of the feature map at each stride, of convolutions with padding ``same``."""
    return [(-(-input_shape[0] // stride), -(-input_shape[1] // stride)) for stride in strides]


def scales_of(maps: int, scales: tuple[float, float] = SCALES) -> list[float]:
    """Return s_1 to s_{m+1}: s_k = s_min + (s_max - s_min) / (m - 1) * (k - 1), formula (4); one map has s_min."""
    low, high = check_scales(scales)
    step = (high - low) / max(1, maps - 1)
    return [low + step * k for k in range(maps + 1)]


def check_scales(scales: Any) -> tuple[float, float]:
    """Return the smallest and the largest scale. Raises InputError unless they are two numbers in this order."""
    both = numbers("scales", scales)
    if len(both) != 2 or not 0 < both[0] <= both[1]:
        raise InputError(f"scales must be two numbers, 0 < smallest <= largest, got {both}")
    return float(both[0]), float(both[1])


def numbers(name: str, values: Any) -> tuple[float, ...]:
    """Return a tuple of numbers, also of a single one, which a command line gives more easily."""
    given = tuple(values) if isinstance(values, list | tuple) else (values,)
    if not all(isinstance(value, int | float) for value in given):
        raise InputError(f"{name} must be numbers, like (8, 16); got {given}")
    return given


def anchors(
    input_shape: Sequence[int],
    strides: Sequence[int] = STRIDES,
    ratios: Sequence[float] = RATIOS,
    scales: tuple[float, float] = SCALES,
) -> Boxes:
    """Return (n, 4) anchors [centre y, centre x, height, width], in the order of the network's outputs.

    The order is map after map, row after row, place after place; at a place the square of s_k, the square of
    sqrt(s_k * s_{k+1}), then each ratio a of width to height and its inverse, s_k * sqrt(a) wide and s_k / sqrt(a)
    high. Scales are parts of the input's shorter side, so that a square is square in pixels.
    """
    steps = scales_of(len(strides), scales)
    levels = [
        _level(rows, columns, _shapes(input_shape, steps[k], steps[k + 1], ratios))
        for k, (rows, columns) in enumerate(map_sizes(input_shape, strides))
    ]
    return np.concatenate(levels).astype(np.float32)


def _shapes(input_shape: Sequence[int], scale: float, following: float, ratios: Sequence[float]) -> NDArray[np.float64]:
    """Return (boxes a place, 2): height and width of one map's anchors."""
    sides = [(scale, scale), (np.sqrt(scale * following),) * 2]
    for ratio in ratios:
        lying = scale / np.sqrt(ratio), scale * np.sqrt(ratio)
        sides += [lying, lying[::-1]]
    height, width = input_shape[:2]
    return np.asarray(np.array(sides) * min(height, width) / (height, width), np.float64)


def _level(rows: int, columns: int, shapes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the anchors of one map: centres at (i + 0.5) / rows and (j + 0.5) / columns."""
    return level((np.arange(rows) + 0.5) / rows, (np.arange(columns) + 0.5) / columns, shapes)


def level(rows: NDArray[np.float64], columns: NDArray[np.float64], shapes: Any) -> NDArray[np.float64]:
    """Return the anchors of one feature map, row after row, place after place, shape after shape.

    Args:
        rows: the centres' y, one for each row of the map.
        columns: the centres' x, one for each column.
        shapes: (boxes a place, 2), height and width.
    """
    shapes = np.asarray(shapes, np.float64).reshape(-1, 2)
    y, x = np.meshgrid(rows, columns, indexing="ij")
    centres = np.repeat(np.stack([y.ravel(), x.ravel()], axis=1), len(shapes), axis=0)
    return np.concatenate([centres, np.tile(shapes, (len(rows) * len(columns), 1))], axis=1)


def corners(centred: Boxes) -> Boxes:
    """Return (n, 4) boxes of (n, 4) anchors."""
    half = centred[:, 2:] / 2
    return np.concatenate([centred[:, :2] - half, centred[:, :2] + half], axis=1)


def centred(boxes: Boxes) -> Boxes:
    """Return (n, 4) centre y, centre x, height, width of (n, 4) boxes."""
    return np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1)


def encode(boxes: Boxes, against: Boxes) -> Boxes:
    """Return (n, 4) offsets of (n, 4) boxes, each with both sides above 0, from the (n, 4) anchors ``against``.

    (y - y_a) / h_a / 0.1, (x - x_a) / w_a / 0.1, log(h / h_a) / 0.2, log(w / w_a) / 0.2, of centres and sides.
    """
    wanted = centred(boxes)
    moves = (wanted[:, :2] - against[:, :2]) / against[:, 2:]
    growths = np.log(wanted[:, 2:] / against[:, 2:])
    return np.asarray(np.concatenate([moves, growths], axis=1) / VARIANCES, np.float32)


def decode(offsets: Boxes, against: Boxes, variances: Sequence[float] = VARIANCES) -> Boxes:
    """Return (n, 4) boxes of (n, 4) offsets from the (n, 4) anchors ``against``: the inverse of ``encode``.

    Centre = offset * variance * side of the anchor + its centre; side = exp(offset * variance) * side of the anchor.
    Infinite offsets give finite boxes; what is not a number stays so.
    """
    real = np.clip(offsets * np.asarray(variances, np.float32), -1e6, 1e6)
    centres = real[:, :2] * against[:, 2:] + against[:, :2]
    sides = np.exp(np.minimum(real[:, 2:], LARGEST)) * against[:, 2:]
    return corners(np.concatenate([centres, sides], axis=1).astype(np.float32))
