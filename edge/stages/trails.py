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
        self._of: dict[int, tuple[deque[float], deque[tuple[float, float]]]] = {}

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
        found = self._of.get(number)
        if found is None:
            found = self._of[number] = deque(maxlen=POINTS), deque(maxlen=POINTS)
        times, points = found
        while times and now - times[0] > self._seconds:
            times.popleft()
            points.popleft()
        trail = (*points, at)
        if not times or now - times[-1] >= self._seconds / POINTS:
            times.append(now)
            points.append(at)
        return trail

    def keep(self, numbers: Container[int]) -> None:
        """Forget the other tracks."""
        self._of = {number: found for number, found in self._of.items() if number in numbers}
