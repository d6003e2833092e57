"""The time of a frame for gates and stages: when it was captured, or its place in a recorded video."""

from collections.abc import Callable

from edge.frames import Frame

Clock = Callable[[Frame], float]
"""Returns the time of a frame in seconds. Only differences between frames of one source have a meaning."""


def capture_time(frame: Frame) -> float:
    """Return when the frame was captured, in seconds of the machine's clock that is never set.

    For a video file, which is decoded faster or slower than it was recorded, it is the frame's place in the recording.
    """
    return frame.position if frame.position is not None else frame.monotonic_ns / 1e9


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
