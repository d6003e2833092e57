"""Augmentation of one image: a window of it is cut out, zoomed and mirrored, and its colours are changed."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def warp(image: NDArray[np.float32], zoom: NDArray[Any], shift: NDArray[Any]) -> NDArray[np.float32]:
    """Return what a window of the image shows, scaled to the size of the image.

    Pixels at the edge are repeated where the window reaches beyond the image.

    Args:
        image: (height, width, channels) float32.
        zoom: (2,) the window's height and width, as fractions of the image's. A negative value mirrors the image.
        shift: (2,) the distance of the window's centre from the image's centre in y and x, in fractions of the image.
    """
    height, width = image.shape[:2]
    middle = np.array([height - 1, width - 1]) / 2
    start = middle - zoom * middle + shift * (height, width)
    rows = np.array([[zoom[1], 0, start[1]], [0, zoom[0], start[0]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    out = cv2.warpAffine(image, rows, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(out, np.float32).reshape(image.shape)


def jitter(image: NDArray[np.float32], amount: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the image with another brightness, contrast and saturation.

    Contrast is scaled around the mean of the image, and saturation around the grey value of each pixel.

    Args:
        image: (height, width, channels) float32, from 0 to 255.
        amount: the largest change of each, as a fraction; 0 for none.
        rng: the random generator.
    """
    if not amount:
        return image
    bright, contrast, saturation = rng.uniform(1 - amount, 1 + amount, 3).astype(np.float32)
    image = image * bright
    image = image.mean() + (image - image.mean()) * contrast
    grey = image.mean(axis=2, keepdims=True)
    return np.asarray(np.clip(grey + (image - grey) * saturation, 0, 255), np.float32)
