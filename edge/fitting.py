"""How pictures are turned, cut, padded and mirrored to fit an input. All sizes are in pixels."""

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""A picture: (height, width, 3) uint8, BGR, as in OpenCV."""

Box = tuple[int, int, int, int]
"""Left, top, width and height."""

_CLOCKWISE = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


def turned(image: Image, rotation: int) -> Image:
    """Return the image turned clockwise by 0, 90, 180 or 270 degrees; turned by 0 it is the image itself."""
    return np.asarray(cv2.rotate(image, _CLOCKWISE[rotation]), np.uint8) if rotation else image


def mirrored(image: Image, size: tuple[int, int]) -> Image:
    """Return the image, mirrored at its right and its lower edge where it is smaller than (width, height) ``size``.

    Training mirrors in the same way (``edge.models.training.segmentation.windows.padded``).
    """
    right, bottom = (max(0, least - have) for least, have in zip(size, image.shape[1::-1], strict=True))
    if not (right or bottom):
        return image
    return np.asarray(cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_REFLECT), np.uint8)


def unturned(box: Box, frame: tuple[int, int], rotation: int) -> Box:
    """Return where a box of the turned frame lies in the frame itself.

    Args:
        box: in the turned frame.
        frame: width and height of the frame before it is turned.
        rotation: the clockwise rotation, in degrees.
    """
    left, top, width, height = box
    if rotation == 90:
        return top, frame[1] - left - width, height, width
    if rotation == 180:
        return frame[0] - left - width, frame[1] - top - height, width, height
    if rotation == 270:
        return frame[0] - top - height, left, height, width
    return box


def letterbox_box(width: int, height: int, to_width: int, to_height: int) -> tuple[int, int, int, int]:
    """Return left, top, width and height, in pixels, of the scaled image inside the letterbox."""
    scale = min(to_width / width, to_height / height)
    inner_width, inner_height = max(1, round(width * scale)), max(1, round(height * scale))
    return (to_width - inner_width) // 2, (to_height - inner_height) // 2, inner_width, inner_height


def centre_box(width: int, height: int, aspect: float) -> tuple[int, int, int, int]:
    """Return left, top, width and height, in pixels, of the largest centred part with the aspect width / height."""
    new_width = min(width, max(1, round(height * aspect)))
    new_height = min(height, max(1, round(width / aspect)))
    return (width - new_width) // 2, (height - new_height) // 2, new_width, new_height
