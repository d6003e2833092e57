"""YUV and grey pixels of a camera, resized plane by plane and converted afterwards.

A picture of 1920 x 1080 is converted for 224 x 224 pixels of it then, instead of for two million. Nothing is computed
twice: chroma is interpolated between its own samples, where ``cv2.cvtColor`` repeats each sample for 2 x 2 pixels. For
pictures of cameras the two differ by 0.3 to 1 grey level on average.

The conversion is BT.601 in video range (https://www.itu.int/rec/R-REC-BT.601), as in ``cv2.cvtColor``:
R = 1.164 (Y - 16) + 1.596 (V - 128), G = 1.164 (Y - 16) - 0.392 (U - 128) - 0.813 (V - 128) and
B = 1.164 (Y - 16) + 2.017 (U - 128), limited to 0..255.
"""

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Planar = Literal["GRAY", "I420", "NV12", "YUYV"]
Box = tuple[int, int, int, int]
"""Left, top, width and height in pixels of the frame."""

SMALLER = 12
"""The frame must have so many times the pixels of the result: for less, to convert it first costs no more. It took 380
us for 640 x 480 to 224 x 224, where this took 330, and 1,000 where this took 160 for 1920 x 1080."""

_LUMA = 255 / 219
_RED, _GREEN, _BLUE = (0.0, 1.596027), (-0.391762, -0.812968), (2.017232, 0.0)


def _matrix(*colours: tuple[float, float]) -> NDArray[np.float64]:
    """Return the matrix (colours, 4) for Y, U, V and 1, from the weights of U and V in each colour."""
    return np.array([[_LUMA, u, v, -16 * _LUMA - 128 * (u + v)] for u, v in colours])


_MATRICES = {"RGB": _matrix(_RED, _GREEN, _BLUE), "BGR": _matrix(_BLUE, _GREEN, _RED)}
_GREY: Pixels = np.clip(np.rint((np.arange(256) - 16) * _LUMA), 0, 255).astype(np.uint8)


def pays(form: str, box: Box, size: tuple[int, int]) -> bool:
    """Return whether to resize a frame's planes before they are converted.

    Args:
        form: the frame's pixel format.
        box: the part of the frame that is resized. Chroma has no sample at its edges when one of them is odd.
        size: width and height of the result.
    """
    if form == "GRAY":
        return True
    even = not any(edge % 2 for edge in box)
    return form in ("I420", "NV12", "YUYV") and even and box[2] * box[3] >= SMALLER * size[0] * size[1]


def resized(pixels: Pixels, form: Planar, box: Box, size: tuple[int, int], colour: str) -> Pixels:
    """Return a part of a frame as a picture.

    Args:
        pixels: the frame's array, in the shape that ``edge.frames.PixelFormat`` states.
        form: its format.
        box: the part; its edges are even, except for ``GRAY``.
        size: width and height of the result.
        colour: ``RGB``, ``BGR`` or ``GRAY``.

    Returns:
        (height, width, 3) uint8, or (height, width, 1) for ``GRAY``.
    """
    if form == "GRAY":
        grey = _scaled(_cut(pixels, box), size)
        return grey[..., None] if colour == "GRAY" else np.asarray(cv2.merge([grey] * 3), np.uint8)
    if colour == "GRAY":
        return _GREY[_luma(pixels, form, box, size)][..., None]
    planes = cv2.merge([_luma(pixels, form, box, size), *_chroma(pixels, form, box, size)])
    return np.asarray(cv2.transform(planes, _MATRICES[colour]), np.uint8)


def _luma(pixels: Pixels, form: Planar, box: Box, size: tuple[int, int]) -> Pixels:
    if form == "YUYV":  # its second channel is U and V in turn, which the result is of no use for
        return _scaled(_cut(pixels, box), size)[..., 0]
    return _scaled(_cut(pixels[: pixels.shape[0] * 2 // 3], box), size)


def _chroma(pixels: Pixels, form: Planar, box: Box, size: tuple[int, int]) -> list[Pixels]:
    """Return U and V in the size of the result."""
    left, top, width, height = box
    half = (left // 2, top // 2, width // 2, height // 2)
    if form == "YUYV":
        pairs = pixels.reshape(pixels.shape[0], -1, 4)  # Y, U, Y and V of two pixels
        both = _scaled(_cut(pairs, (left // 2, top, width // 2, height)), size)
        return [both[..., 1], both[..., 3]]
    rows, columns = pixels.shape[0] // 3, pixels.shape[1] // 2
    chroma = pixels[rows * 2 :]
    if form == "NV12":
        return [_scaled(_cut(chroma.reshape(rows, columns, 2), half), size)]
    return [_scaled(_cut(plane, half), size) for plane in chroma.reshape(2, rows, columns)]


def _cut(plane: Pixels, box: Box) -> Pixels:
    left, top, width, height = box
    return plane[top : top + height, left : left + width]


def _scaled(plane: Pixels, size: tuple[int, int]) -> Pixels:
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR), np.uint8)
