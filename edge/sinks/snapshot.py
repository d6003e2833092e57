"""The sink ``snapshot`` writes the last frame as an annotated picture."""

from pathlib import Path

import cv2

from edge.errors import InputError
from edge.files import replaced
from edge.sinks.base import OnError, Sink
from edge.sinks.context import Context
from edge.sinks.event import Event
from edge.sinks.target import check_writable

SUFFIXES = (".jpg", ".jpeg", ".png")


class Snapshot(Sink):
    """Keeps the newest frame and writes it when the loop ends. Without a frame it writes nothing."""

    name = "snapshot"
    lossless = False
    on_error: OnError = "fatal"

    def __init__(self, target: str, context: Context) -> None:
        """Check the target. Raises InputError for a suffix not in SUFFIXES, FileError when it cannot be written."""
        self._path = Path(target)
        if self._path.suffix.lower() not in SUFFIXES:
            raise InputError(f"a snapshot's name must end in {', '.join(SUFFIXES)}, got {target!r}")
        check_writable(self._path)
        self._last: Event | None = None

    def emit(self, event: Event) -> None:
        """See Sink."""
        self._last = event

    def close(self) -> None:
        """Write the picture. Raises FileError when the disk is full. See ``Sink``."""
        last, self._last = self._last, None
        if last is None:
            return
        _, encoded = cv2.imencode(self._path.suffix, last.picture)
        with replaced(self._path) as temporary:
            temporary.write_bytes(encoded.tobytes())
