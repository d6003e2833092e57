"""What tasks draw with: boxes, points, lines, and the colours that classes keep. ``edge.tasks.lettering`` writes."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.imaging import Image

Colour = tuple[int, int, int]
"""Blue, green, red, 0 to 255."""

DARK: Colour = (32, 32, 32)
"""The rim of points and the ground of text."""

COLOURS: tuple[Colour, ...] = (
    (75, 25, 230), (75, 180, 60), (25, 225, 255), (200, 130, 0), (48, 130, 245), (180, 30, 145), (240, 240, 70),
)  # fmt: skip
"""Told apart on most backgrounds; a class keeps its colour."""

SHIFT = 4
PARTS = 1 << SHIFT
"""Points are drawn in sixteenths of a pixel."""

FARTHEST = 1 << 15
"""Pixels; what lies farther out is drawn as if it lay here, because OpenCV's numbers end."""


def colour_of(index: int) -> Colour:
    """Return the colour of a class, an object or an instance."""
    return COLOURS[index % len(COLOURS)]


def stroke(image: Image) -> int:
    """Return how thick a line is drawn, in pixels."""
    return max(1, round(int(min(image.shape[:2])) / 200))


def box(image: Image, corners: Sequence[float], colour: Colour) -> None:
    """Draw a box: x0, y0, x1, y1 in pixels, x1 and y1 exclusive. Numbers that are not finite draw nothing."""
    if np.isfinite(corners).all():
        x0, y0, x1, y1 = pixels(corners)
        cv2.rectangle(image, (x0, y0), (x1 - 1, y1 - 1), colour, stroke(image))


def pixels(corners: Sequence[float]) -> list[int]:
    """Return whole pixels of finite coordinates."""
    return [round(float(value)) for value in np.clip(corners, -FARTHEST, FARTHEST)]


def dot(image: Image, x: float, y: float, colour: Colour) -> None:
    """Draw a point with a dark rim. A place that is not finite draws nothing."""
    if np.isfinite((x, y)).all():
        for radius, ink in ((3, DARK), (2, colour)):
            cv2.circle(image, _place(x, y), radius * stroke(image) * PARTS, ink, cv2.FILLED, cv2.LINE_AA, SHIFT)


def joint(image: Image, start: Sequence[float], end: Sequence[float], colour: Colour) -> None:
    """Draw a line between two points x, y, …, which are finite."""
    thick = 2 * stroke(image)
    cv2.line(image, _place(*start[:2]), _place(*end[:2]), colour, thick, cv2.LINE_AA, SHIFT)


def palette(count: int) -> NDArray[np.uint8]:
    """Return (count, 3) uint8 colours, blue, green, red, of PASCAL VOC's classes: the first is black.

    The bits of the class number go round the three channels, the lowest ones to the highest bits of the colour
    (VOCdevkit, ``VOClabelcolormap``).
    """
    numbers = np.arange(count)
    colours = np.zeros((count, 3), np.int64)
    for bit in range(8):
        for channel in range(3):
            colours[:, 2 - channel] |= (numbers >> (3 * bit + channel) & 1) << (7 - bit)
    return colours.astype(np.uint8)


def _place(x: float, y: float) -> tuple[int, int]:
    """Return a point in sixteenths of a pixel, as OpenCV takes it; its pixel centres are whole numbers, ours halves."""
    near = np.clip((x - 0.5, y - 0.5), -FARTHEST, FARTHEST)
    return round(float(near[0]) * PARTS), round(float(near[1]) * PARTS)
