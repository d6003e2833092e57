"""Augmentation of images with boxes: the image is mirrored, shifted and zoomed, and its colours are changed."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.models.training.image_augmentation import jitter, warp
from edge.models.training.settings import Augmentation
from edge.tasks.average_precision import Truth


def augment(
    image: NDArray[np.float32], truth: Truth, how: Augmentation, upside_down: bool, rng: np.random.Generator
) -> tuple[NDArray[np.float32], Truth]:
    """Return a random variant of one image and of its boxes.

    A window is chosen at random, and the result shows what lies in it. The window is shifted by up to ``how.crop``
    pixels, and each side grows or shrinks by up to twice that.

    Args:
        image: (height, width, channels) float32, from 0 to 255.
        truth: the true boxes of the image.
        how: the augmentation; ``flip``, ``crop`` and ``jitter`` are used.
        upside_down: whether half of the images are mirrored top to bottom, too.
        rng: the random generator.
    """
    height, width = image.shape[:2]
    zoom_range = min(0.9, 2 * how.crop / min(height, width))
    zoom = 1 + rng.uniform(-zoom_range, zoom_range)
    signs = np.array([_random_sign(upside_down, rng), _random_sign(how.flip, rng)])
    shift = rng.uniform(-how.crop, how.crop, 2) / (height, width)
    moved = warp(image, zoom * signs, shift) if how.crop or (signs < 0).any() else image
    return jitter(moved, how.jitter, rng), boxes_in_window(truth, zoom * signs, shift)


def _random_sign(mirrors: bool, rng: np.random.Generator) -> int:
    return -1 if mirrors and rng.random() < 0.5 else 1


def boxes_in_window(truth: Truth, zoom: NDArray[Any], shift: NDArray[Any]) -> Truth:
    """Return the boxes in the coordinates of a window of the image.

    Boxes whose centre lies outside of the window are left out, as in SSD. The others are clipped to the window.

    Args:
        truth: boxes in fractions of the image.
        zoom: (2,) the window's height and width, as fractions of the image's. A negative value mirrors the image.
        shift: (2,) the distance of the window's centre from the image's centre in y and x, in fractions of the image.
    """
    ends = (truth.boxes.reshape(-1, 2, 2) - 0.5 - shift) / zoom + 0.5
    boxes = np.concatenate([ends.min(axis=1), ends.max(axis=1)], axis=1)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    inside = np.all((centres > 0) & (centres < 1), axis=1)
    clipped = np.clip(boxes[inside], 0, 1).astype(np.float32)
    return Truth(clipped, truth.classes[inside], truth.difficult[inside])
