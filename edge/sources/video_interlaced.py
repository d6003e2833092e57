"""``FileCapture`` reads a video file through OpenCV, and through PyAV from the first frame that is interlaced on."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge import video, video_container
from edge.closing import Closing
from edge.errors import FileError
from edge.imaging import Image

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

_ROTATIONS = {
    90: cv2.ROTATE_90_COUNTERCLOCKWISE,
    -90: cv2.ROTATE_90_CLOCKWISE,
    180: cv2.ROTATE_180,
    -180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_CLOCKWISE,
    -270: cv2.ROTATE_90_COUNTERCLOCKWISE,
}


class FileCapture(Closing):
    """An open video file. The same thread must read and close it.

    Attributes:
        fps: the frame rate that the file states. None when it states none, or an impossible one.
    """

    def __init__(self, path: Path, name: str) -> None:
        """Open a file. Raises FileError when it is not a video that can be opened.

        Args:
            path: the file.
            name: the name in messages.
        """
        self._path, self._name = path, name
        self._capture: video.Capture | _Interlaced = video.Capture(str(path), name)
        self.fps, self._frames = self._capture.fps, self._capture.count()
        self._delivered = 0

    def read(self) -> Image | None:
        """Return the next frame, (height, width, 3) uint8 BGR, or None at the end and after an error.

        Interlaced frames keep both fields, line by line, as a player without a deinterlacer shows them.

        Raises:
            FileError: the frame is interlaced, and PyAV is not installed.
        """
        try:
            image = self._capture.read()
        except video.InterlacedError as error:
            self._capture.close()
            self._capture = _Interlaced(self._path, self._name, error)
            for _ in range(self._delivered):
                self._capture.skip()
            image = self._capture.read()
        self._delivered += image is not None
        return image

    @property
    def position(self) -> float | None:
        """The time of the last frame in the file, in seconds. None when the file does not say."""
        return self._capture.position

    def count(self) -> int:
        """Return the number of frames in the file's header, or 0."""
        return self._frames

    def close(self) -> None:
        """Release the file."""
        self._capture.close()


class _Interlaced(Closing):
    """An open video file that PyAV decodes."""

    def __init__(self, path: Path, name: str, refusal: FileError) -> None:
        try:
            import av  # an extra, which only interlaced files need
        except ImportError:
            raise FileError(f"{refusal} (or install PyAV, which reads it: pip install 'edgekit[rtsp]')") from None
        self.position: float | None = None
        try:
            self._container = av.open(str(path))
        except (av.FFmpegError, OSError) as error:
            raise FileError(f"video {name} cannot be opened: {type(error).__name__}") from None
        self._damaged: type[Exception] = av.FFmpegError
        self._mirrored = video_container.is_mirrored(path)
        stream = self._container.streams.video[0]
        self._start = float((stream.start_time or 0) * (stream.time_base or 0))
        self._decoded = self._frames()

    def _frames(self) -> "Iterator[VideoFrame]":
        for packet in self._container.demux(video=0):
            try:
                yield from packet.decode()
            except self._damaged:  # the next frame may be whole
                continue

    def skip(self) -> None:
        """Leave one frame out."""
        next(self._decoded, None)

    def read(self) -> Image | None:
        """Return the next frame upright, or None at the end."""
        frame = next(self._decoded, None)
        if frame is None:
            return None
        self.position = None if frame.time is None else max(0.0, frame.time - self._start)
        image = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
        if self._mirrored:
            image = image[::-1]
        rotation = _ROTATIONS.get(frame.rotation)
        return np.ascontiguousarray(image if rotation is None else cv2.rotate(image, rotation))

    def close(self) -> None:
        """Release the file."""
        self._container.close()
