"""V4L2 cameras are read through OpenCV: USB cameras, and whatever else has a device file ``/dev/videoN``."""

import errno
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge import v4l2, video
from edge.errors import FileError, InputError
from edge.frames import AgeClock, PixelFormat
from edge.imaging import Image
from edge.reports import Report, to_stderr
from edge.sources.base import Device
from edge.sources.images import decode_image
from edge.sources.options import DEFAULT, SourceOptions
from edge.sources.supervised import DEFAULT as DEFAULT_RETRY
from edge.sources.supervised import RetryPolicy, SupervisedSource

MJPG_ABOVE = 640 * 480
"""From more pixels on, MJPG is asked for: a USB 2 camera has no room for more than 10 frames/s of 720p in YUYV."""

MAX_DAMAGED = 30
"""So many damaged pictures in a row are an error of the camera."""

MAX_AGE = 5.0
"""The largest age of a frame, in seconds, that is believed. A driver with another clock states one without sense."""

_DIGITS = re.compile(r"\d+$")


@dataclass(frozen=True)
class CameraMode:
    """What a camera gives, or is asked for.

    Attributes:
        size: width and height in pixels.
        format: the pixel format by its four letters, such as ``MJPG``.
        rate: frames per second.
    """

    size: tuple[int, int] | None = None
    format: str = ""
    rate: float | None = None

    def line(self) -> str:
        """Return it in words: ``1280x720 MJPG at 15 frames/s``."""
        size = f"{self.size[0]}x{self.size[1]}" if self.size else ""
        rate = f"at {self.rate:.4g} frames/s" if self.rate else ""
        return " ".join(part for part in (size, self.format, rate) if part)

    def without(self, other: "CameraMode") -> "CameraMode":
        """Return those parts that ``other`` does not have alike."""
        alike = self.rate is not None and other.rate is not None and abs(self.rate - other.rate) < 0.01 * self.rate
        return CameraMode(
            None if self.size == other.size else self.size,
            "" if self.format == other.format else self.format,
            None if alike else self.rate,
        )


class CameraSource(SupervisedSource):
    """A V4L2 camera.

    Attributes:
        mode: what the camera really gives. None until it is opened.
    """

    def __init__(
        self, path: Path, options: SourceOptions, retry: RetryPolicy = DEFAULT_RETRY, report: Report = to_stderr
    ) -> None:
        """Store the parameters. The camera is opened when the source is iterated.

        Args:
            path: the device file.
            options: the size, rate and format that it is asked for.
            retry: how long to wait for frames, and before the camera is opened again.
            report: takes one line for each error and each recovery, and one for what the camera gives.
        """
        super().__init__(options.name or str(path), self._open, must_open=True, retry=retry, report=report)
        self.mode: CameraMode | None = None
        self._path, self._asked, self._to_report = path, asked(options), report

    def _open(self) -> "V4l2Camera":
        device = V4l2Camera(self._path, self._asked)
        if device.mode != self.mode:
            self.mode = device.mode
            missed = self._asked.without(device.mode).line()
            self._to_report(f"camera {self.name} gives {device.mode.line()}{missed and f', asked {missed}'}")
        return device


class V4l2Camera(Device):
    """An opened camera.

    MJPG pictures are decoded here, so that one that is cut is noticed. It is counted in ``damaged``, and the next one
    is returned. YUYV frames are returned as they are.

    Attributes:
        mode: what the camera gives.
        format: the pixel format of the array that ``read`` returned last.
        age_clock: ``pts`` when the driver states the time of the frame, else ``arrival``.
        age: the seconds from that time to the return of ``read``.
        damaged: pictures that could not be decoded.
    """

    def __init__(self, path: Path, wish: CameraMode) -> None:
        """Open a camera and ask it for a mode. Raises FileError when it cannot be opened, with what to do."""
        check(path)
        self.format: PixelFormat = "BGR"
        self.age_clock: AgeClock = "arrival"
        self.age, self.damaged, self._name = 0.0, 0, str(path)
        self._capture = video.Capture(str(path.resolve()), self._name)
        try:
            self.mode = _ask(self._capture, wish)
        except BaseException:
            self._capture.close()
            raise

    def read(self) -> NDArray[np.uint8]:
        """Return the next picture. See ``Device``."""
        for _ in range(MAX_DAMAGED):
            raw = self._capture.read()
            if raw is None:
                raise FileError(f"camera {self._name}: it stopped giving frames")
            if (picture := self._picture(raw)) is not None:
                self._date()
                return picture
            self.damaged += 1
        raise FileError(f"camera {self._name}: {MAX_DAMAGED} pictures in a row are damaged; try another cable or port")

    def close(self) -> None:
        """Release the camera. See ``Device``."""
        self._capture.close()

    def _picture(self, raw: Image) -> Image | None:
        """Return what OpenCV gave as a picture, or None when it is damaged."""
        self.format = "BGR"
        if raw.ndim == 3 and raw.shape[2] == 2:
            self.format = "YUYV"
            return raw
        if raw.ndim == 3 and raw.shape[2] == 3:
            return raw
        try:
            return decode_image(raw.tobytes())
        except InputError:
            return None

    def _date(self) -> None:
        """Take the frame's time from the driver: the monotonic clock when the frame began."""
        stamp = self._capture.position
        age = time.monotonic() - stamp if stamp else -1.0
        believed = 0 <= age <= MAX_AGE
        self.age, self.age_clock = (age, "pts") if believed else (0.0, "arrival")


