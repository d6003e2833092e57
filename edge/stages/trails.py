"""``Trails`` remembers where each track was in the last second, for drawings."""

from collections import deque
from collections.abc import Container

from edge.results import Box
from edge.stages.objects import Trail

POINTS = 12
"""The number of points of a trail. More of them look the same."""


class Trails:
    """The trails of one source's tracks."""

    def __init__(self, seconds: float) -> None:
        """Start without trails.

        Args:
            seconds: the length of a trail. 0 for none.
        """
        self._seconds = seconds
        self._points: dict[int, deque[tuple[float, float, float]]] = {}

    def add(self, number: int, box: Box, now: float) -> Trail:
        """Add where a track is now and return its trail.

        Args:
            number: the track's number.
            box: its box x0, y0, x1, y1 in pixels.
            now: the time in seconds.
        """
        if self._seconds <= 0:
            return ()
        at = ((box[0] + box[2]) / 2, box[3])
        points = self._points.setdefault(number, deque(maxlen=POINTS))
        while points and now - points[0][0] > self._seconds:
            points.popleft()
        trail = (*((x, y) for _, x, y in points), at)
        if not points or now - points[-1][0] >= self._seconds / POINTS:
            points.append((now, *at))
        return trail

    def keep(self, numbers: Container[int]) -> None:
        """Forget the other tracks."""
        self._points = {number: points for number, points in self._points.items() if number in numbers}
