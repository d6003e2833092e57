"""Pictures of keypoints for people to look at."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.files import replaced

PICTURES = 6
SHORTEST = 160
"""The least length of a drawn picture's shorter side, in pixels. Smaller pictures are enlarged."""


def write_sheet(
    path: Path, images: NDArray[np.uint8], points: NDArray[np.float32], edges: tuple[tuple[int, int], ...]
) -> None:
    """Draw the first pictures with their keypoints side by side, and write them as a PNG.

    Args:
        path: the file to write.
        images: (n, height, width, 1 or 3) uint8, grey or RGB.
        points: (n, keypoints, 2) x and y in fractions of the picture.
        edges: pairs of keypoint indices that a line joins.
    """
    drawn = [draw(image, each, edges) for image, each in zip(images[:PICTURES], points, strict=False)]
    with replaced(path) as temporary:
        temporary.write_bytes(cv2.imencode(".png", np.concatenate(drawn, axis=1))[1].tobytes())


def draw(
    image: NDArray[np.uint8], points: NDArray[np.float32], edges: tuple[tuple[int, int], ...]
) -> NDArray[np.uint8]:
    """Return a BGR copy of one picture with its keypoints, enlarged when it is small.

    Args:
        image: (height, width, 1 or 3) uint8, grey or RGB.
        points: (keypoints, 2) x and y in fractions of the picture.
        edges: pairs of keypoint indices that a line joins.
    """
    canvas = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR if image.shape[2] == 1 else cv2.COLOR_RGB2BGR)
    factor = max(1, -(-SHORTEST // min(canvas.shape[:2])))
    canvas = cv2.resize(canvas, None, fx=factor, fy=factor, interpolation=cv2.INTER_NEAREST)
    height, width = canvas.shape[:2]
    places = [tuple(int(v) for v in np.round(point * (width, height))) for point in points]
    for start, stop in edges:
        cv2.line(canvas, places[start], places[stop], (0, 220, 220), 1, cv2.LINE_AA)
    for number, place in enumerate(places):
        hue = np.array([[[180 * number // len(places), 255, 255]]], np.uint8)
        cv2.circle(canvas, place, 3, tuple(int(v) for v in cv2.cvtColor(hue, cv2.COLOR_HSV2BGR)[0, 0]), -1)
    return np.asarray(canvas, np.uint8)
