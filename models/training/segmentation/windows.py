"""Windows of an image and its mask: cut, turned and bent for training; a grid of them over a whole image.

Everything is numpy and OpenCV on one sample; the mask (height, width) moves with the image (height, width, channels).
"""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.models.training.settings import Augmentation

Sample = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""Image (height, width, channels) and mask (height, width)."""

GRID = 3
"""Displacements a side of an elastic deformation: the 3x3 of U-Net, section 3.1."""


def resized(sample: Sample, height: int, width: int) -> Sample:
    """Return the sample at one size: the image bilinear, as on the device; the mask by nearest pixels."""
    image, mask = sample
    if mask.shape == (height, width):
        return sample
    image = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR).reshape(height, width, image.shape[2])
    return image, np.asarray(cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)


def padded(sample: Sample, height: int, width: int, border: int = 0) -> Sample:
    """Return the sample mirrored outwards: ``border`` pixels a side, and on to at least height x width."""
    image, mask = sample
    bottom, right = (border + max(0, least - size) for least, size in zip((height, width), mask.shape, strict=True))
    if not (border or bottom or right):
        return sample
    edges = ((border, bottom), (border, right))
    return np.pad(image, (*edges, (0, 0)), "symmetric"), np.pad(mask, edges, "symmetric")


def cut(sample: Sample, y: int, x: int, height: int, width: int) -> Sample:
    """Return the window whose first pixel is (y, x)."""
    return sample[0][y : y + height, x : x + width], sample[1][y : y + height, x : x + width]


def random_window(sample: Sample, height: int, width: int, rng: np.random.Generator) -> Sample:
    """Return a window from anywhere; the sample is at least as large."""
    y, x = (int(rng.integers(have - size + 1)) for have, size in zip(sample[1].shape, (height, width), strict=True))
    return cut(sample, y, x, height, width)


def grid(shape: tuple[int, ...], height: int, width: int, overlap: float = 0.0) -> Iterator[tuple[int, int]]:
    """Yield first pixels of windows that cover (height, width) ``shape``, the last ones moved in to end with it.

    overlap: share of a window that the next one sees too, at least, 0 to below 1.
    """
    rows, columns = (_starts(n, size, overlap) for n, size in zip(shape, (height, width), strict=True))
    for y in rows:
        for x in columns:
            yield int(y), int(x)


def _starts(length: int, size: int, overlap: float) -> NDArray[np.int64]:
    room = max(0, length - size)
    steps = int(np.ceil(room / (size * (1 - overlap))))
    return np.round(np.linspace(0, room, steps + 1)).astype(np.int64)


def augmented(sample: Sample, how: Augmentation, turns: bool, elastic: float, rng: np.random.Generator) -> Sample:
    """Return a variant of a window.

    how: flip (left-right) and jitter (brightness, contrast) apply. turns: also upside down and by quarter turns,
    half turns for a window that is not square. elastic: standard deviation in pixels, see ``bent``.
    """
    image, mask = sample
    if elastic:
        image, mask = bent(sample, elastic, rng)
    if how.flip and rng.random() < 0.5:
        image, mask = image[:, ::-1], mask[:, ::-1]
    if turns:
        if rng.random() < 0.5:
            image, mask = image[::-1], mask[::-1]
        quarters = int(rng.integers(4)) if mask.shape[0] == mask.shape[1] else 2 * int(rng.integers(2))
        image, mask = np.rot90(image, quarters), np.rot90(mask, quarters)
    return jittered(image, how.jitter, rng), mask


def jittered(image: NDArray[np.uint8], amount: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Scale the brightness, then the contrast around the image's mean, each by up to ``amount``."""
    if not amount:
        return image
    brightness, contrast = rng.uniform(1 - amount, 1 + amount, 2)
    bright = image.astype(np.float32) * brightness
    mean = bright.mean()
    return np.asarray(np.clip(np.round(mean + (bright - mean) * contrast), 0, 255), np.uint8)


def bent(sample: Sample, deviation: float, rng: np.random.Generator) -> Sample:
    """Move pixels by a smooth random field: displacements on a coarse grid, interpolated bicubically (U-Net, 3.1)."""
    image, mask = sample
    height, width = mask.shape
    coarse = rng.normal(0, deviation, (2, GRID, GRID)).astype(np.float32)
    dx, dy = (cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC) for field in coarse)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    moved = cv2.remap(image, x + dx, y + dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    still = cv2.remap(mask, x + dx, y + dy, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(moved, np.uint8).reshape(image.shape), np.asarray(still, np.uint8)
