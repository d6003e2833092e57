"""Drawing of text: lines on a dark background, captions that do not overlap, and a legend."""

import unicodedata
from collections.abc import Sequence

import cv2
import numpy as np

from edge.imaging import Image
from edge.tasks.canvas import DARK, Colour, pixels

FONT = cv2.FONT_HERSHEY_SIMPLEX
INK: Colour = (255, 255, 255)

MIN_TEXT_HEIGHT = 96
"""The least height in pixels of a picture with text."""

LEAST_SCALE = 0.7
"""The least scale of text that is too wide. Text that is still too wide is cut off."""


def line_height(image: Image) -> int:
    """Return the height of a line of text with its background, in pixels."""
    return int(max(14, min(image.shape[:2]) // 18))


def lines(image: Image, texts: Sequence[str], left: int = 0, top: int = 0) -> None:
    """Draw texts below each other, as many as fit into the picture."""
    room = max(0, image.shape[0] - top) // line_height(image)
    for row, one in enumerate(texts[:room]):
        text(image, one, left, top + row * line_height(image))


def text(image: Image, words: str, left: int, top: int, swatch: Colour | None = None) -> None:
    """Draw one line of text on a dark background. A picture that is too small for text is not changed.

    Args:
        image: (height, width, 3) uint8 BGR, changed in place.
        words: the text. Hershey fonts contain only ASCII: accents are removed, and other letters become ``?``.
        left, top: of the ground, in pixels; it is moved to where the line lies inside the picture.
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
    cv2.rectangle(image, (left, top), (left + mark + wide + 2 * edge, top + line - 1), DARK, cv2.FILLED)
    if swatch:
        corner = (left + edge, top + edge)
        cv2.rectangle(image, corner, (left + line - edge - 1, top + line - edge - 1), swatch, cv2.FILLED)
    origin = (left + edge + mark, top + (line - tall - below) // 2 + tall)
    cv2.putText(image, words, origin, FONT, scale, INK, thickness, cv2.LINE_AA)


class Captions:
    """Draws captions beside their boxes, without overlap. Earlier captions get the better places."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self._taken: list[tuple[int, int, int, int]] = []

    def add(self, texts: Sequence[str], corners: Sequence[float], low: bool = False) -> None:
        """Draw texts at a box, or nowhere when no place is free.

        Args:
            texts: the lines.
            corners: x0, y0, x1, y1 of the box in pixels.
            low: whether its lower edge is tried first. Otherwise it is the upper edge, both on the outside.
        """
        place = self.reserve(texts, corners, low)
        if place is not None:
            lines(self._image, texts, *place)

    def reserve(self, texts: Sequence[str], corners: Sequence[float], low: bool = False) -> tuple[int, int] | None:
        """Take the place of texts, which may be drawn already. The arguments are those of ``add``.

        Returns:
            left and top of the texts in pixels. None when no place is free.
        """
        if not np.isfinite(corners).all():
            return None
        x0, y0, x1, y1 = pixels(corners)
        line = line_height(self._image)
        tall = line * len(texts)
        wide = max(_width(_ascii(words), line / 38, line) for words in texts) + line // 2
        upper, lower = [max(0, y0 - tall), y0], [y1, y1 - tall]
        # the right end is only tried for places: objects are many, and each keeps to its left edge
        choices = [(x0, y) for y in (*upper, *lower)]
        if low:
            choices = [(x, y) for x in (x0, x1 - wide) for y in (*lower, *upper)]
        for left, top in choices:
            left = max(0, min(left, self._image.shape[1] - wide))
            top = max(0, min(top, self._image.shape[0] - tall))
            ground = (left, top, left + wide, top + tall)
            if not any(_meet(ground, other) for other in self._taken):
                self._taken.append(ground)
                return left, top
        return None


def legend(image: Image, rows: Sequence[tuple[str, Colour]]) -> None:
    """Draw names with their colours, below each other, in the lower left corner.

    When not all fit, the last line states how many are omitted.
    """
    room = image.shape[0] // 2 // line_height(image)
    if len(rows) > room:
        rows = [*rows[: room - 1], (f"and {len(rows) - room + 1} more", DARK)]
    top = image.shape[0] - len(rows) * line_height(image)
    for number, (name, colour) in enumerate(rows):
        text(image, name, 0, top + number * line_height(image), colour)


def _meet(first: tuple[int, int, int, int], second: tuple[int, int, int, int]) -> bool:
    return first[0] < second[2] and second[0] < first[2] and first[1] < second[3] and second[1] < first[3]


def _fitted(words: str, line: int, room: int) -> tuple[str, float]:
    """Return the text, cut off if necessary, and the font scale at which it is at most ``room`` pixels wide."""
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


SIGNS = {"°C": "C", "°F": "F", "°": "deg", "μ": "u", "Ω": "ohm"}
"""Signs of units in Unicode's decomposed form (NFKD), as they are written in ASCII."""


def _ascii(words: str) -> str:
    """Return the text without accents and signs of units, and a question mark for every other letter not in ASCII."""
    plain = unicodedata.normalize("NFKD", words)
    for sign, written in SIGNS.items():
        plain = plain.replace(sign, written)
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return plain.encode("ascii", "replace").decode("ascii")
