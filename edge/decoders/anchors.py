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
"""The divisors of the offsets of centre y, centre x, height and width, which bring all offsets near 1."""

LARGEST = float(np.log(1000.0))
"""The largest logarithm of a decoded side over its anchor's side, so that a broken output does not overflow."""


def boxes_per_place(ratios: Sequence[float]) -> int:
    """Return how many anchors a place of a feature map has: two squares, and for each ratio one wide and one high."""
    return 2 + 2 * len(ratios)


def map_sizes(input_shape: Sequence[int], strides: Sequence[int]) -> list[tuple[int, int]]:
    """Return (rows, columns) of the feature map at each stride, for convolutions with padding ``same``."""
    return [(-(-input_shape[0] // stride), -(-input_shape[1] // stride)) for stride in strides]


def scales_of(maps: int, scales: tuple[float, float] = SCALES) -> list[float]:
    """Return the scales s_1 to s_{m+1} of formula (4): s_k = s_min + (s_max - s_min) / (m - 1) * (k - 1).

    Args:
        maps: m, the number of feature maps. A single map has the scale s_min.
        scales: s_min and s_max.
    """
    low, high = check_scales(scales)
    step = (high - low) / max(1, maps - 1)
    return [low + step * k for k in range(maps + 1)]


def check_scales(scales: Any) -> tuple[float, float]:
    """Return the smallest and the largest scale.

    Raises:
        InputError: they are not two positive numbers in this order.
    """
    both = numbers("scales", scales)
    if len(both) != 2 or not 0 < both[0] <= both[1]:
        raise InputError(f"scales must be two numbers, 0 < smallest <= largest, got {both}")
    return float(both[0]), float(both[1])


def numbers(name: str, values: Any) -> tuple[float, ...]:
    """Return numbers as a tuple. A single number is accepted, too, because it is easier to type.

    Args:
        name: what the numbers are, for messages.
        values: a number, or a list or tuple of numbers.

    Raises:
        InputError: a value is not a number.
    """
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

    The order is map by map, row by row, place by place. Each place has a square of side s_k, a square of side
    sqrt(s_k * s_{k+1}), and then two boxes for each ratio a: one s_k * sqrt(a) wide and s_k / sqrt(a) high, and one the
    other way round. Scales are fractions of the input's shorter side, so that a square is square in pixels.

    Args:
        input_shape: height and width of the input, in pixels.
        strides: input pixels from one place to the next, for each feature map.
        ratios: a, width over height.
        scales: s_min and s_max, see ``scales_of``.
    """
    steps = scales_of(len(strides), scales)
    levels = [
        _level(rows, columns, _shapes(input_shape, steps[k], steps[k + 1], ratios))
        for k, (rows, columns) in enumerate(map_sizes(input_shape, strides))
    ]
    return np.concatenate(levels).astype(np.float32)


def _shapes(input_shape: Sequence[int], scale: float, following: float, ratios: Sequence[float]) -> NDArray[np.float64]:
    """Return the height and width of the anchors at each place of one map, (anchors, 2)."""
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
    """Return (n, 4) boxes [ymin, xmin, ymax, xmax] of (n, 4) rows [centre y, centre x, height, width]."""
    half = centred[:, 2:] / 2
    return np.concatenate([centred[:, :2] - half, centred[:, :2] + half], axis=1)


def centred(boxes: Boxes) -> Boxes:
    """Return (n, 4) rows [centre y, centre x, height, width] of (n, 4) boxes [ymin, xmin, ymax, xmax]."""
    return np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1)


def encode(boxes: Boxes, against: Boxes) -> Boxes:
    """Return the (n, 4) offsets of boxes from anchors, float32.

    For a box with centre (x, y) and sides (w, h), and an anchor a, the offsets are (y - y_a) / h_a / 0.1,
    (x - x_a) / w_a / 0.1, log(h / h_a) / 0.2 and log(w / w_a) / 0.2.

    Args:
        boxes: (n, 4), with both sides above 0.
        against: (n, 4) anchors.
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