def open_camera(text: str, options: SourceOptions = DEFAULT, retry: RetryPolicy = DEFAULT_RETRY) -> CameraSource:
    """Return the source of a V4L2 camera.

    Iterating it raises FileError when the camera does not open at the first attempt. A camera that fails later is
    opened again until it works.

    Args:
        text: the number of the camera, such as ``0``, or its device file, such as ``/dev/video0``, or
            ``/dev/v4l/by-id/…``, which stays the same when cameras are plugged in another order.
        options: what is asked of it.
        retry: how long to wait for frames, and before the camera is opened again.

    Raises:
        FileError: the device file does not exist.
        InputError: the camera does not have one of the options.
    """
    options.refuse_all_but("a camera", "size", "rate", "format")
    number = _DIGITS.search(text)
    path = Path(f"/dev/video{number[0]}" if number and not text.startswith("/") else text)
    if not path.exists():
        raise FileError(f"camera {path} does not exist; {_others(path)}; connect one, or name another source")
    return CameraSource(path, options, retry)


def asked(options: SourceOptions) -> CameraMode:
    """Return the mode that a camera is asked for: MJPG for a large picture, unless a format was named."""
    large = options.size is not None and options.size[0] * options.size[1] > MJPG_ABOVE
    return CameraMode(options.size, options.format or ("MJPG" if large else ""), options.rate)


def check(path: Path) -> None:
    """Raise FileError with what to do when a device file is no camera that can be opened now.

    OpenCV would wait 10 s for a camera that is in use, and say no reason.
    """
    name = f"camera {path}"
    try:
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM):
            raise FileError(
                f"{name} may not be opened by this user: sudo usermod -aG video $USER, then log in again"
            ) from error
        if error.errno != errno.EBUSY:
            raise FileError(f"{name} cannot be opened: {error.strerror or error}; {_others(path)}") from error
    if v4l2.is_busy(path):
        raise FileError(f"{name} is {_use(path)}")
    node = v4l2.query(path)
    if node is None or not node.captures:
        what = "gives no pictures (it is a converter, or has a camera's metadata)" if node else "is no video device"
        raise FileError(f"{name} {what}; {_others(path)}")


def _use(path: Path) -> str:
    """Return who uses a busy camera, and what to do."""
    programs = v4l2.users(path)
    if not programs and v4l2.is_open_here(path):
        return "still held by an earlier read of this run that does not return; plug the camera in again if it lasts"
    by = f" by {', '.join(programs)}" if programs else ""
    return f"in use{by}: end the other program, or let one program read it and send a stream"


def _others(path: Path) -> str:
    """Return which other cameras there are, in words."""
    nodes = [(node, v4l2.query(node)) for node in sorted(Path("/dev").glob("video*")) if node != path]
    found = [f"{node} ({' '.join(known.formats[:6])})" for node, known in nodes if known and known.captures]
    return f"this machine has {', '.join(found) or 'no other camera'}"


def _ask(capture: video.Capture, wish: CameraMode) -> CameraMode:
    """Ask for a mode, and return what the camera gives."""
    if wish.format:
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*wish.format))
    if wish.size:
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, wish.size[0])
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, wish.size[1])
    if wish.rate:
        capture.set(cv2.CAP_PROP_FPS, wish.rate)
    size = (round(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), round(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
    code, rate = round(capture.get(cv2.CAP_PROP_FOURCC)), capture.get(cv2.CAP_PROP_FPS)
    form = (code & 0xFFFFFFFF).to_bytes(4, "little").decode("ascii", "replace").strip("\0 ")
    if form in ("MJPG", "JPEG", "YUYV"):
        capture.set(cv2.CAP_PROP_CONVERT_RGB, 0)  # JPEG files and YUYV as the camera sends them
    return CameraMode(size, form, rate if 0 < rate <= 1000 else None)
