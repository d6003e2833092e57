"""Drawing results into a picture: boxes where there are any, and the best labels in the corner."""

import cv2

from edge.imaging import Image
from edge.results import Prediction, Result

FONT = cv2.FONT_HERSHEY_SIMPLEX
INK = (255, 255, 255)
PAPER = (32, 32, 32)
COLOURS = ((75, 25, 230), (75, 180, 60), (25, 225, 255), (200, 130, 0), (48, 130, 245), (180, 30, 145), (240, 240, 70))
"""BGR, told apart on most backgrounds; a class keeps its colour."""

MIN_TEXT_HEIGHT = 96
"""Below this many pixels of frame height there is no room for a label."""


def annotated(image: Image, result: Result) -> Image:
    """Return a copy of ``image``, (height, width, 3) uint8 BGR, with the predictions drawn in."""
    out = image.copy()
    corner = [p for p in result.predictions if p.box is None]
    for prediction in result.predictions:
        if prediction.box is not None:
            _box(out, prediction)
    for row, prediction in enumerate(corner):
        _text(out, _caption(prediction), 0, row * _line_height(out))
    return out


def _caption(prediction: Prediction) -> str:
    """Return what is written: Hershey fonts hold ASCII only, and draw ``?`` for each byte of anything else."""
    label = prediction.label.encode("ascii", "replace").decode("ascii")
    track = "" if prediction.id is None else f" #{prediction.id}"
    return f"{label}{track} {prediction.score:.0%}"


def _box(image: Image, prediction: Prediction) -> None:
    assert prediction.box is not None
    x0, y0, x1, y1 = (round(v) for v in prediction.box)
    colour = COLOURS[prediction.index % len(COLOURS)]
    cv2.rectangle(image, (x0, y0), (x1 - 1, y1 - 1), colour, max(1, image.shape[0] // 240))
    _text(image, _caption(prediction), x0, max(0, y0 - _line_height(image)))


def _text(image: Image, text: str, left: int, top: int) -> None:
    """Write one line on a dark ground, narrowed to fit the picture's width."""
    height = image.shape[0]
    if height < MIN_TEXT_HEIGHT:
        return
    line = _line_height(image)
    scale, thickness = line / 38, max(1, line // 24)
    (width, tall), below = cv2.getTextSize(text, FONT, scale, thickness)
    room = image.shape[1] - left - line // 2
    if width > room > 0:
        scale, width = scale * room / width, room
    cv2.rectangle(image, (left, top), (left + width + line // 2, top + line - 1), PAPER, cv2.FILLED)
    origin = (left + line // 4, top + (line - tall - below) // 2 + tall)
    cv2.putText(image, text, origin, FONT, scale, INK, thickness, cv2.LINE_AA)


def _line_height(image: Image) -> int:
    return int(max(14, image.shape[0] // 18))
