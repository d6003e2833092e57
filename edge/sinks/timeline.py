"""``Timeline`` gives frames of a source times that never go back, for what lasts: events, recordings, intervals."""

import time
from collections.abc import Callable

from edge.frames import Frame
from edge.sources.base import Source

IMAGES_FPS = 2.0
"""Frames per second of a folder of images, which has no rate of its own."""

JUMP = 2.0
"""The difference in seconds from the monotonic clock at which the system's clock is taken to have been set."""


class Timeline:
    """Returns the time of each frame of one source in seconds.

    For a video file it is the time in the video. For a live source it is the time of capture, whose steps are even also
    when a sink takes several frames at once. When the system's clock was set between two frames, the monotonic clock
    gives the step.
    """

    def __init__(self, source: Source, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin at 0.

        Args:
            source: the source of the frames.
            clock: returns monotonic time in seconds; tests pass their own.
        """
        self._fps = None if source.live else source.fps or IMAGES_FPS
        self._clock = clock
        self._captured_ns: int | None = None
        self._now = self._seconds = 0.0

    def __call__(self, frame: Frame) -> float:
        """Return the frame's time in seconds, at least that of the frame before it."""
        if self._fps is not None:
            self._seconds = max(self._seconds, frame.index / self._fps)
            return self._seconds
        now = self._clock()
        if self._captured_ns is not None:
            step, passed = (frame.captured_ns - self._captured_ns) / 1e9, now - self._now
            self._seconds += max(0.0, step if abs(step - passed) < JUMP else passed)
        self._captured_ns, self._now = frame.captured_ns, now
        return self._seconds
