"""Textures between two colours, for backgrounds and objects: plain, gradient, stripes, checks, clouds and dots."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
"""How far each pixel's colour is from the first colour to the second, (height, width) float32 from 0 to 1."""


def _grid(rng: np.random.Generator, height: int, width: int) -> Plane:
    """Return each pixel's position along a random direction, in units of the longer side."""
    angle = rng.uniform(0, 2 * np.pi)
    y = np.arange(height)[:, None] * np.sin(angle)
    x = np.arange(width)[None, :] * np.cos(angle)
    along: Plane = ((x + y) / max(height, width)).astype(np.float32)
    return along


def _plain(rng: np.random.Generator, height: int, width: int) -> Plane:
    return np.full((height, width), rng.uniform(0, 1), np.float32)


def _gradient(rng: np.random.Generator, height: int, width: int) -> Plane:
    along = _grid(rng, height, width)
    low, high = float(along.min()), float(along.max())
    out: Plane = (along - np.float32(low)) / np.float32(max(high - low, 1e-6))
    return out


def _stripes(rng: np.random.Generator, height: int, width: int) -> Plane:
    wave = np.sin(_grid(rng, height, width) * np.float32(2 * np.pi * rng.uniform(3, 10)))
    out: Plane = np.clip(wave * np.float32(rng.uniform(0.5, 3)) + np.float32(0.5), 0, 1)
    return out


def _checks(rng: np.random.Generator, height: int, width: int) -> Plane:
    cell = max(2, int(max(height, width) * rng.uniform(0.06, 0.2)))
    rows, columns = np.arange(height)[:, None] // cell, np.arange(width)[None, :] // cell
    return ((rows + columns) % 2).astype(np.float32)


def _clouds(rng: np.random.Generator, height: int, width: int) -> Plane:
    out = np.zeros((height, width), np.float32)
    for cells, weight in ((3, 0.5), (7, 0.3), (17, 0.2)):
        coarse = rng.random((cells, cells), dtype=np.float32)
        out += np.float32(weight) * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    clouds: Plane = np.clip(out * 2 - np.float32(0.5), 0, 1)
    return clouds


def _dots(rng: np.random.Generator, height: int, width: int) -> Plane:
    out = np.zeros((height, width), np.float32)
    side = max(height, width)
    for _ in range(int(rng.integers(6, 18))):
        centre = (int(rng.integers(0, width)), int(rng.integers(0, height)))
        radius = max(1, int(side * rng.uniform(0.015, 0.06)))
        cv2.circle(out, centre, radius, rng.uniform(0.3, 1), -1, cv2.LINE_AA)
    dots: Plane = np.clip(out, 0, 1)
    return dots


_KINDS: tuple[Callable[[np.random.Generator, int, int], Plane], ...] = (
    _plain,
    _gradient,
    _stripes,
    _checks,
    _clouds,
    _dots,
)


def textured(
    rng: np.random.Generator, height: int, width: int, first: NDArray[np.float32], second: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return a random texture between two colours, (height, width, 3) float32 BGR from 0 to 255.

    Args:
        rng: the generator that the texture is drawn from.
        height: in pixels.
        width: in pixels.
        first: (3,) BGR.
        second: (3,) BGR.
    """
    plane = _KINDS[int(rng.integers(len(_KINDS)))](rng, height, width)
    blended: NDArray[np.float32] = first + plane[..., None] * (second - first)
    return blended
