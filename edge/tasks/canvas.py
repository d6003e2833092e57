"""Drawing of boxes, points and lines, and the colours of classes. ``edge.tasks.lettering`` draws text."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.imaging import Image

Colour = tuple[int, int, int]
"""A colour: blue, green, red, from 0 to 255."""

DARK: Colour = (32, 32, 32)
"""The colour of the rim of points and of the background of text."""

COLOURS: tuple[Colour, ...] = (
    (75, 25, 230), (75, 180, 60), (25, 225, 255), (200, 130, 0), (48, 130, 245), (180, 30, 145), (240, 240, 70),
)  # fmt: skip
"""The colours of classes, which are visible on most backgrounds."""

SHIFT = 4
PARTS = 1 << SHIFT
"""Parts of a pixel in fixed-point coordinates of OpenCV, with SHIFT bits."""

FARTHEST = 1 << 15
"""The largest coordinate in pixels. Larger ones are clipped, because they would overflow in OpenCV."""


def colour_of(index: int) -> Colour:
    """Return the colour of a class, an object or an instance."""
    return COLOURS[index % len(COLOURS)]


def stroke(image: Image) -> int:
    """Return the thickness of lines, in pixels."""
    return max(1, round(int(min(image.shape[:2])) / 200))


def box(image: Image, corners: Sequence[float], colour: Colour) -> None:
    """Draw a box x0, y0, x1, y1 in pixels, x1 and y1 exclusive. A box that is not finite is not drawn."""
    if np.isfinite(corners).all():
        x0, y0, x1, y1 = pixels(corners)
        cv2.rectangle(image, (x0, y0), (x1 - 1, y1 - 1), colour, stroke(image))


def pixels(corners: Sequence[float]) -> list[int]:
    """Round finite coordinates to whole pixels."""
    return [round(float(value)) for value in np.clip(corners, -FARTHEST, FARTHEST)]


def dot(image: Image, x: float, y: float, colour: Colour) -> None:
    """Draw a point with a dark rim. A point that is not finite is not drawn."""
    if np.isfinite((x, y)).all():
        for radius, ink in ((3, DARK), (2, colour)):
            cv2.circle(image, _place(x, y), radius * stroke(image) * PARTS, ink, cv2.FILLED, cv2.LINE_AA, SHIFT)


def joint(image: Image, start: Sequence[float], end: Sequence[float], colour: Colour) -> None:
    """Draw a line between two finite points x, y, …."""
    thick = 2 * stroke(image)
    cv2.line(image, _place(*start[:2]), _place(*end[:2]), colour, thick, cv2.LINE_AA, SHIFT)


def trail(image: Image, points: Sequence[Sequence[float]], colour: Colour) -> None:
    """Draw where an object was: a chain of points x, y, with the oldest first. One that is not finite is not drawn."""
    if len(points) > 1 and np.isfinite(points).all():
        chain = np.asarray([pixels(point) for point in points], np.int32)
        cv2.polylines(image, [chain], False, colour, stroke(image), cv2.LINE_AA)


def palette(count: int) -> NDArray[np.uint8]:
    """Return the colours (count, 3) uint8 BGR of PASCAL VOC's classes. The first one is black.

    The bits of the class number are distributed over the three channels, and the lowest bits become the highest bits
    of the colour (VOCdevkit, ``VOClabelcolormap``).
    """
    numbers = np.arange(count)
    colours = np.zeros((count, 3), np.int64)
    for bit in range(8):
        for channel in range(3):
            colours[:, 2 - channel] |= (numbers >> (3 * bit + channel) & 1) << (7 - bit)
    return colours.astype(np.uint8)


def _place(x: float, y: float) -> tuple[int, int]:
    """Return a point in OpenCV's fixed-point coordinates, where the centre of the first pixel is 0 instead of 0.5."""
    near = np.clip((x - 0.5, y - 0.5), -FARTHEST, FARTHEST)
    return round(float(near[0]) * PARTS), round(float(near[1]) * PARTS)
