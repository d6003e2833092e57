"""A frame holds the pixels of a source, their time of capture, and the BGR picture converted from them."""

import time
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import InputError
from edge.imaging import Image
from edge.once import Once

PixelFormat = Literal["BGR", "GRAY", "I420", "NV12", "YUYV"]
"""How the pixels of a frame of width w and height h lie in its array, which is uint8:

- ``BGR``: (h, w, 3), blue, green, red.
- ``GRAY``: (h, w).
- ``I420``: (3h / 2, w): the plane of luma, then that of U, then that of V, both at half the width and height.
- ``NV12``: (3h / 2, w): the plane of luma, then U and V in turn, at half the width and height.
- ``YUYV``: (h, w, 2): luma of each pixel with U or V in turn, so that two pixels share one U and one V.

The YUV formats hold BT.601 in video range: luma from 16 to 235, U and V around 128.
"""

AgeClock = Literal["arrival", "decode", "pts", "sender"]
"""The moment from which a frame's age counts: its arrival here, its decoding from a file, its time stamp in the stream,
or the time that its sender states."""

_TO_BGR = {
    "GRAY": cv2.COLOR_GRAY2BGR,
    "I420": cv2.COLOR_YUV2BGR_I420,
    "NV12": cv2.COLOR_YUV2BGR_NV12,
    "YUYV": cv2.COLOR_YUV2BGR_YUY2,
}
_SHAPES = {
    "BGR": "(height, width, 3)",
    "GRAY": "(height, width)",
    "I420": "(3 * height / 2, width), height and width even",
    "NV12": "(3 * height / 2, width), height and width even",
    "YUYV": "(height, width, 2), width even",
}


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame of a source.

    Attributes:
        pixels: the source's array, uint8, in the shape of ``format``.
        format: the pixel format of the array.
        index: the number that the source gave the frame, from 0. A gap means that the source dropped frames.
        captured_ns: ``time.time_ns()`` at the moment that ``age_clock`` names.
        age_clock: what the frame's age counts from.
        source: the source's name for the user, such as a path, without passwords. Each picture of a folder has its own.
        stream: the name that all frames of one source share, also the pictures of a folder. Gates, trackers and
            counters are kept for each stream. The loop sets it; empty takes ``source``.
        position: the time of the frame in its video file, in seconds. None for pictures and live sources.
        monotonic_ns: ``time.monotonic_ns()`` at the moment of ``captured_ns``. 0 computes it from ``captured_ns``.
    """

    pixels: NDArray[np.uint8]
    format: PixelFormat
    index: int
    captured_ns: int
    age_clock: AgeClock
    source: str
    stream: str = ""
    position: float | None = None
    monotonic_ns: int = 0
    _converted: Once[Image] | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        """Check the pixels. Raises InputError when they do not have the shape and dtype of the format."""
        pixels = self.pixels
        if not self.stream:
            object.__setattr__(self, "stream", self.source)
        if self.format not in _SHAPES:
            raise InputError(f"a frame's format must be one of {', '.join(get_args(PixelFormat))}, got {self.format!r}")
        if pixels.dtype != np.uint8 or not pixels.size or not _fits(self.format, pixels.shape):
            raise InputError(
                f"a {self.format} frame must be {_SHAPES[self.format]} uint8, got {pixels.shape} {pixels.dtype}"
            )
        if not self.monotonic_ns:
            object.__setattr__(self, "monotonic_ns", time.monotonic_ns() - (time.time_ns() - self.captured_ns))
        if self.format != "BGR":
            # A bound method would make a reference cycle, which keeps frames in memory until the garbage collection.
            object.__setattr__(self, "_converted", Once(partial(_to_bgr, pixels, self.format)))

    @property
    def bgr(self) -> Image:
        """The picture, (height, width, 3) uint8 BGR. Other formats are converted once, at the first use.

        All users share the array, so it must not be changed.
        """
        return self.pixels if self._converted is None else self._converted()

    def age_ns(self) -> int:
        """Return the age at this moment in nanoseconds. A jump of the system clock does not change it."""
        return time.monotonic_ns() - self.monotonic_ns

    @property
    def size(self) -> tuple[int, int]:
        """The width and height in pixels."""
        rows, width = self.pixels.shape[:2]
        return width, rows * 2 // 3 if self.format in ("I420", "NV12") else rows


def _to_bgr(pixels: NDArray[np.uint8], form: PixelFormat) -> Image:
    return np.asarray(cv2.cvtColor(pixels, _TO_BGR[form]), np.uint8)


def _fits(form: PixelFormat, shape: tuple[int, ...]) -> bool:
    if form == "BGR":
        return len(shape) == 3 and shape[2] == 3
    if form == "GRAY":
        return len(shape) == 2
    if form == "YUYV":
        return len(shape) == 3 and shape[2] == 2 and shape[1] % 2 == 0
    return len(shape) == 2 and shape[0] % 3 == 0 and shape[1] % 2 == 0  # 3h / 2 rows, h even: a multiple of 3
