"""Drawing of lines and zones over a result, each with its name and counts."""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.imaging import Image
from edge.results import Box, Place, Result
from edge.tasks import canvas, lettering

INK: canvas.Colour = (60, 220, 255)
"""The colour of lines and zones: amber, which no class has."""

FILL = 0.18
"""The opacity of a zone with an object in it, from 0 to 1."""

ARROW = 0.06
"""The length of the arrow that points to where ``in`` is, as a fraction of the picture's shorter side."""


def draw(image: Image, places: Sequence[Place]) -> None:
    """Draw lines and zones into ``image``, (height, width, 3) uint8 BGR, in place. One with odd points is left out."""
    for place in filter(_is_proper, places):
        if place.kind == "zone":
            _zone(image, place)
        else:
            _line(image, place)


def draw_captions(image: Image, result: Result) -> None:
    """Draw the names and counts of a result's places into ``image``, in place, where no object has its caption.

    They stand below their places, or else at another edge.
    """
    captions = lettering.Captions(image)
    for texts, box in _captions_of_objects(result):
        captions.reserve(texts, box)
    for place in filter(_is_proper, result.places):
        corners = np.asarray(place.points, np.float64)
        captions.add([caption(place)], (*corners.min(axis=0), *corners.max(axis=0)), low=True)


def _captions_of_objects(result: Result) -> Iterator[tuple[list[str], Box]]:
    """Yield the captions that the result's task has drawn, with their boxes."""
    for one in result.predictions:
        if one.box is not None:
            from edge.tasks.detect import captions_of

            yield captions_of(one), one.box
    for pose in result.poses:
        if pose.box is not None:
            from edge.tasks.keypoints import caption_of

            yield [caption_of(pose)], pose.box


def caption(place: Place) -> str:
    """Return the name with the counts: ``door: 3 in, 1 out``, or ``yard: 2 now, 5 entered, 3 left``."""
    counts = ", ".join(f"{count} {name}" for name, count in place.counts.items())
    return f"{place.name}: {counts}" if counts else place.name


def _is_proper(place: Place) -> bool:
    if len({len(point) for point in place.points}) != 1:
        return False
    points = np.asarray(place.points, np.float64)
    return points.ndim == 2 and points.shape[0] >= 2 and points.shape[1] == 2 and bool(np.isfinite(points).all())


def _zone(image: Image, place: Place) -> None:
    points = np.asarray([canvas.pixels(point) for point in place.points], np.int32)
    if place.counts.get("now"):
        _tint(image, points)
    _chain(image, points, True)


def _tint(image: Image, points: NDArray[np.int32]) -> None:
    """Tint the polygon. Only its bounding box is mixed, so that a small zone in a large picture costs little."""
    low = np.clip(points.min(axis=0), 0, (image.shape[1], image.shape[0]))
    high = np.clip(points.max(axis=0) + 1, 0, (image.shape[1], image.shape[0]))
    part = image[low[1] : high[1], low[0] : high[0]]
    if part.size:
        tinted = part.copy()
        cv2.fillPoly(tinted, [points - low.astype(np.int32)], INK)
        part[:] = cv2.addWeighted(part, 1 - FILL, tinted, FILL, 0)


def _line(image: Image, place: Place) -> None:
    points = np.asarray([canvas.pixels(point) for point in place.points], np.int32)
    _chain(image, points, False)
    number = len(points) // 2 - 1 if len(points) % 2 == 0 else len(points) // 2
    start, end = points[max(0, number)].astype(float), points[min(len(points) - 1, number + 1)].astype(float)
    along = end - start
    length = float(np.hypot(*along))
    if length < 1:
        return
    middle = (start + end) / 2
    reach = ARROW * min(image.shape[:2])
    tip = middle + reach * np.array([-along[1], along[0]]) / length  # to the right, as y points down
    first, last = ((round(float(x)), round(float(y))) for x, y in (middle, tip))
    for ink, thick in ((canvas.DARK, 3), (INK, 1)):
        cv2.arrowedLine(image, first, last, ink, thick * canvas.stroke(image), cv2.LINE_AA, tipLength=0.4)


def _chain(image: Image, points: NDArray[np.int32], closed: bool) -> None:
    """Draw joined lines with a dark rim, which is visible on any background."""
    for ink, thick in ((canvas.DARK, 3), (INK, 1)):
        cv2.polylines(image, [points], closed, ink, thick * canvas.stroke(image), cv2.LINE_AA)
