"""Drawing of masks: each class is drawn in its colour over the picture, with a legend."""

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.imaging import Image
from edge.results import Mask
from edge.tasks import canvas, lettering

OPACITY = 0.55
"""The opacity of the colours over the picture, from 0 to 1."""

LEAST_SHARE = 0.005
"""The least share of the picture for a class in the legend."""

BACKGROUNDS = ("background", "_background_", "bg", "unlabeled", "0")
"""Names of a first class that is not coloured."""


def paint(image: Image, mask: Mask) -> None:
    """Draw ``mask`` into ``image``, in place. The background is not changed; pixels outside the input get darker."""
    height, width = image.shape[:2]
    classes = mask.classes
    if classes.shape != (height, width):
        classes = cv2.resize(classes, (width, height), interpolation=cv2.INTER_NEAREST)
    if classes.dtype != np.uint8:
        classes = np.where(classes == mask.unknown, 255, classes % 255).astype(np.uint8)
    plain = _is_background(mask)
    colours = _table(plain)
    mixed = cv2.addWeighted(image, 1 - OPACITY, cv2.applyColorMap(classes, colours[:, None]), OPACITY, 0)
    painted = (classes > 0) if plain else np.ones(classes.shape, np.bool_)
    cv2.copyTo(mixed, painted.view(np.uint8), image)
    _legend(image, mask, colours, plain)


def _legend(image: Image, mask: Mask, colours: NDArray[np.uint8], plain: bool) -> None:
    """Draw the legend of the coloured classes, with the largest first."""
    numbers = {label: number for number, label in reversed(list(enumerate(mask.labels)))}
    shares = sorted(mask.shares().items(), key=lambda row: -row[1])
    rows = [(label, share) for label, share in shares if share >= LEAST_SHARE and not (plain and numbers[label] == 0)]
    lettering.legend(image, [(f"{label} {share:.0%}", _tuple(colours[numbers[label] % 255])) for label, share in rows])


def _is_background(mask: Mask) -> bool:
    return not mask.labels or mask.labels[0].lower() in BACKGROUNDS


def _table(plain: bool) -> NDArray[np.uint8]:
    """Return (256, 3) colours. Black is only for a background class; without one the first colour is the next."""
    colours = canvas.palette(256)
    if not plain:
        colours = np.roll(colours, -1, axis=0)
    colours[255] = 0
    return colours


def _tuple(colour: NDArray[np.uint8]) -> canvas.Colour:
    blue, green, red = (int(value) for value in colour)
    return blue, green, red
