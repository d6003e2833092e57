"""The last frame as a picture with its results drawn in."""

from pathlib import Path

import cv2

from edge.errors import InputError
from edge.files import replaced
from edge.results import Result
from edge.sinks import overlay
from edge.sinks.base import Sink
from edge.sinks.target import check_writable
from edge.sources.base import Frame, Source

SUFFIXES = (".jpg", ".jpeg", ".png")


class Snapshot(Sink):
    """Keeps the newest frame and writes it once, when the loop ends; nothing when there was no frame."""

    def __init__(self, target: str, source: Source) -> None:
        """Raises InputError unless ``target`` ends in one of SUFFIXES, FileError when it cannot be written."""
        self._path = Path(target)
        if self._path.suffix.lower() not in SUFFIXES:
            raise InputError(f"a snapshot's name must end in {', '.join(SUFFIXES)}, got {target!r}")
        check_writable(self._path)
        self._last: tuple[Frame, Result] | None = None

    def emit(self, frame: Frame, result: Result) -> None:
        """See Sink."""
        self._last = (frame, result)

    def close(self) -> None:
        """See Sink. Raises FileError when the disk is full."""
        if self._last is None:
            return
        (frame, result), self._last = self._last, None
        _, encoded = cv2.imencode(self._path.suffix, overlay.annotated(frame.image, result))
        with replaced(self._path) as temporary:
            temporary.write_bytes(encoded.tobytes())
