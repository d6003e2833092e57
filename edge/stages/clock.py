"""The time of a frame for gates and stages: when it was captured, or its place in a recorded video."""

from collections.abc import Callable, Mapping

from edge.frames import Frame

Clock = Callable[[Frame], float]
"""Returns the time of a frame in seconds. Only differences between frames of one source have a meaning."""


def capture_time(frame: Frame) -> float:
    """Return when the frame was captured, in seconds since 1970."""
    return frame.captured_ns / 1e9


def recorded_time(fps: Mapping[str, float]) -> Clock:
    """Return a clock for recorded videos, which are decoded faster or slower than they were recorded.

    Args:
        fps: frames per second of each video by its source's name. Frames of other sources have their capture time.
    """

    def seconds(frame: Frame) -> float:
        rate = fps.get(frame.source)
        return frame.index / rate if rate else capture_time(frame)

    return seconds


LONGEST_GAP = 120.0
"""The longest time in seconds between two frames that counts. After a longer one the system's clock was set, as at the
start of a board without a clock of its own, or the source was away, so that it is not known what happened meanwhile."""


class Elapsed:
    """Measures the time between the frames of one source. A clock that is set, forwards or back, changes nothing.

    Attributes:
        now: the seconds since the first frame.
    """

    def __init__(self, clock: Clock = capture_time) -> None:
        """Start before the first frame."""
        self._clock, self._last, self.now = clock, float("nan"), 0.0

    def __call__(self, frame: Frame) -> float:
        """Return the seconds since the frame before. 0 for the first frame, and after the clock was set."""
        seconds = self._clock(frame)
        passed = seconds - self._last
        self._last = seconds
        passed = passed if 0 < passed <= LONGEST_GAP else 0.0  # not a number at the first frame
        self.now += passed
        return passed
