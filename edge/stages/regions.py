"""``region_around`` chooses the part of a frame that the network gets: what moved, with some room."""

from collections.abc import Sequence

from edge.stages.base import Region

MARGIN = 0.15
"""The room on each side of what moved, as a fraction of its longer side."""

NEARLY_WHOLE = 0.7
"""The share of the frame from which on a region saves too little, so that the network gets the whole frame."""


def region_around(boxes: Sequence[Region], frame: tuple[int, int], network: tuple[int, int]) -> Region | None:
    """Return one region around all boxes, in the network's aspect as far as the frame has room.

    It is never smaller than the network's input, because an enlarged picture shows nothing new.

    Args:
        boxes: x0, y0, x1, y1 in pixels of the frame, one or more.
        frame: width and height of the frame.
        network: width and height of the network's input.

    Returns:
        x0, y0, x1, y1 in pixels inside the frame. None when the region would be nearly the whole frame.
    """
    x0, y0 = min(box[0] for box in boxes), min(box[1] for box in boxes)
    x1, y1 = max(box[2] for box in boxes), max(box[3] for box in boxes)
    room = MARGIN * max(x1 - x0, y1 - y0)
    width, height = x1 - x0 + 2 * room, y1 - y0 + 2 * room
    aspect = network[0] / network[1]
    width, height = max(width, height * aspect, network[0]), max(height, width / aspect, network[1])
    left, right = _span((x0 + x1) / 2, width, frame[0])
    top, bottom = _span((y0 + y1) / 2, height, frame[1])
    if (right - left) * (bottom - top) >= NEARLY_WHOLE * frame[0] * frame[1]:
        return None
    return left, top, right, bottom


def _span(centre: float, length: float, limit: int) -> tuple[int, int]:
    """Return the first and the end pixel of a span, moved into 0 to ``limit``."""
    size = min(limit, round(length))
    start = min(max(0, round(centre - size / 2)), limit - size)
    return start, start + size
