"""``SupervisedSource`` reads a camera or stream, and opens it again after a stall or an error.

A separate thread opens, reads and releases the device, because OpenCV crashes when one thread releases a device that
another reads. When a read blocks for too long, the source starts a new thread. The old one releases the device as soon
as its read returns.
"""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.backoff import Backoff
from edge.errors import EdgeError, FileError
from edge.frames import Frame, PixelFormat
from edge.handover import Handover
from edge.reports import Report, to_stderr
from edge.sources.base import Device, Source

OpenDevice = Callable[[], Device]


@dataclass(frozen=True)
class RetryPolicy(Backoff):
    """How long to wait for a frame, and how long to wait before a device is opened again.

    Attributes:
        stall: the longest time without a frame, in seconds. After it the device is opened again.
    """

    stall: float = 10.0


DEFAULT = RetryPolicy()


class SupervisedSource(Source):
    """Yields frames until it is closed. Errors are reported and the device is opened again, after a back-off."""

    live = True
    fps = None

    def __init__(
        self,
        name: str,
        open_device: OpenDevice,
        must_open: bool = False,
        retry: RetryPolicy = DEFAULT,
        report: Report = to_stderr,
    ) -> None:
        """Store the parameters. The device is opened when the source is iterated.

        Args:
            name: the name in messages and frames, without passwords.
            open_device: opens the device.
            must_open: whether an error at the first attempt to open the device is raised.
            retry: how long to wait for frames, and before the device is opened again.
            report: takes one line for each error and each recovery.
        """
        self.name = name
        self._open_device, self._must_open = open_device, must_open
        self._retry, self._report = retry, report
        self._numbers = itertools.count()
        self._closed = threading.Event()
        self._reader: _Reader | None = None

    def __iter__(self) -> Iterator[Frame]:
        """Yield the newest frame each time. A gap in ``index`` counts the frames that the caller missed.

        Raises:
            EdgeError: the device must open, and the first attempt failed.
        """
        failures, started = 0, False
        while not self._closed.is_set():
            reader = self._reader = _Reader(self.name, self._open_device, self._numbers)
            reader.start()
            try:
                for frame in self._frames(reader):
                    if failures:
                        self._report(f"source {self.name}: back after {failures} attempt(s)")
                    failures, started = 0, True
                    yield frame
            except (EdgeError, TimeoutError) as error:
                if self._must_open and not started:
                    raise _as_edge_error(error) from error
                failures += 1
                self._pause(failures, str(error))
            finally:
                reader.end()

    def close(self) -> None:
        """End the iteration. See ``Source``."""
        self._closed.set()
        if self._reader is not None:
            self._reader.end()

    def _frames(self, reader: "_Reader") -> Iterator[Frame]:
        while not self._closed.is_set():
            try:
                frame = reader.slot.take(self._retry.stall)
            except TimeoutError:
                raise TimeoutError(f"source {self.name}: no frame for {self._retry.stall:g} s") from None
            except EOFError:
                return
            yield frame

    def _pause(self, failures: int, why: str) -> None:
        if self._closed.is_set():
            return
        delay = self._retry.delay(failures)
        self._report(f"{why}; opening it again in {delay:g} s")
        self._closed.wait(delay)


class _Reader(threading.Thread):
    """A thread that opens a device, puts its newest frame into ``slot``, and releases the device."""

    def __init__(self, name: str, open_device: OpenDevice, numbers: Iterator[int]) -> None:
        super().__init__(name=f"read {name}", daemon=True)
        self.slot: Handover[Frame] = Handover(1, lossless=False)
        self._source, self._open_device, self._numbers = name, open_device, numbers

    def run(self) -> None:
        try:
            with self._open_device() as device:
                while not self.slot.closed:
                    pixels = device.read()
                    if not self.slot.closed:
                        self.slot.put(self._frame(pixels, device.format))
        except EdgeError as error:
            self.slot.finish(error)
        except Exception as error:  # any error of a driver is reported, and the device is opened again
            self.slot.finish(FileError(f"source {self._source}: {type(error).__name__} {error}"))

    def _frame(self, pixels: NDArray[np.uint8], form: PixelFormat) -> Frame:
        return Frame(pixels, form, next(self._numbers), time.time_ns(), "arrival", self._source)

    def end(self) -> None:
        """Let the thread release the device and end, as soon as its read returns."""
        self.slot.close()


def _as_edge_error(error: Exception) -> EdgeError:
    return error if isinstance(error, EdgeError) else FileError(str(error))
