"""``SupervisedSource`` reads a camera or stream, and opens it again after a stall or an error.

A separate thread opens, reads and releases the device, because OpenCV crashes when one thread releases a device that
another reads. When a read blocks for too long, the source starts a new thread. The old one releases the device as soon
as its read returns.

All waits and ages use a monotonic clock, so that a jump of the system clock is no stall and changes no age.
"""

import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from edge.backoff import Backoff
from edge.errors import EdgeError, FileError
from edge.frames import Frame
from edge.reports import Report, to_stderr
from edge.sources.base import Device, Source, State
from edge.sources.reading import ReadingThread
from edge.sources.retry import DEFAULT, Clock, RetryPolicy

__all__ = ["DEFAULT", "MAX_STUCK", "STEADY_SECONDS", "Clock", "OpenDevice", "RetryPolicy", "SupervisedSource"]

OpenDevice = Callable[[], Device]

KEPT_INTERVALS = 31
"""How many of the latest intervals between frames give the usual one, which is their median."""

KEPT_OPENINGS = 9
"""How many of the latest openings give the usual time of one, up to its first frame, which is their median."""

STEADY_SECONDS = 10.0
"""After an error, a source must give frames for so long before the next error counts, and is reported, as a new one."""

MAX_STUCK = 8
"""The most reads that may block at the same time. No more threads are started until one of them returns."""


