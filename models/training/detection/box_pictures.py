"""Pictures of detections for people to look at."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.files import replaced
from edge.models.training.detection.voc_folder import BoxedImages
from edge.tasks.average_precision import Found

PICTURES = 6
SCORE_THRESHOLD = 0.4


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

    Args:
        image: (height, width, 3) RGB or (height, width, 1) grey, uint8.
        found: the detections, with boxes in fractions of the image.
        labels: the class names.
    """
    canvas = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR if image.shape[2] == 1 else cv2.COLOR_RGB2BGR)
    height, width = image.shape[:2]
    for box, score, number in zip(found.boxes, found.scores, found.classes, strict=True):
        if score < SCORE_THRESHOLD:
            continue
        top, left, bottom, right = (int(v) for v in np.round(box * (height, width, height, width)))
        colour = _colour(int(number), len(labels))
        cv2.rectangle(canvas, (left, top), (right, bottom), colour, 1)
        cv2.putText(canvas, labels[number], (left + 1, top + 9), cv2.FONT_HERSHEY_PLAIN, 0.7, colour)
    return np.asarray(canvas, np.uint8)


def _colour(number: int, count: int) -> tuple[int, ...]:
    """Return the BGR colour of a class; the hues of all classes are evenly spread."""
    hue = np.array([[[180 * number // count, 255, 200]]], np.uint8)
    return tuple(int(v) for v in cv2.cvtColor(hue, cv2.COLOR_HSV2BGR)[0, 0])
