"""The geometry of counting: on which side of a line a path goes over it, and how far a point is from a shape.

All coordinates are pixels, x to the right and y down, so that distances are the same in all directions.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Pixel = tuple[float, float]


def crossings(points: Sequence[Pixel], start: Pixel, end: Pixel) -> int:
    """Return how often a straight path goes over a chain of points: from its left to its right minus the other way.

    A path that ends on the chain counts as to the right of it. One that goes through a corner crosses it once, and one
    through an end of the chain crosses it, too: the feet of people whom the picture's edge cuts off are all on that
    edge, where the line ends. The way back always counts as the way there, with the other sign.

    Args:
        points: the chain, two points or more.
        start: where the path begins.
        end: where it ends.
    """
    total = 0
    sides = _sides(points, min(start, end), max(start, end))  # the same for the way back
    for a, b, first, second in zip(points, points[1:], sides, sides[1:], strict=False):
        if first != second:  # the ends of this part lie on both sides of the path
            total += int(_right_of(a, b, end)) - int(_right_of(a, b, start))
    return total


def _sides(points: Sequence[Pixel], a: Pixel, b: Pixel) -> list[bool]:
    """Return for each point of a chain whether it counts as right of the straight line through a and b."""
    turns = [_turn(a, b, point) for point in points]
    sides = [turn >= 0 for turn in turns]
    for end, next_to_it in ((0, 1), (-1, -2)):
        if turns[end] == 0 and turns[next_to_it] != 0:
            sides[end] = not sides[next_to_it]
    return sides


class Margin(NamedTuple):
    """How far a point must be from a line or a border to be clear of it.

    Between a line and the frame's border there may be less room than ``pixels``, and boxes end at the border. There
    half of the room is enough.

    Attributes:
        pixels: the distance in pixels, where there is room for it.
        size: the width and height of the frame in pixels.
    """

    pixels: float
    size: tuple[int, int]

    def is_clear(self, points: Sequence[Pixel], at: Pixel) -> bool:
        """Return whether a point is clear of a chain of points."""
        near = nearest_on_line(points, at)
        distance = math.dist(near, at)
        if distance >= self.pixels or not distance:
            return distance >= self.pixels
        return distance >= self._room(near, ((at[0] - near[0]) / distance, (at[1] - near[1]) / distance)) / 2

    def _room(self, start: Pixel, direction: Pixel) -> float:
        """Return the distance from a point to the frame's border in a direction, a vector of length 1."""
        ways = zip(start, direction, self.size, strict=True)
        return max(0.0, min((((side if way > 0 else 0) - at) / way for at, way, side in ways if way), default=0.0))


def distance_to_line(points: Sequence[Pixel], at: Pixel) -> float:
    """Return the distance of a point from a chain of points."""
    return math.dist(nearest_on_line(points, at), at)


def nearest_on_line(points: Sequence[Pixel], at: Pixel) -> Pixel:
    """Return the point of a chain that is nearest to a point."""
    chain = np.asarray(points, np.float64)
    starts, along = chain[:-1], np.diff(chain, axis=0)
    to = np.asarray(at, np.float64) - starts
    lengths = np.maximum((along**2).sum(axis=1), 1e-12)
    share = np.clip((to * along).sum(axis=1) / lengths, 0, 1)
    feet = starts + share[:, None] * along
    x, y = feet[((feet - at) ** 2).sum(axis=1).argmin()].tolist()
    return x, y


def depths_in_zone(corners: Sequence[Pixel], points: Sequence[Pixel]) -> list[float]:
    """Return how deep each point lies in a polygon: its distance from the border, negative outside."""
    polygon = np.asarray(corners, np.float32)
    return [float(cv2.pointPolygonTest(polygon, point, True)) for point in points]


def _right_of(a: Pixel, b: Pixel, point: Pixel) -> bool:
    """Return whether a point lies on the straight line through a and b or to the right of it, seen from a to b."""
    return _turn(a, b, point) >= 0


def _turn(a: Pixel, b: Pixel, point: Pixel) -> float:
    """Return a number above 0 for a point to the right of the line from a to b, and 0 for one on it."""
    return (b[0] - a[0]) * (point[1] - a[1]) - (b[1] - a[1]) * (point[0] - a[0])
