"""What tasks draw with: text on a dark ground, boxes with captions, a legend, and colours that classes keep."""

import unicodedata
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.imaging import Image

Colour = tuple[int, int, int]
"""Blue, green, red, 0 to 255."""

FONT = cv2.FONT_HERSHEY_SIMPLEX
INK: Colour = (255, 255, 255)
PAPER: Colour = (32, 32, 32)
COLOURS: tuple[Colour, ...] = (
    (75, 25, 230), (75, 180, 60), (25, 225, 255), (200, 130, 0), (48, 130, 245), (180, 30, 145), (240, 240, 70),
)  # fmt: skip
"""Told apart on most backgrounds; a class keeps its colour."""

MIN_TEXT_HEIGHT = 96
"""Below this many pixels of the picture's height there is no room for text."""

SHIFT = 4
PARTS = 1 << SHIFT
"""Points are drawn in sixteenths of a pixel."""

FARTHEST = 1 << 15
"""Pixels; what lies farther out is drawn as if it lay here, because OpenCV's numbers end."""

LEAST_SCALE = 0.7
"""Text that is too wide is made smaller down to this part of its size; what is still too wide is cut off."""


def colour_of(index: int) -> Colour:
    """Return the colour of a class, an object or an instance."""
    return COLOURS[index % len(COLOURS)]


def line_height(image: Image) -> int:
    """Return the height of a line of text in pixels, with its ground."""
    return int(max(14, image.shape[0] // 18))


def stroke(image: Image) -> int:
    """Return how thick a line is drawn, in pixels."""
    return max(1, round(min(image.shape[:2]) / 200))


def lines(image: Image, texts: Sequence[str], left: int = 0, top: int = 0) -> None:
    """Write texts one below the other, as many as the picture has room for."""
    room = max(0, image.shape[0] - top) // line_height(image)
    for row, one in enumerate(texts[:room]):
        text(image, one, left, top + row * line_height(image))


def text(image: Image, words: str, left: int, top: int, swatch: Colour | None = None) -> None:
    """Write one line of text on a dark ground.

    Args:
        image: (height, width, 3) uint8 BGR, changed in place.
        words: what is written. Hershey fonts hold ASCII only; letters lose their accents, others become ``?``.
        left, top: of the ground, in pixels; it is moved to the left where the line would leave the picture.
        swatch: the colour of a square in front of the text.
    """
    if image.shape[0] < MIN_TEXT_HEIGHT:
        return
    line, edge = line_height(image), line_height(image) // 4
    mark = line - edge if swatch else 0
    words, scale = _fitted(_ascii(words), line, image.shape[1] - 2 * edge - mark)
    thickness = max(1, line // 24)
    (wide, tall), below = cv2.getTextSize(words, FONT, scale, thickness)
    left = max(0, min(left, image.shape[1] - wide - mark - 2 * edge))
    top = max(0, min(top, image.shape[0] - line))
    cv2.rectangle(image, (left, top), (left + mark + wide + 2 * edge, top + line - 1), PAPER, cv2.FILLED)
    if swatch:
        corner = (left + edge, top + edge)
        cv2.rectangle(image, corner, (left + line - edge - 1, top + line - edge - 1), swatch, cv2.FILLED)
    origin = (left + edge + mark, top + (line - tall - below) // 2 + tall)
    cv2.putText(image, words, origin, FONT, scale, INK, thickness, cv2.LINE_AA)


def box(image: Image, corners: Sequence[float], colour: Colour, captions: Sequence[str] = ()) -> None:
    """Draw a box with its captions above it, as far as the picture has room there.

    corners: x0, y0, x1, y1 in pixels, x1 and y1 exclusive. Numbers that are not finite draw nothing.
    """
    if not np.isfinite(corners).all():
        return
    x0, y0, x1, y1 = (round(float(value)) for value in np.clip(corners, -FARTHEST, FARTHEST))
    cv2.rectangle(image, (x0, y0), (x1 - 1, y1 - 1), colour, stroke(image))
    lines(image, captions, x0, max(0, y0 - len(captions) * line_height(image)))


def dot(image: Image, x: float, y: float, colour: Colour) -> None:
    """Draw a point with a dark rim. A place that is not finite draws nothing."""
    if np.isfinite((x, y)).all():
        for radius, ink in ((3, PAPER), (2, colour)):
            cv2.circle(image, _place(x, y), radius * stroke(image) * PARTS, ink, cv2.FILLED, cv2.LINE_AA, SHIFT)


def joint(image: Image, start: Sequence[float], end: Sequence[float], colour: Colour) -> None:
    """Draw a line between two points x, y, …, which are finite."""
    thick = 2 * stroke(image)
    cv2.line(image, _place(*start[:2]), _place(*end[:2]), colour, thick, cv2.LINE_AA, SHIFT)


def legend(image: Image, rows: Sequence[tuple[str, Colour]]) -> None:
    """Write names with their colours, one below the other, in the lower left corner.

    Where the picture has no room for all, the last line says how many are left out.
    """
    room = image.shape[0] // 2 // line_height(image)
    if len(rows) > room:
        rows = [*rows[: room - 1], (f"and {len(rows) - room + 1} more", PAPER)]
    top = image.shape[0] - len(rows) * line_height(image)
    for number, (name, colour) in enumerate(rows):
        text(image, name, 0, top + number * line_height(image), colour)


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


def _fitted(words: str, line: int, room: int) -> tuple[str, float]:
    """Return the text, cut off if it must be, and the font's scale at which it is at most ``room`` pixels wide."""
    scale = line / 38
    wide = _width(words, scale, line)
    if wide <= room:
        return words, scale
    scale *= max(LEAST_SCALE, room / wide)
    kept = len(words)
    while kept > 1 and _width(words, scale, line) > room:
        kept -= 1
        words = f"{words[:kept]}.."
    return words, scale


def _width(words: str, scale: float, line: int) -> int:
    return int(cv2.getTextSize(words, FONT, scale, max(1, line // 24))[0][0])


def _ascii(words: str) -> str:
    """Return the text without accents, and a question mark for every other letter that is not ASCII."""
    plain = (letter for letter in unicodedata.normalize("NFKD", words) if not unicodedata.combining(letter))
    return "".join(plain).encode("ascii", "replace").decode("ascii")
