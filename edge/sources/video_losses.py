"""``VideoLosses`` counts the frames that a video file should hold and that could not be decoded.

Players hide damage, and so does OpenCV: a frame that cannot be decoded is left out, and a cut file just ends. Neither
says how many frames are lost, so that is worked out from what the file states. Healthy files must count as such, also
those with a variable frame rate, and those that were trimmed without being encoded again: they hold more frames than
they show.
"""

import functools
import math
from pathlib import Path

from edge import video_container
from edge.video_damage import is_damaged

STEADY = 0.95
"""The share of intervals that must fit the stated rate for a longer one to count as a gap."""

LEAST_BYTES = 16
"""The least bytes that a frame takes in a file. A damaged head may state more frames than there is room for."""

_MIN_INTERVALS = 5
_EXACT = ("mp4", "avi")
"""Containers that state their number of frames. For the others OpenCV estimates it from the duration."""


class VideoLosses:
    """What was read of a video file so far, and what is lost.

    Attributes:
        delivered: the number of frames that were decoded.
    """

    def __init__(self, path: Path, stated: int, fps: float | None) -> None:
        """Look at the container.

        Args:
            path: the file.
            stated: the number of frames that the file states, or an estimate; 0 when it is not known.
            fps: the frames per second that the file states.
        """
        self.delivered = 0
        self._path = path
        self._kind, self._missing_bytes = video_container.kind(path), video_container.missing_bytes(path)
        self._most = _room(path, self._missing_bytes)
        self._stated, self._interval = stated if stated <= self._most else 0, 1 / fps if fps else 0.0
        self._failed = self._in_gaps = self._steady = self._intervals = 0
        self._last: float | None = None
        self._lost = 0

    @property
    def due(self) -> int:
        """How many frames should follow."""
        return max(0, self._stated - self.delivered)

    @property
    def complete(self) -> bool:
        """Whether every frame that the file states was decoded."""
        return self._kind in _EXACT and 0 < self._stated <= self.delivered

    @property
    def so_far(self) -> int:
        """How many frames are lost between those that were decoded."""
        return max(self._failed, self._in_gaps)

    def fail(self, reads: int) -> None:
        """Count reads that failed before one that gave a frame."""
        self._failed += reads

    def deliver(self, position: float | None) -> None:
        """Count a decoded frame, whose time in the file is ``position`` seconds."""
        self.delivered += 1
        last, self._last = self._last, position
        if last is None or position is None or not self._interval:
            return
        frames = (position - last) / self._interval
        regular = self._intervals >= _MIN_INTERVALS and self._steady >= STEADY * self._intervals
        if regular and frames > 1.5 and self._may_be_lost:
            self._in_gaps += round(frames) - 1 if frames <= self._most else 1
            return
        self._intervals += 1
        # Matroska rounds time stamps to 1 ms.
        self._steady += abs(position - last - self._interval) <= max(0.0015, 0.05 * self._interval)

    @property
    def _may_be_lost(self) -> bool:
        """Whether a gap can be damage: the container counts its frames, is cut or broken, or a read has failed.

        In a healthy file of another kind it is a pause of a variable frame rate.
        """
        return self._kind in _EXACT or bool(self._missing_bytes or self._failed) or self._is_broken

    @functools.cached_property
    def _is_broken(self) -> bool:
        return is_damaged(self._path)

    def at_end(self) -> int:
        """Return how many frames are lost in all, once no more can be decoded."""
        self._lost = self.so_far
        if self._stated and (self._kind == "avi" or (self._kind == "mp4" and (self._lost or self._missing_bytes))):
            self._lost = self.due
        elif self._missing_bytes:
            self._lost = max(self._lost, 1, self.due)
        return self._lost

    def line(self) -> str:
        """Return the line for the user."""
        about = "" if self._kind in _EXACT else "about "
        cut = f"; {self._missing_bytes} bytes are missing at the end of the file" if self._missing_bytes else ""
        whole = self._lost + self.delivered
        return f"lost {about}{self._lost} of {about}{whole} frames, which are damaged or missing{cut}"


def _room(path: Path, missing: int) -> float:
    """Return the most frames for which a file has room, once the missing bytes are there again."""
    try:
        return (path.stat().st_size + missing) / LEAST_BYTES
    except OSError:
        return math.inf
