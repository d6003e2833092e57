"""Pictures of detections for people to look at."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.files import replaced
from edge.models.training.detection.voc_folder import BoxedImages
from edge.tasks.average_precision import Found

PICTURES = 6
SCORE_THRESHOLD = 0.4
SHORTEST = 240
"""The least length of a drawn picture's shorter side, in pixels. Smaller pictures are enlarged for their captions."""


def write_sheet(path: Path, data: BoxedImages, found: Sequence[Found], labels: tuple[str, ...]) -> None:
    """Draw the first images with their detections side by side, and write them as a PNG.

    Args:
        path: the file to write.
        data: the images.
        found: the detections of each image, with boxes in fractions of the image.
        labels: the class names.
    """
    drawn = [draw(image, each, labels) for image, each in zip(data.images[:PICTURES], found, strict=False)]
    with replaced(path) as temporary:
        if not cv2.imwrite(str(temporary), np.concatenate(drawn, axis=1)):
            raise OSError("OpenCV cannot write it")


def draw(image: NDArray[np.uint8], found: Found, labels: tuple[str, ...]) -> NDArray[np.uint8]:
    """Return a BGR copy of an image with its detections of at least ``SCORE_THRESHOLD``, in one colour for each class.

    A small image is enlarged.

    Args:
        image: (height, width, 3) RGB or (height, width, 1) grey, uint8.
        found: the detections, with boxes in fractions of the image.
        labels: the class names.
    """
    canvas = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR if image.shape[2] == 1 else cv2.COLOR_RGB2BGR)
    factor = max(1, -(-SHORTEST // min(canvas.shape[:2])))
    canvas = cv2.resize(canvas, None, fx=factor, fy=factor, interpolation=cv2.INTER_NEAREST)
    height, width = canvas.shape[:2]
    for box, score, number in zip(found.boxes, found.scores, found.classes, strict=True):
        if score < SCORE_THRESHOLD:
            continue
        top, left, bottom, right = (int(v) for v in np.round(box * (height, width, height, width)))
        colour = _colour(int(number), len(labels))
        cv2.rectangle(canvas, (left, top), (right, bottom), colour, 2)
        _caption(canvas, f"{labels[number]} {score:.0%}", left, top)
    return np.asarray(canvas, np.uint8)


def _caption(canvas: NDArray[Any], words: str, left: int, top: int) -> None:
    """Write a line on a dark ground above a box, or in it where the picture ends."""
    (wide, tall), below = cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, 0.4, 1)
    left, base = max(0, min(left, canvas.shape[1] - wide)), max(tall + 2, top - below)
    cv2.rectangle(canvas, (left, base - tall - 2), (left + wide, base + below), (32, 32, 32), cv2.FILLED)
    cv2.putText(canvas, words, (left, base), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255), 1, cv2.LINE_AA)


def _colour(number: int, count: int) -> tuple[int, ...]:
    """Return the BGR colour of a class; the hues of all classes are evenly spread."""
    hue = np.array([[[180 * number // count, 255, 255]]], np.uint8)
    return tuple(int(v) for v in cv2.cvtColor(hue, cv2.COLOR_HSV2BGR)[0, 0])
