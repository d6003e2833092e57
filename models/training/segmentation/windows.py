"""Windows of an image and its mask: random and augmented ones for training, and a grid that covers a whole image.

Every function works on one sample with numpy and OpenCV, and changes the image and the mask alike.
"""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.models.training.settings import Augmentation

Sample = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""An image, (height, width, channels) uint8, and its mask, (height, width) uint8."""

GRID = 3
"""The side of the grid of random displacements. U-Net (https://arxiv.org/abs/1505.04597), section 3.1, has 3x3."""


def resized(sample: Sample, height: int, width: int) -> Sample:
    """Return the sample resized to (height, width).

    The image is interpolated bilinearly, as on the device, and the mask takes the nearest pixel.
    """
    image, mask = sample
    if mask.shape == (height, width):
        return sample
    image = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR).reshape(height, width, image.shape[2])
    return image, np.asarray(cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)


def padded(sample: Sample, height: int, width: int, border: int = 0) -> Sample:
    """Return the sample with mirrored pixels around it.

    Args:
        sample: the image and the mask.
        height: the smallest height of the result. More pixels are added at the bottom if need be.
        width: the smallest width of the result. More pixels are added at the right if need be.
        border: pixels that are added at each side.
    """
    image, mask = sample
    bottom, right = (border + max(0, least - size) for least, size in zip((height, width), mask.shape, strict=True))
    if not (border or bottom or right):
        return sample
    edges = ((border, bottom), (border, right))
    return np.pad(image, (*edges, (0, 0)), "symmetric"), np.pad(mask, edges, "symmetric")


def cut(sample: Sample, y: int, x: int, height: int, width: int) -> Sample:
    """Return the window of (height, width) pixels whose upper left pixel is (y, x)."""
    return sample[0][y : y + height, x : x + width], sample[1][y : y + height, x : x + width]


def random_window(sample: Sample, height: int, width: int, rng: np.random.Generator) -> Sample:
    """Return a window of (height, width) pixels at a random place of the sample, which is at least as large."""
    y, x = (int(rng.integers(have - size + 1)) for have, size in zip(sample[1].shape, (height, width), strict=True))
    return cut(sample, y, x, height, width)


def grid(shape: tuple[int, ...], height: int, width: int, overlap: float = 0.0) -> Iterator[tuple[int, int]]:
    """Yield the upper left pixel (y, x) of each window of a grid that covers an image.

    The windows are spread evenly, and none reaches beyond the image.

    Args:
        shape: height and width of the image, in pixels.
        height: height of a window.
        width: width of a window.
        overlap: the smallest overlap of neighbouring windows, as a fraction of a window, from 0 to below 1.
    """
    rows, columns = (_starts(n, size, overlap) for n, size in zip(shape, (height, width), strict=True))
    for y in rows:
        for x in columns:
            yield int(y), int(x)


def _starts(length: int, size: int, overlap: float) -> NDArray[np.int64]:
    room = max(0, length - size)
    steps = int(np.ceil(room / (size * (1 - overlap))))
    return np.round(np.linspace(0, room, steps + 1)).astype(np.int64)


def augment(sample: Sample, how: Augmentation, turns: bool, elastic: float, rng: np.random.Generator) -> Sample:
    """Return a random variant of a window.

    Args:
        sample: the image and the mask.
        how: the augmentation; ``flip`` and ``jitter`` are used, the latter for brightness and contrast.
        turns: whether the window is also mirrored top to bottom and turned, by quarter turns if it is square and by
            half turns otherwise.
        elastic: standard deviation of the elastic deformation in pixels; see ``deform``.
        rng: the random generator.
    """
    image, mask = sample
    if elastic:
        image, mask = deform(sample, elastic, rng)
    if how.flip and rng.random() < 0.5:
        image, mask = image[:, ::-1], mask[:, ::-1]
    if turns:
        if rng.random() < 0.5:
            image, mask = image[::-1], mask[::-1]
        quarters = int(rng.integers(4)) if mask.shape[0] == mask.shape[1] else 2 * int(rng.integers(2))
        image, mask = np.rot90(image, quarters), np.rot90(mask, quarters)
    return jitter(image, how.jitter, rng), mask


def jitter(image: NDArray[np.uint8], amount: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return the image with another brightness, and with another contrast around its mean.

    Args:
        image: (height, width, channels) uint8.
        amount: the largest change of each, as a fraction; 0 for none.
        rng: the random generator.
    """
    if not amount:
        return image
    brightness, contrast = rng.uniform(1 - amount, 1 + amount, 2)
    bright = image.astype(np.float32) * brightness
    mean = bright.mean()
    return np.asarray(np.clip(np.round(mean + (bright - mean) * contrast), 0, 255), np.uint8)


def deform(sample: Sample, deviation: float, rng: np.random.Generator) -> Sample:
    """Return the sample after a smooth random deformation, as in U-Net, section 3.1.

    Random displacements are drawn on a grid of ``GRID`` x ``GRID`` places and interpolated bicubically in between.

    Args:
        sample: the image and the mask.
        deviation: standard deviation of the displacements in pixels.
        rng: the random generator.
    """
    image, mask = sample
    height, width = mask.shape
    coarse = rng.normal(0, deviation, (2, GRID, GRID)).astype(np.float32)
    dx, dy = (cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC) for field in coarse)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    warped_image = cv2.remap(image, x + dx, y + dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    warped_mask = cv2.remap(mask, x + dx, y + dy, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(warped_image, np.uint8).reshape(image.shape), np.asarray(warped_mask, np.uint8)
