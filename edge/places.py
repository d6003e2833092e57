"""Lines and zones of a frame, in which objects are counted. Coordinates are fractions of the frame's width and height.

A zone is a polygon. A line is an open chain of points; whoever crosses it from its left to its right goes ``in``, seen
in the direction from the first point to the last.
"""

import math
from dataclasses import dataclass
from typing import Literal

from edge.errors import InputError
from edge.labels import has_control

Corner = tuple[float, float]
"""x and y as fractions of the frame's width and height, from 0 to 1."""

Anchor = Literal["bottom", "centre"]
"""The point of a box that stands for the object: the middle of its lower edge, where it touches the ground, or its
centre."""

MAX_CORNERS = 64


def _check(what: str, name: str, points: tuple[Corner, ...], least: int) -> None:
    """Raise InputError for a shape without a printable name, or with points that make no such shape."""
    if not isinstance(name, str) or not name or has_control(name) or len(name) > 64:
        raise InputError(f"a {what} must have a name of 1 to 64 printable characters, got {name!r}"[:200])
    try:
        pairs = [(float(x), float(y)) for x, y in points]
    except (TypeError, ValueError):
        raise InputError(f"{what} {name!r} must have points [x, y], got {points!r}"[:200]) from None
    if not least <= len(pairs) <= MAX_CORNERS:
        raise InputError(f"{what} {name!r} must have {least} to {MAX_CORNERS} points, got {len(pairs)}")
    for x, y in pairs:
        if not (math.isfinite(x) and math.isfinite(y) and 0 <= x <= 1 and 0 <= y <= 1):
            raise InputError(f"points of {what} {name!r} must be fractions of the frame from 0 to 1, got {x:g}, {y:g}")


def _pairs(points: object) -> tuple[Corner, ...]:
    return tuple((float(x), float(y)) for x, y in points)  # type: ignore[attr-defined]


def _labels(what: str, name: str, labels: object) -> tuple[str, ...]:
    if isinstance(labels, str) or not isinstance(labels, (list, tuple)) or not all(isinstance(o, str) for o in labels):
        raise InputError(f"labels of {what} {name!r} must be a list of texts, got {labels!r}"[:200])
    for label in labels:
        if has_control(label):
            raise InputError(f"labels of {what} {name!r} must be printable text, got {label!r}"[:200])
    return tuple(labels)


@dataclass(frozen=True)
class Line:
    """A line at which crossings are counted.

    Attributes:
        name: the line's name, unique for a source.
        points: at least two points.
        labels: the labels that are counted. Empty counts all.
        anchor: the point of a box that must cross the line.
    """

    name: str
    points: tuple[Corner, ...]
    labels: tuple[str, ...] = ()
    anchor: Anchor = "bottom"

    def __post_init__(self) -> None:
        """Raise InputError for values that make no line."""
        _check("line", self.name, self.points, 2)
        object.__setattr__(self, "points", _pairs(self.points))
        object.__setattr__(self, "labels", _labels("line", self.name, self.labels))


@dataclass(frozen=True)
class Zone:
    """A polygon in which objects are counted and their dwell time is measured.

    Attributes:
        name: the zone's name, unique for a source.
        points: at least three points.
        labels: the labels that are counted. Empty counts all.
        anchor: the point of a box that must lie in the zone.
        dwell: the time in seconds after which an object that stays causes an occurrence. 0 causes none.
    """

    name: str
    points: tuple[Corner, ...]
    labels: tuple[str, ...] = ()
    anchor: Anchor = "bottom"
    dwell: float = 0.0

    def __post_init__(self) -> None:
        """Raise InputError for values that make no zone."""
        _check("zone", self.name, self.points, 3)
        object.__setattr__(self, "points", _pairs(self.points))
        object.__setattr__(self, "labels", _labels("zone", self.name, self.labels))
        if not (math.isfinite(self.dwell) and self.dwell >= 0):
            raise InputError(f"dwell of zone {self.name!r} must be 0 or more seconds, got {self.dwell}")
