"""``CheckedFrames`` finds the frames that OpenCV hands over although FFmpeg could not convert them.

Recent FFmpeg refuses to convert interlaced frames to BGR. OpenCV ignores that (``retrieveFrame`` in its file
cap_ffmpeg_impl.hpp), and hands over what its buffer held before: the last frame, or memory of something else. Only
FFmpeg's log says so.
"""

import contextlib
import ctypes
import functools
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from edge.imaging import Image

_ERROR = 16
"""FFmpeg's AV_LOG_ERROR: lower levels are worse."""

_ROW_STEP = 16
"""One row in so many is compared with the frame before. Fewer rows mean more checks, and no frame that is missed."""

_Callback = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
_lock = threading.Lock()


class CheckedFrames:
    """Says of each frame of a capture whether it was written.

    OpenCV converts into one buffer. A frame that differs from the one before was therefore written. The first one, and
    one that looks like the one before, is converted once more while FFmpeg's log is watched.
    """

    def __init__(self, capture: cv2.VideoCapture) -> None:
        """Watch an open capture."""
        self._capture, self._by_ffmpeg = capture, capture.getBackendName() == "FFMPEG"
        self._rows: Image | None = None

    def written(self, image: Image) -> bool:
        """Return whether the frame that was just read was written, (height, width, 3) uint8."""
        if not self._by_ffmpeg:
            return True
        before, self._rows = self._rows, image[::_ROW_STEP].copy()
        changed = before is not None and not np.array_equal(self._rows, before)
        return changed or not _fails_again(self._capture)


def _fails_again(capture: cv2.VideoCapture) -> bool:
    """Convert the frame of a capture once more, and return whether FFmpeg says that it cannot.

    False where the library of FFmpeg that OpenCV uses cannot be found, as outside Linux.
    """
    errors: list[int] = []
    with _watched(errors):
        capture.retrieve()
    return bool(errors)


@contextlib.contextmanager
def _watched(errors: list[int]) -> Iterator[None]:
    """Collect the levels of the errors that FFmpeg logs in this thread."""
    thread = threading.get_ident()

    def note(_source: int, level: int, _text: bytes, _arguments: int) -> None:
        if level <= _ERROR and threading.get_ident() == thread:
            errors.append(level)

    callback = _Callback(note)
    with _lock:
        for library in _libraries():
            library.av_log_set_callback(callback)
        try:
            yield
        finally:
            for library in _libraries():
                library.av_log_set_callback(ctypes.cast(library.av_log_default_callback, ctypes.c_void_p))
            _kept.append(callback)
            del _kept[:-_KEEP]


_KEEP = 8
_kept: list[object] = []
"""The latest callbacks, because another thread may still be inside one of them."""


@functools.cache
def _libraries() -> tuple[ctypes.CDLL, ...]:
    """Return the libavutil that OpenCV has loaded. PyAV's wheel has one of its own, whose log PyAV handles."""
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ()
    paths = {line.split(maxsplit=5)[5] for line in lines if "/libavutil" in line and "/av.libs/" not in line}
    found = []
    for path in sorted(paths):
        with contextlib.suppress(OSError):
            found.append(ctypes.CDLL(path))
    return tuple(found)
