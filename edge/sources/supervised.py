"""Live sources that come back: a stall or a fault reopens the device, with exponential back-off.

Reading happens in a thread of its own, which opens, reads and releases the device: OpenCV crashes when one
thread releases what another reads. A read that blocks for too long is given up: its thread is told to release
the device as soon as it returns, and a new one begins.
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
    """How long a device may be silent, and the back-off before it is opened again.

    Attributes:
        stall: the longest wait for a frame, in seconds.
    """

    stall: float = 10.0


DEFAULT = RetryPolicy()


class SupervisedSource(Source):
    """Iterates without end until closed; only a device that ``must_open`` may fail, and only at the first try."""

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
        """name: for messages and frames, without passwords. report: called with a line for each fault and recovery."""
        self.name = name
        self._open_device, self._must_open = open_device, must_open
        self._patience, self._report = retry, report
        self._numbers = itertools.count()
        self._closed = threading.Event()
        self._reader: _Reader | None = None

    def __iter__(self) -> Iterator[Frame]:
        """Yield frames, the newest when the caller is slow: a gap in ``index`` is what it missed.

        Raises EdgeError when the device must open and does not at the first try.
        """
        failures, began = 0, False
        while not self._closed.is_set():
            reader = self._reader = _Reader(self.name, self._open_device, self._numbers)
            reader.start()
            try:
                for frame in self._frames(reader):
                    if failures:
                        self._report(f"source {self.name}: back after {failures} attempt(s)")
                    failures, began = 0, True
                    yield frame
            except (EdgeError, TimeoutError) as error:
                if self._must_open and not began:
                    raise _as_edge_error(error) from error
                failures += 1
                self._pause(failures, str(error))
            finally:
                reader.leave()

    def close(self) -> None:
        """See Source."""
        self._closed.set()
        if self._reader is not None:
            self._reader.leave()

    def _frames(self, reader: "_Reader") -> Iterator[Frame]:
        while not self._closed.is_set():
            try:
                frame = reader.slot.take(self._patience.stall)
            except TimeoutError:
                raise TimeoutError(f"source {self.name}: no frame for {self._patience.stall:g} s") from None
            except EOFError:
                return
            yield frame

    def _pause(self, failures: int, why: str) -> None:
        if self._closed.is_set():
            return
        delay = self._patience.delay(failures)
        self._report(f"{why}; opening it again in {delay:g} s")
        self._closed.wait(delay)


class _Reader(threading.Thread):
    """Opens a device, hands its newest frame over, and releases it: all in this thread."""

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
        except Exception as error:  # a driver's own exceptions are faults like any other: reported, then reopened
            self.slot.finish(FileError(f"source {self._source}: {type(error).__name__} {error}"))

    def _frame(self, pixels: NDArray[np.uint8], form: PixelFormat) -> Frame:
        return Frame(pixels, form, next(self._numbers), time.time_ns(), "arrival", self._source)

    def leave(self) -> None:
        """Make the thread release the device and end as soon as its read returns."""
        self.slot.close()


def _as_edge_error(error: Exception) -> EdgeError:
    return error if isinstance(error, EdgeError) else FileError(str(error))
