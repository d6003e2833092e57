"""The forms that YOLO exports give their boxes in: pixels, fractions of the input, or offsets from the grid.

Ultralytics' ONNX files give pixels and their TFLite files fractions, others convert one into the other, and YOLOX gives
offsets. Nothing in a file's border says which. A dense head does: it has a box for every place of its grids, so the
centres reach from one end of the input to the other, and no decoded side is below 0.
"""

from types import MappingProxyType

import numpy as np

from edge.decoders.base import Floats
from edge.decoders.heads import Size, corners_of, grid, places
from edge.errors import InputError

FORMS = ("auto", "pixels", "fractions", "grid")
"""Of the parameter ``coordinates``."""

STRIDES = ((8, 16, 32), (8, 16, 32, 64), (4, 8, 16, 32))
"""Of the usual heads, of those for large inputs (P6) and of those for small objects (P2)."""

YOLO_PIXELS = MappingProxyType({"colour": "RGB", "mean": (0.0,), "std": (255.0,), "resize": "letterbox"})
"""What the networks expect of pixels, fields of ``InputFormat``."""

REMEDY = "export the network with the sigmoid of its scores"
"""What to do about a head whose scores are logits."""

LARGEST_FRACTION = 2.0
"""Coordinates up to here are fractions: no detector has an input of two pixels."""

LEAST_SIDE = -0.01
"""Decoded sides are not below 0; this much rounding is let pass."""


def strides_for(size: Size, count: int, anchors: int = 1) -> tuple[int, ...] | None:
    """Return the strides whose maps have ``count`` boxes together, ``anchors`` at a place; None when none do."""
    return next((strides for strides in STRIDES if anchors * places(size, strides) == count), None)


def boxes_of(xywh: Floats, form: str, size: Size, decoder: str) -> Floats:
    """Return (n, 4) x0, y0, x1, y1 in pixels of (n, 4) centre x, centre y, width, height.

    Args:
        xywh: every box of a dense head.
        form: one of ``FORMS``.
        size: of the input, in pixels.
        decoder: its name, for messages.

    Raises:
        InputError: the boxes are offsets from a grid, and their number is not that of its places.
    """
    form = form_of(xywh) if form == "auto" else form
    if form == "grid":
        return _from_grid(xywh, size, decoder)
    scale = np.asarray(size if form == "fractions" else (1, 1), np.float32)
    return corners_of(xywh[:, :2] * scale, xywh[:, 2:] * scale)


def form_of(xywh: Floats) -> str:
    """Return which of the forms the boxes of a dense head have, by their values; see the module."""
    if (xywh[:, 2:] < LEAST_SIDE).any():
        return "grid"
    return "fractions" if are_fractions(xywh) else "pixels"


def are_fractions(boxes: Floats) -> bool:
    """Return whether no finite coordinate is beyond ``LARGEST_FRACTION``."""
    return bool(boxes[np.isfinite(boxes)].max(initial=0) <= LARGEST_FRACTION)


def _from_grid(xywh: Floats, size: Size, decoder: str) -> Floats:
    """Centre = (v + place) * stride, side = exp(v) * stride (YOLOX, Ge et al. 2021, https://arxiv.org/abs/2107.08430)."""
    strides = strides_for(size, len(xywh))
    if strides is None:
        raise InputError(
            f"decoder {decoder} found offsets from a grid, which an input of {size[0]}x{size[1]} has "
            f"{' or '.join(str(places(size, each)) for each in STRIDES)} of, got {len(xywh)}"
        )
    place, step = grid(size, strides)
    return corners_of((xywh[:, :2] + place) * step, np.exp(np.minimum(xywh[:, 2:], 10)) * step)
