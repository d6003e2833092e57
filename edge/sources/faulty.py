"""A drawn camera that fails when its script says so, to try what a loop does about the faults of real cameras.

    camera = FaultyCamera((640, 480), 30.0, parse("stall:5@10,end@20,size:320x240@40"))
    source = SupervisedSource("faulty", camera.open)

A script is a list of faults, separated by commas. Each is ``KIND@WHEN`` or ``KIND:VALUE@WHEN``. WHEN is the number of
the frame, counted from 0 over all openings, or the time since the first opening, such as ``2.5s``:

- ``stall:SECONDS``: reading this frame takes so much longer.
- ``end``: the stream ends. ``error``: the driver raises an error that is not EdgeKit's own.
- ``truncate``: the frame arrives as a JPEG file that is cut in half.
- ``size:WxH``: this frame and those that follow have another size.
- ``clock:SECONDS``: the wall clock jumps, forwards or back.
- ``away:SECONDS``: the stream ends, and opening it fails for so long.
- ``hang:SECONDS``: the stream ends, and the next opening takes so much longer.
"""

import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from edge.errors import FileError, InputError, unknown_name
from edge.imaging import Image
from edge.pictures import is_whole
from edge.scenes import moving
from edge.sources import geometry
from edge.sources.base import Device

SECONDS = ("stall", "clock", "away", "hang")
"""The kinds whose value is a time in seconds."""

KINDS = (*SECONDS, "end", "error", "truncate", "size")

_FORM = re.compile(r"([a-z]+)(?::([^@:,]+))?@(\d{1,9}(?:\.\d{1,6})?s|\d{1,9})")
_NUMBER = re.compile(r"-?\d{1,9}(\.\d{1,6})?")


@dataclass(frozen=True)
class Fault:
    """One fault of a script.

    Attributes:
        kind: one of KINDS.
        at: the frame at which it happens, or the time since the first opening in seconds.
        timed: whether ``at`` is a time.
        seconds: the value of the kinds in SECONDS.
        size: the width and height of ``size``.
    """

    kind: str
    at: float
    timed: bool = False
    seconds: float = 0.0
    size: tuple[int, int] = (0, 0)


def parse(text: str) -> tuple[Fault, ...]:
    """Return the faults of a script. Raises InputError when it has another form than the module's docstring says."""
    return tuple(_fault(part) for part in text.split(",")) if text else ()


def _fault(text: str) -> Fault:
    match = _FORM.fullmatch(text)
    if match is None:
        raise InputError(f"a fault must look like end@20, stall:5@10 or stall:5@2.5s, got {text!r}")
    kind, value, when = match[1], match[2] or "", match[3]
    if kind not in KINDS:
        raise unknown_name("fault", kind, KINDS)
    at, timed = float(when.rstrip("s")), when.endswith("s")
    if kind == "size":
        return Fault(kind, at, timed, size=geometry.parse(value, (0, 0, 1.0))[:2])
    if kind not in SECONDS:
        if value:
            raise InputError(f"the fault {kind} must have no value, got {text!r}")
        return Fault(kind, at, timed)
    if not _NUMBER.fullmatch(value) or (kind != "clock" and float(value) < 0):
        raise InputError(f"the fault {kind} must state seconds, such as {kind}:5@10, got {text!r}")
    return Fault(kind, at, timed, seconds=float(value))


class Clock(NamedTuple):
    """The clocks of a faulty camera, so that tests can give it their own.

    Attributes:
        monotonic: returns a time that only rises, in seconds.
        sleep: waits for so many seconds of that time.
        wall_ns: returns the time of day in nanoseconds since 1970.
    """

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep
    wall_ns: Callable[[], int] = time.time_ns


