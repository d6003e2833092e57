"""Augmentation of images with boxes: one window onto the image, mirrored or not, and its colours."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.models.training.settings import Augmentation
from edge.tasks.average_precision import Truth


def augment(
    image: NDArray[np.float32], truth: Truth, how: Augmentation, upside_down: bool, rng: Any
) -> tuple[NDArray[np.float32], Truth]:
    """Mirror, shift, zoom and recolour one image (height, width, channels), pixels 0 to 255, with its boxes.

    The window that is shown moves by up to ``how.crop`` pixels and is larger or smaller by up to twice that.
    """
    height, width = image.shape[:2]
    reach = min(0.9, 2 * how.crop / min(height, width))
    zoom = 1 + rng.uniform(-reach, reach)
    signs = np.array([_sign(upside_down, rng), _sign(how.flip, rng)])
    shift = rng.uniform(-how.crop, how.crop, 2) / (height, width)
    moved = warp(image, zoom * signs, shift) if how.crop or (signs < 0).any() else image
    return jitter(moved, how.jitter, rng), window(truth, zoom * signs, shift)


def _sign(wanted: bool, rng: Any) -> int:
    return -1 if wanted and rng.random() < 0.5 else 1


def warp(image: NDArray[np.float32], zoom: NDArray[Any], shift: NDArray[Any]) -> NDArray[np.float32]:
    """Return the image seen through the window that ``window`` describes; beyond its edges they are repeated."""
    height, width = image.shape[:2]
    middle = np.array([height - 1, width - 1]) / 2
    start = middle - zoom * middle + shift * (height, width)
    rows = np.array([[zoom[1], 0, start[1]], [0, zoom[0], start[0]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    out = cv2.warpAffine(image, rows, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(out, np.float32).reshape(image.shape)


def window(truth: Truth, zoom: NDArray[Any], shift: NDArray[Any]) -> Truth:
    """Return the boxes as a window shows them whose centre is ``shift`` from the image's and whose sides are ``zoom``.

    zoom, shift: (2,) for y and x, fractions of the image; a negative zoom mirrors. Boxes with their centre outside
    are left out, as in SSD; the others are cut at the window.
    """
    ends = (truth.boxes.reshape(-1, 2, 2) - 0.5 - shift) / zoom + 0.5
    boxes = np.concatenate([ends.min(axis=1), ends.max(axis=1)], axis=1)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    inside = np.all((centres > 0) & (centres < 1), axis=1)
    cut = np.clip(boxes[inside], 0, 1).astype(np.float32)
    return Truth(cut, truth.classes[inside], truth.difficult[inside])


def jitter(image: NDArray[np.float32], amount: float, rng: Any) -> NDArray[np.float32]:
    """Scale brightness, contrast around the image's mean, saturation around its grey, each by up to ``amount``."""
    if not amount:
        return image
    bright, contrast, saturation = rng.uniform(1 - amount, 1 + amount, 3).astype(np.float32)
    image = image * bright
    image = image.mean() + (image - image.mean()) * contrast
    grey = image.mean(axis=2, keepdims=True)
    return np.asarray(np.clip(grey + (image - grey) * saturation, 0, 255), np.float32)
