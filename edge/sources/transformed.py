"""``Transformed`` wraps a source: its frames are rotated, flipped and cut to a region, and carry another name."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.frames import Frame, PixelFormat
from edge.sources.base import HEALTH, Source
from edge.sources.options import Region, SourceOptions

Pixels = NDArray[np.uint8]

Span = tuple[int, int, int, int]
"""x0, y0, x1, y1 in pixels; x1 and y1 lie outside."""

_ROTATIONS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
_FLIPS = {"horizontal": 1, "vertical": 0}


class Transformed(Source):
    """The frames of another source after the rotation, flip and region of some options, with their name.

    Frames that carry the name of the other source get the new one. Pictures of a folder keep their paths.
    """

    def __init__(self, source: Source, options: SourceOptions) -> None:
        """Wrap ``source``, which ``close`` closes too."""
        self._source, self._options = source, options
        self.name = options.name or source.name
        self.live, self.fps = source.live, source.fps

    def __getattribute__(self, name: str) -> Any:
        """Return what the wrapped source tells of itself, such as its ``lost_frames``, and else an own attribute."""
        if name in HEALTH:
            return getattr(self._source, name, HEALTH[name])
        return super().__getattribute__(name)

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames."""
        for frame in self._source:
            pixels, form = transform(frame, self._options)
            source = self.name if frame.source == self._source.name else frame.source
            yield replace(frame, pixels=pixels, format=form, source=source)

    def close(self) -> None:
        """See Source."""
        self._source.close()


def transform(frame: Frame, options: SourceOptions) -> tuple[Pixels, PixelFormat]:
    """Return the pixels of a frame after rotation, flip and region, in this order, and their format.

    BGR, GRAY, I420 and NV12 are kept; the edges of a region of the latter two lie at even pixels. YUYV is kept when it
    is only cut. A region alone copies no pixels of BGR, GRAY and YUYV.
    """
    if not options.transforms:
        return frame.pixels, frame.format
    pixels, form = frame.pixels, frame.format
    if form == "YUYV" and (options.rotate or options.flip):
        pixels, form = frame.bgr, "BGR"
    span = _span(frame.size, options, 1 if form in ("BGR", "GRAY") else 2)
    if form in ("I420", "NV12"):
        planes = _planes(pixels, form)
        changed = [_changed(plane, span, 2 if number else 1, options) for number, plane in enumerate(planes)]
        return _joined(changed), form
    return _changed(pixels, span, 1, options), form


def _span(size: tuple[int, int], options: SourceOptions, step: int) -> Span:
    """Return the region in the frame before its rotation and flip, so that fewer pixels are moved."""
    width, height = size[::-1] if options.rotate in (90, 270) else size
    x0, y0, x1, y1 = _pixels(options.region or (0.0, 0.0, 1.0, 1.0), width, height, step)
    if options.flip == "horizontal":
        x0, x1 = width - x1, width - x0
    if options.flip == "vertical":
        y0, y1 = height - y1, height - y0
    if options.rotate == 90:  # a pixel at (x, y) of the rotated frame was at (y, width - 1 - x)
        return y0, width - x1, y1, width - x0
    if options.rotate == 180:
        return width - x1, height - y1, width - x0, height - y0
    if options.rotate == 270:
        return height - y1, x0, height - y0, x1
    return x0, y0, x1, y1


def _pixels(region: Region, width: int, height: int, step: int) -> Span:
    """Return a region in pixels, at least one step wide and high, with edges at multiples of ``step``."""
    edges = []
    for low, high, length in ((region[0], region[2], width), (region[1], region[3], height)):
        first, last = (step * round(share * length / step) for share in (low, high))
        first = min(first, length - step)
        edges.append((first, max(last, first + step)))
    (x0, x1), (y0, y1) = edges
    return x0, y0, x1, y1


def _changed(plane: Pixels, span: Span, divisor: int, options: SourceOptions) -> Pixels:
    """Return one plane, (height, width[, channels]), cut to ``span`` / ``divisor``, rotated and flipped."""
    x0, y0, x1, y1 = (edge // divisor for edge in span)
    plane = plane[y0:y1, x0:x1]
    if options.rotate:
        plane = np.asarray(cv2.rotate(plane, _ROTATIONS[options.rotate]), np.uint8)
    if options.flip:
        plane = np.asarray(cv2.flip(plane, _FLIPS[options.flip]), np.uint8)
    return plane


def _planes(pixels: Pixels, form: PixelFormat) -> list[Pixels]:
    """Return the planes of I420, each (height, width), or of NV12, whose second has two channels. They are views."""
    height, width = pixels.shape[0] * 2 // 3, pixels.shape[1]
    flat, luma, half = pixels.reshape(-1), height * width, (height // 2, width // 2)
    if form == "NV12":
        return [pixels[:height], flat[luma:].reshape(*half, 2)]
    ends = (luma, luma * 5 // 4, luma * 3 // 2)
    return [pixels[:height], *(flat[a:b].reshape(half) for a, b in pairwise(ends))]


def _joined(planes: list[Pixels]) -> Pixels:
    height, width = planes[0].shape
    return np.concatenate([plane.reshape(-1) for plane in planes]).reshape(height * 3 // 2, width)