class SupervisedSource(Source):
    """Yields frames until it is closed. Errors are reported and the device is opened again, after a back-off.

    Each error is reported once until the source has given frames for STEADY_SECONDS, and so is the recovery.

    Attributes:
        errors: how often opening or reading the device ended with an error.
        stalls: how often no frame came in time.
        reopened: how often frames came again after an error or a stall.
        lost_frames: pictures that the device received but could not decode.
        delivering: whether the newest attempt has given a frame, and has not failed.
    """

    live = True
    fps = None

    def __init__(
        self,
        name: str,
        open_device: OpenDevice,
        must_open: bool = False,
        retry: RetryPolicy = DEFAULT,
        report: Report = to_stderr,
        interval: float | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Store the parameters. The device is opened when the source is iterated.

        Args:
            name: the name in messages and frames, without passwords.
            open_device: opens the device.
            must_open: whether an error at the first attempt to open the device is raised.
            retry: how long to wait for frames, and before the device is opened again.
            report: takes one line for each error and each recovery.
            interval: the expected time between frames in seconds. None learns it from the frames.
            clock: the clock. None takes that of the machine.
        """
        self.name = name
        self.errors = self.stalls = self.reopened = self.lost_frames = 0
        self.delivering = False
        self._open_device, self._must_open = open_device, must_open
        self._retry, self._report, self._clock = retry, report, clock or Clock()
        self._numbers = itertools.count()
        self._changed = self._clock.condition()  # guards what follows, and the readers
        self._closed = self._answered = False
        self._intervals = deque([interval] if interval else [], KEPT_INTERVALS)
        self._openings = deque[float](maxlen=KEPT_OPENINGS)
        self._hung = 0  # openings in a row that took too long
        self._shapes: list[str] = []
        self._readers: list[_Reader] = []
        self._failures, self._failed_at, self._said = 0, 0.0, set[str]()

    @property
    def state(self) -> State:  # type: ignore[override]
        """See Source."""
        if self.delivering:
            return "delivering"
        return "waiting" if self.errors or self.stalls else "opening"

    def __iter__(self) -> Iterator[Frame]:
        """Yield the newest frame each time. A gap in ``index`` counts the frames that the caller missed.

        Raises:
            EdgeError: the device must open, and the first attempt failed.
        """
        while (reader := self._start_reader()) is not None:
            try:
                while (frame := self._next(reader)) is not None:
                    self._count_frame()
                    yield frame
            except EdgeError as error:
                reader.give_up()
                if self._must_open and not self._answered:
                    raise
                self._wait_after(str(error), reader.began)
            finally:
                reader.give_up()

    def close(self) -> None:
        """End the iteration. See ``Source``."""
        with self._changed:
            self._closed, readers = True, list(self._readers)
            self._changed.notify_all()
        for reader in readers:
            reader.give_up()

    def now(self) -> float:
        """Return the monotonic time in seconds."""
        return self._clock.monotonic_ns() / 1e9

    def _start_reader(self) -> "_Reader | None":
        """Start a thread that reads the device. Return None when the source is closed."""

        def may_start() -> bool:
            self._readers = [reader for reader in self._readers if not reader.finished]
            return self._closed or len(self._readers) < MAX_STUCK

        with self._changed:
            if not may_start():
                self._say(f"source {self.name}: {MAX_STUCK} reads do not return; waiting for one of them")
            self._changed.wait_for(may_start)
            if self._closed:
                return None
            reader = _Reader(self, self._open_device, self._changed)
            self._readers.append(reader)
        reader.start()
        return reader

    def _next(self, reader: "_Reader") -> Frame | None:
        """Return the newest frame, or None when the source is closed. Raises EdgeError when none comes in time."""
        with self._changed:
            limit = self._limit(reader)
            self._changed.wait_for(lambda: reader.ready or self._closed, max(0.0, reader.latest + limit - self.now()))
            frame, reader.frame = reader.frame, None
            if self._closed or frame is not None:
                return None if self._closed else frame
            if reader.error is not None:
                self.errors += 1
                raise reader.error
            self.stalls += 1
            self._hung = min(self._hung + (not reader.delivered), 10)
        raise FileError(f"source {self.name}: no frame for {limit:.3g} s")

    def _limit(self, reader: "_Reader") -> float:
        """Return the longest time in seconds until the reader's next frame."""
        retry = self._retry
        if not reader.delivered:
            if not self._openings:
                return retry.opening
            usual = max(retry.stall, 2 * _median(self._openings))
            return float(min(retry.opening, usual * 2**self._hung))  # a device may have become slower than usual
        if not self._intervals:
            return max(retry.stall, retry.opening)
        return max(retry.stall, retry.intervals * _median(self._intervals))

    def _count_frame(self) -> None:
        """Note that the newest attempt works."""
        if self._failures and not self.delivering:
            self.reopened += 1
            self._say(f"source {self.name}: back after {self._failures} attempt(s)")
        elif self._failures and self.now() - self._failed_at > STEADY_SECONDS:
            self._failures = 0
            self._said.clear()
        self.delivering = self._answered = True

    def _wait_after(self, why: str, began: float) -> None:
        """Report a failure, and wait before the next attempt. ``began`` is when the failed attempt began."""
        self._failures, self._failed_at, self.delivering = self._failures + 1, self.now(), False
        known = self._answered or self._must_open
        longest = self._retry.longest if known else self._retry.longest_unanswered
        delay = Backoff(self._retry.first, longest).delay(self._failures)
        with self._changed:
            if self._closed:
                return
            self._say(f"{why}; opening it again until it answers")
            wait = max(self._retry.first, began + delay - self._failed_at)
            self._changed.wait_for(lambda: self._closed, wait)

    def _say(self, line: str) -> None:
        """Report a line, unless it was reported since the source last worked steadily."""
        kind = line.partition(": back after ")[0] if ": back after " in line else line
        if kind not in self._said and len(self._said) < 2 * MAX_STUCK:
            self._said.add(kind)
            self._report(line)

    def frame(self, pixels: NDArray[np.uint8], device: Device) -> Frame:
        """Return the frame of what a device just read, and report a size or format that is new."""
        age_ns, form = round(device.age * 1e9), device.format
        self.lost_frames, device.damaged = self.lost_frames + device.damaged, 0
        captured_ns, monotonic_ns = self._clock.time_ns() - age_ns, self._clock.monotonic_ns() - age_ns
        number, clock = next(self._numbers), device.age_clock
        frame = Frame(pixels, form, number, captured_ns, clock, self.name, monotonic_ns=monotonic_ns)
        shape = f"{frame.size[0]}x{frame.size[1]} {form}"
        if shape not in self._shapes:
            if self._shapes:
                self._report(f"source {self.name}: frames are {shape} now, {self._shapes[-1]} before")
            self._shapes = [*self._shapes, shape][-MAX_STUCK:]
        return frame

    def learn(self, interval: float, opening: bool) -> None:
        """Note the time in seconds until a frame: from the begin of its attempt, or from the frame before."""
        if opening:
            self._openings.append(interval)
            self._hung = 0
        else:
            self._intervals.append(interval)


class _Reader(ReadingThread):
    """A thread that opens a device, keeps its newest frame, and releases the device.

    Attributes:
        frame: the newest frame that was not taken.
        error: the error that ended the thread.
        finished: whether the device was released.
        delivered: whether the device gave a frame.
        began: when the thread was made, in seconds of the source's monotonic clock.
        latest: when the newest frame came, or ``began``.
    """

    def __init__(self, source: SupervisedSource, open_device: OpenDevice, changed: threading.Condition) -> None:
        super().__init__(f"read {source.name}")
        self.frame: Frame | None = None
        self.error: EdgeError | None = None
        self.finished = self.delivered = self._given_up = False
        self.began = self.latest = source.now()
        self._source, self._open_device, self._changed = source, open_device, changed
        self._device: Device | None = None

    @property
    def ready(self) -> bool:
        """Whether there is a frame to take, or there will be none."""
        return self.frame is not None or self.finished

    def run(self) -> None:
        error: EdgeError | None = None
        try:
            with self._open_device() as device:
                self._device = device
                while not self._given_up:
                    self._keep(device.read(), device)
        except EdgeError as raised:
            error = raised
        except Exception as raised:  # any error of a driver is reported, and the device is opened again
            error = FileError(f"source {self._source.name}: {type(raised).__name__} {raised}")
        with self._changed:
            if self._device is not None:
                self._source.lost_frames += self._device.damaged
            self.error, self.finished, self._device = error, True, None
            self._changed.notify_all()

    def _keep(self, pixels: NDArray[np.uint8], device: Device) -> None:
        with self._changed:
            if self._given_up:
                return
            self.frame, now = self._source.frame(pixels, device), self._source.now()
            self._source.learn(now - self.latest, opening=not self.delivered)
            self.latest, self.delivered = now, True
            self._changed.notify_all()

    def give_up(self) -> None:
        """Let the thread release the device and end, as soon as its read returns."""
        with self._changed:
            self._given_up, self.frame, device = True, None, self._device
        if device is not None:
            with suppress(Exception):  # the reader may be closing the device
                device.interrupt()


def _median(times: deque[float]) -> float:
    return sorted(times)[len(times) // 2]
