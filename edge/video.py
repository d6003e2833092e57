"""``Capture`` reads and ``Writer`` writes video through OpenCV. No other module opens captures or chooses codecs."""

import math
import shutil
from pathlib import Path

import cv2
import numpy as np

from edge import opencv_messages, video_container
from edge.closing import Closing
from edge.errors import FileError, InputError
from edge.imaging import Image
from edge.video_conversion import CheckedFrames

CODECS = {".avi": "MJPG", ".mp4": "mp4v"}
"""The codec for each suffix. Every opencv-python-headless wheel has these; none has an H.264 encoder (patents)."""

MIN_FREE_BYTES = 8 << 20
_CHECK_EVERY = 16


opencv_messages.hide()


def _check_name(path: str, name: str | Path) -> None:
    """Raise FileError for a path that is no UTF-8: the whole process would end, because OpenCV reads no such text."""
    try:
        path.encode()
    except UnicodeEncodeError:
        raise FileError(
            f"video {name} cannot be opened: its path must be text in UTF-8; give it another name"
        ) from None


class Writer(Closing):
    """Writes BGR frames of one size to a file. ``close`` raises FileError when the file is not complete."""

    def __init__(self, path: Path, size: tuple[int, int], fps: float, name: Path | None = None) -> None:
        """Open a file for writing.

        Args:
            path: the file; its suffix chooses the codec.
            size: width and height in pixels.
            fps: frames per second.
            name: the path to show in messages, when ``path`` is a temporary one.

        Raises:
            InputError: the suffix is unknown.
            FileError: the file cannot be written.
        """
        self._name = name or path
        codec = CODECS.get(path.suffix.lower())
        if codec is None:
            raise InputError(f"a video file must end in {' or '.join(CODECS)}, got {path.name!r}")
        _check_name(str(path), self._name)
        self._path, self._size, self._written, self._open = path, size, 0, True
        self._check_space()
        self._writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), fps, size)
        if not self._writer.isOpened():
            raise FileError(
                f"cannot write {self._name}: OpenCV cannot open it with codec {codec} at {size[0]}x{size[1]}"
            )

    def write(self, image: Image) -> None:
        """Append one frame, (height, width, 3) uint8 BGR.

        Raises:
            InputError: it has another size.
            FileError: the disk is full.
        """
        height, width = image.shape[:2]
        if (width, height) != self._size:
            raise InputError(f"every frame of a video must be {self._size[0]}x{self._size[1]}, got {width}x{height}")
        if self._written % _CHECK_EVERY == 0:
            self._check_space()
        self._writer.write(image)
        self._written += 1

    def close(self) -> None:
        """Finish the file.

        Raises:
            FileError: the file holds fewer frames than were written.
        """
        if not self._open:
            return
        self._open = False
        self._writer.release()
        kept = frame_count(self._path)
        if kept < self._written:
            raise FileError(
                f"cannot write {self._name}: {kept} of {self._written} frames are in it; the disk may be full"
            )

    def _check_space(self) -> None:
        """Check for free space beforehand, because OpenCV's writer ignores a full disk."""
        try:
            free = shutil.disk_usage(self._path.parent).free
        except OSError as error:
            raise FileError(f"cannot write {self._name}: {error.strerror or error}") from error
        if free < MIN_FREE_BYTES:
            left = f"{free >> 10} KiB left, {MIN_FREE_BYTES >> 10} needed"
            raise FileError(f"cannot write {self._name}: the disk is full: {left}")


class InterlacedError(FileError):
    """OpenCV cannot convert the frames of a video, because they are interlaced."""


