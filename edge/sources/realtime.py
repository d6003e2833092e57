"""``Realtime`` plays a file at its own rate, as a camera would deliver it."""

import threading
import time
from collections.abc import Callable, Iterator

from edge.frames import Frame
from edge.sources.base import Source


class Realtime(Source):
    """The frames of a file as a live source: each is yielded when it is due, and a late one gives way to a newer one.

    A frame is due at its time in the file, counted from the first one. The index of a frame stays that in the file, so
    that a gap counts the frames that were passed over. Its age counts from the moment that it was due.
    """

    live = True
    fps = None

    def __init__(
        self,
        source: Source,
        interval: float,
        monotonic: Callable[[], float] = time.monotonic,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        """Wrap ``source``, which ``close`` closes too.

        Args:
            source: a file.
            interval: the usual seconds from one frame to the next. Frames without a position are that far apart. A
                frame that is late by more is passed over.
            monotonic: the monotonic clock, in seconds.
            wait: waits for so many seconds, and returns True when the source was closed meanwhile.
        """
        self.name, self._source, self._interval = source.name, source, interval
        self._closed = threading.Event()
        self._monotonic, self._wait = monotonic, wait or self._closed.wait

    @property
    def lost_frames(self) -> int:  # type: ignore[override]
        """See Source."""
        return self._source.lost_frames

    def __iter__(self) -> Iterator[Frame]:
        """Yield each frame when it is due. The last one is always yielded."""
        start, resumed, passed = None, self._monotonic(), None
        for frame in self._source:
            position = frame.index * self._interval if frame.position is None else frame.position
            now = self._monotonic()
            start = now - position if start is None else start
            late = now - start - position
            # Where decoding is slower than the file's rate, all frames are late, and the newest that there is counts.
            if late > self._interval and now - resumed < self._interval:
                passed = (frame, start + position)
                continue
            passed = None
            if self._closed.is_set() or (late < 0 and self._wait(-late)):
                return
            yield self._at(frame, start + position)
            resumed = self._monotonic()
        if passed is not None and not self._closed.is_set():
            yield self._at(*passed)

    def close(self) -> None:
        """See Source."""
        self._closed.set()
        self._source.close()

    def _at(self, frame: Frame, due: float) -> Frame:
        late_ns = max(0, round((self._monotonic() - due) * 1e9))
        captured_ns = time.time_ns() - late_ns
        return Frame(frame.pixels, frame.format, frame.index, captured_ns, "pts", frame.source, position=frame.position)
