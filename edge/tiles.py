"""Tiles: a network runs on windows that cover a frame at its own resolution, and their results are joined to one.

This is for networks that were trained on windows of large pictures: scaled down to the input's size, a large picture
would show them structures of a size that they never saw. It follows the overlap-tile strategy of U-Net (Ronneberger et
al. 2015, section 2): windows overlap, so that each pixel is taken from a window that sees enough around it.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge import tasks
from edge.errors import InputError
from edge.imaging import Image, InputFormat, Prepared, Preprocessor, mirrored, turned
from edge.placement import Placement
from edge.results import Mask, Result
from edge.signature import Input, Signature, image_size
from edge.tensors import TensorSpec

OVERLAP = 8
"""Windows that follow each other share at least one part in so many of their side; see docs/decisions/tiles.md."""


class Span(NamedTuple):
    """A window on one axis of the frame, in pixels.

    Attributes:
        start: the window's first pixel.
        first: the first pixel that is taken from the window.
        end: the pixel behind the last one that is taken from it.
    """

    start: int
    first: int
    end: int


def spans(length: int, size: int) -> list[Span]:
    """Return windows of ``size`` pixels that cover ``length`` pixels, evenly spaced, in order.

    They overlap by at least ``size / OVERLAP`` pixels and stay inside, unless ``length`` is less than ``size``: then
    there is one. A pixel is taken from the window whose centre is nearest, the first of two.
    """
    room, step = max(0, length - size), max(1, size * (OVERLAP - 1) // OVERLAP)
    steps = -(-room // step)
    starts = [room * i // max(1, steps) for i in range(steps + 1)]
    cuts = [0, *((a + b + size + 1) // 2 for a, b in pairwise(starts)), length]
    return [Span(start, *part) for start, part in zip(starts, pairwise(cuts), strict=True)]


class TilePreprocessor:
    """Turns BGR frames of any size into pixels that windows can be cut from, and runs a network on the windows.

    Windows are cut and made ready only when their turn comes: the memory does not grow with their number.
    """

    def __init__(self, spec: TensorSpec, form: InputFormat, rotation: int = 0) -> None:
        """Check the format against the input.

        Args:
            spec: the image input, as ``Preprocessor`` takes it.
            form: how pixels become its numbers.
            rotation: how far frames are turned clockwise first, one of 0, 90, 180, 270 degrees.

        Raises:
            InputError: the input is no image of that format.
        """
        self._prepare, self._rotation = Preprocessor(spec, form), rotation
        self._size = image_size(spec.shape, form)

    def __call__(self, image: Image) -> Prepared:
        """Return the pixels of the turned frame, mirrored on to a window's size, and where the frame lies in them.

        Args:
            image: (height, width, 3) uint8 BGR. Without rotation and padding, the pixels are the image itself.
        """
        pixels = mirrored(turned(image, self._rotation), self._size)
        frame, whole = (image.shape[1], image.shape[0]), (pixels.shape[1], pixels.shape[0])
        return Prepared(pixels, Placement(frame, whole, (1.0, 1.0), rotation=self._rotation))

    def infer(self, prepared: Prepared, run: Callable[[Prepared], Result]) -> Result:
        """Return the result for the whole frame, joined from those of all windows.

        Args:
            prepared: what the call returned.
            run: returns the network's result for one window: a mask, or a picture of any scale.
        """
        (width, height), pixels = self._size, prepared.tensor
        columns, rows = (
            spans(length, size) for length, size in zip(prepared.placement.turned, self._size, strict=True)
        )
        results = [run(self._prepare(pixels[y : y + height, x : x + width])) for y, *_ in rows for x, *_ in columns]

        def joined(pictures: Sequence[NDArray[Any]]) -> NDArray[Any]:
            each_row = (pictures[at : at + len(columns)] for at in range(0, len(pictures), len(columns)))
            strips = [_strip(row, columns, width, axis=1) for row in each_row]
            return np.ascontiguousarray(np.rot90(_strip(strips, rows, height, axis=0), self._rotation // 90))

        masks = [one.mask for one in results if one.mask is not None]
        images = [one.image for one in results if one.image is not None]
        labels = max((mask.labels for mask in masks), key=len, default=())
        return replace(
            results[0],
            mask=Mask(joined([mask.classes for mask in masks]), labels) if masks else None,
            image=joined(images) if images else None,
        )


def _strip(pictures: Sequence[NDArray[Any]], along: Sequence[Span], size: int, axis: int) -> NDArray[Any]:
    """Return the pictures of windows as one: of each the part that is taken from it.

    Args:
        pictures: of the windows, in their order; all of one length along ``axis``, which may differ from ``size``.
        along: the windows on that axis.
        size: of a window, in pixels of the frame.
        axis: of the pictures, 0 or 1.
    """
    cells = pictures[0].shape[axis]
    parts = []
    for picture, span in zip(pictures, along, strict=True):
        start, first, end = ((2 * edge * cells + size) // (2 * size) for edge in span)  # rounded to whole cells
        end = max(1, end)
        begin = min(first - start, cells - (end - first))
        part = slice(begin, begin + end - first)
        parts.append(picture[part] if axis == 0 else picture[:, part])
    return np.concatenate(parts, axis)


def check(signature: Signature) -> None:
    """Raise InputError when tiles are stated for a network that cannot run on them."""
    if not signature.tiled:
        return
    other = "state resize stretch, letterbox or crop"
    if len(signature.inputs) != 1 or len(signature.inputs[0].shape) == 5:
        shapes = ", ".join(f"{one.name} {one.shape}" for one in signature.inputs)
        raise InputError(f"resize tile is for a network whose only input is one image, got {shapes}; {other}")
    if not getattr(tasks.load(signature.task.name), "joins_tiles", False):
        raise InputError(
            "resize tile is for tasks that give a mask or a picture, which can be joined from windows, as segment and "
            f"image do, got task {signature.task.name}; {other}"
        )


def check_one_window(entry: Input, picture: Image) -> None:
    """Raise InputError when a picture that is given by name is not of the input's size: its outputs are not joined."""
    width, height = entry.size
    if picture.shape[:2] != (height, width):
        raise InputError(
            f"input {entry.name!r} takes tiles: given by name, a picture must be of its size {width}x{height}, got "
            f"{picture.shape[1]}x{picture.shape[0]}; give the picture alone, and it is covered with windows"
        )