class FaultyCamera:
    """What all openings of a faulty device share: the script, the number of the next frame, and the clock.

    Attributes:
        clock: the clock without the jumps of the script.
        happened: the faults so far, in order, each with the number of the frame that was due.
        openings: how many openings were tried.
        lost_frames: the truncated frames, which no reader gets.
    """

    def __init__(
        self,
        size: tuple[int, int],
        rate: float,
        faults: Sequence[Fault] = (),
        seed: int = 0,
        clock: Clock | None = None,
    ) -> None:
        """Store the parameters.

        Args:
            size: width and height in pixels.
            rate: frames per second. 0 delivers them without a wait.
            faults: the script. Each fault happens once.
            seed: the seed of the drawn scenes.
            clock: the clock. None takes that of the machine.
        """
        self.clock = clock or Clock()
        self.happened: list[tuple[Fault, int]] = []
        self.openings = self.lost_frames = 0
        self._faults, self._rate, self._size, self._next = list(faults), rate, size, 0
        self._scenes = moving(size, rate or 30.0, seed)
        self._lock = threading.Lock()  # a reader that was given up may still be in its last read
        self._began: float | None = None
        self._away_until, self._hang, self._jump_ns = float("-inf"), 0.0, 0

    def time_ns(self) -> int:
        """Return the time of day with the jumps of the script, in nanoseconds since 1970."""
        return self.clock.wall_ns() + self._jump_ns

    def open(self) -> "FaultyDevice":
        """Open the device. Raises FileError while the script keeps it away."""
        with self._lock:
            self.openings += 1
            now = self.clock.monotonic()
            self._began = now if self._began is None else self._began
            away, hang, self._hang = self._away_until - now, self._hang, 0.0
        if hang:
            self.clock.sleep(hang)
        if away > 0:
            raise FileError(f"the faulty camera cannot be opened for another {away:.3g} s")
        return FaultyDevice(self, self._rate)

    def fault(self) -> Fault | None:
        """Return the next fault that is due, once, or None. What it changes for later frames is applied."""
        with self._lock:
            now = self.clock.monotonic()
            elapsed = now - (now if self._began is None else self._began)
            due = next((one for one in self._faults if one.at <= (elapsed if one.timed else self._next)), None)
            if due is None:
                return None
            self._faults.remove(due)
            self.happened.append((due, self._next))
            if due.kind == "size":
                self._size = due.size
            elif due.kind == "clock":
                self._jump_ns += round(due.seconds * 1e9)
            elif due.kind == "away":
                self._away_until = now + due.seconds
            elif due.kind == "hang":
                self._hang = due.seconds
            return due

    def picture(self) -> Image:
        """Return the next frame, (height, width, 3) uint8 BGR."""
        with self._lock:
            self._next += 1
            image = next(self._scenes).image
            same = (image.shape[1], image.shape[0]) == self._size
            return image if same else np.asarray(cv2.resize(image, self._size), np.uint8)


class FaultyDevice(Device):
    """One opening of a ``FaultyCamera``."""

    def __init__(self, camera: FaultyCamera, rate: float) -> None:
        """Begin to deliver frames: ``rate`` a second, or without a wait when it is 0."""
        self._camera, self._rate = camera, rate
        self._opened, self._read = camera.clock.monotonic(), 0

    def read(self) -> Image:
        """Return the next frame. See ``Device``.

        Raises:
            FileError: the script says that the stream ends.
            RuntimeError: the script says that the driver fails.
        """
        while True:
            self._pace()
            truncated = self._suffer()
            image = self._camera.picture()
            if not truncated:
                return image
            if (decoded := _through_cut_jpeg(image)) is not None:
                return decoded
            self._camera.lost_frames += 1

    def close(self) -> None:
        """Do nothing. See ``Device``."""

    def _pace(self) -> None:
        """Wait until the next frame is due."""
        clock = self._camera.clock
        if self._rate and (wait := self._opened + self._read / self._rate - clock.monotonic()) > 0:
            clock.sleep(wait)
        self._read += 1

    def _suffer(self) -> bool:
        """Let the faults that are due happen. Return whether the frame is truncated."""
        truncated = False
        while (fault := self._camera.fault()) is not None:
            if fault.kind == "stall":
                self._camera.clock.sleep(fault.seconds)
            elif fault.kind == "error":
                raise RuntimeError("the script has an error here")
            elif fault.kind in ("end", "away", "hang"):
                raise FileError("the faulty camera stopped giving frames")
            truncated = truncated or fault.kind == "truncate"
        return truncated


def _through_cut_jpeg(image: Image) -> Image | None:
    """Return what a reader makes of the first half of the picture's JPEG file: nothing, because it is not whole."""
    data = cv2.imencode(".jpg", image)[1].tobytes()
    half = data[: len(data) // 2]
    return (
        np.asarray(cv2.imdecode(np.frombuffer(half, np.uint8), cv2.IMREAD_COLOR), np.uint8) if is_whole(half) else None
    )