class Capture(Closing):
    """An open video, camera or stream. The same thread must read and close it.

    Attributes:
        fps: the frame rate that the source states. None when it states none, or an impossible one.
    """

    def __init__(self, target: str, name: str | None = None, timeout: float | None = None) -> None:
        """Open a video.

        Args:
            target: a file, a device or an address.
            name: the name in messages. None takes the target.
            timeout: the longest wait for a stream to open, and for a frame, in seconds. None for files and cameras.

        Raises:
            FileError: the target cannot be opened.
        """
        self._name = name or target
        _check_name(target, self._name)
        self._capture = cv2.VideoCapture()
        limits = [] if timeout is None else _time_limits(timeout)
        api = cv2.CAP_V4L2 if target.startswith("/dev/video") else cv2.CAP_ANY if timeout is None else cv2.CAP_FFMPEG
        if not self._capture.open(target, api, limits if api == cv2.CAP_FFMPEG else []):
            raise FileError(f"video {self._name} cannot be opened: {_why(target)}")
        if api != cv2.CAP_V4L2:
            self._capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)  # frames are upright, as the file's rotation says
        stated = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps: float | None = stated if 0 < stated <= 1000 else None
        self._checked = CheckedFrames(self._capture)
        self._flip = self._mirror(target)

    def read(self) -> Image | None:
        """Return the next frame, (height, width, 3) uint8 BGR, or None at the end and after an error.

        Raises:
            InterlacedError: the frame is interlaced, and this OpenCV cannot convert it.
        """
        image: Image | None = self._capture.read()[1]
        if image is None:
            return None
        if not self._checked.written(image):
            raise InterlacedError(
                f"video {self._name} must have progressive frames, and it is interlaced: set the camera or the server "
                "to progressive video, or make a copy of a file: ffmpeg -i IN -vf bwdif OUT.mp4"
            )
        return image if self._flip is None else np.asarray(cv2.flip(image, self._flip), np.uint8)

    def _mirror(self, target: str) -> int | None:
        """Return the flip that an MP4 file asks for after its rotation, as ``cv2.flip`` takes it, or None.

        OpenCV rotates the frames and ignores the mirror, which comes first and exchanges top and bottom.
        """
        if "://" in target or target.startswith("/dev/") or not video_container.is_mirrored(Path(target)):
            return None
        return 1 if self._capture.get(cv2.CAP_PROP_ORIENTATION_META) in (90, 270) else 0

    @property
    def position(self) -> float | None:
        """The time of the last frame in its file, in seconds. None when the file does not say."""
        milliseconds = self._capture.get(cv2.CAP_PROP_POS_MSEC)
        return milliseconds / 1e3 if math.isfinite(milliseconds) and milliseconds >= 0 else None

    def set(self, which: int, value: float) -> bool:
        """Ask for a property by OpenCV's number, such as ``cv2.CAP_PROP_FPS``. Return False when it is refused."""
        return bool(self._capture.set(which, value))

    def get(self, which: int) -> float:
        """Return a property by OpenCV's number, or 0 when it is not known."""
        return float(self._capture.get(which))

    def count(self) -> int:
        """Return the number of frames in the file's header, or 0."""
        return max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))

    def close(self) -> None:
        """Release the video."""
        self._capture.release()


def _time_limits(seconds: float) -> list[int]:
    milliseconds = round(seconds * 1000)
    return [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, milliseconds, cv2.CAP_PROP_READ_TIMEOUT_MSEC, milliseconds]


def _why(target: str) -> str:
    if "://" in target:
        return "no stream answers at this address"
    path = Path(target)
    if not path.exists():
        return "it does not exist"
    if target.startswith("/dev/"):
        return "it is in use or is not a camera"
    if path.stat().st_size == 0:
        return "it is empty"
    if missing := video_container.missing_bytes(path):
        return f"it is cut: {missing} bytes are missing at its end; copy it again, or repair it from its original"
    return "it is not a video that OpenCV can decode"


def frame_count(path: Path) -> int:
    """Return the number of frames in the header of a video file, or 0 when it cannot be read."""
    try:
        with Capture(str(path)) as capture:
            return capture.count()
    except FileError:
        return 0
