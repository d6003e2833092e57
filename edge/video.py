"""Video files: the one place that knows which codec a suffix means."""

import shutil
from pathlib import Path

import cv2

from edge.closing import Closing
from edge.errors import FileProblem, InvalidInput
from edge.imaging import Image

CODECS = {".avi": "MJPG", ".mp4": "mp4v"}
"""Both are in every opencv-python-headless wheel; the patent-encumbered H.264 encoder is not."""

MIN_FREE_BYTES = 8 << 20
_CHECK_EVERY = 16


class Writer(Closing):
    """Writes BGR frames of one size; ``close`` raises when what lies on the disk is not complete."""

    def __init__(self, path: Path, size: tuple[int, int], fps: float) -> None:
        """size: width, height in pixels. Raises InvalidInput for an unknown suffix, FileProblem when unwritable."""
        codec = CODECS.get(path.suffix.lower())
        if codec is None:
            raise InvalidInput(f"a video file must end in {' or '.join(CODECS)}, got {path.name!r}")
        self._path, self._size, self._written, self._open = path, size, 0, True
        self._check_space()
        self._writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), fps, size)
        if not self._writer.isOpened():
            raise FileProblem(f"cannot write {path}: OpenCV cannot open it with codec {codec} at {size[0]}x{size[1]}")

    def write(self, image: Image) -> None:
        """Append one frame. Raises InvalidInput for another size, FileProblem when the disk is full."""
        height, width = image.shape[:2]
        if (width, height) != self._size:
            raise InvalidInput(f"every frame of a video must be {self._size[0]}x{self._size[1]}, got {width}x{height}")
        if self._written % _CHECK_EVERY == 0:
            self._check_space()
        self._writer.write(image)
        self._written += 1

    def close(self) -> None:
        """Finish the file. Raises FileProblem when the file holds fewer frames than were written."""
        if not self._open:
            return
        self._open = False
        self._writer.release()
        kept = frame_count(self._path)
        if kept < self._written:
            raise FileProblem(
                f"cannot write {self._path}: {kept} of {self._written} frames are in it; the disk may be full"
            )

    def _check_space(self) -> None:
        """OpenCV's writer ignores a full disk, so ask before it is."""
        try:
            free = shutil.disk_usage(self._path.parent).free
        except OSError as error:
            raise FileProblem(f"cannot write {self._path}: {error.strerror or error}") from error
        if free < MIN_FREE_BYTES:
            raise FileProblem(f"cannot write {self._path}: the disk is full ({free >> 10} KiB free)")


def frame_count(path: Path) -> int:
    """Return how many frames the header of a video file states; 0 when it cannot be read."""
    capture = cv2.VideoCapture(str(path))
    try:
        return max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT))) if capture.isOpened() else 0
    finally:
        capture.release()
