"""The interface of every source of frames."""

from collections.abc import Iterator
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.closing import Closing
from edge.frames import AgeClock, Frame, PixelFormat

State = Literal["", "opening", "delivering", "waiting"]

HEALTH: dict[str, Any] = {"lost_frames": 0, "errors": 0, "stalls": 0, "reopened": 0, "state": ""}
"""What a source tells of itself, with the values of one that tells nothing, such as a plug-in's."""


class Source(Closing, Protocol):
    """A context manager that yields frames to one thread.

    Iterating raises FileError when the source cannot be opened.

    Attributes:
        name: the name for the user, without passwords.
        live: True for cameras and streams: the newest frame counts, and the end is an error. False for files and
            folders: every frame is processed, in order.
        fps: the frames per second that a video file states. None for images and live sources.
        lost_frames: how many frames the source should have yielded and could not, because they are damaged or missing.
        errors: how often opening or reading its device ended with an error.
        stalls: how often no frame came in time.
        reopened: how often frames came again after an error or a stall.
        state: how its device is at present: ``opening``, ``delivering`` or ``waiting`` for it to come back. Empty for
            files.
    """

    name: str
    live: bool
    fps: float | None
    lost_frames: int = 0
    errors: int = 0
    stalls: int = 0
    reopened: int = 0
    state: State = ""

    def __iter__(self) -> Iterator[Frame]: ...

    def close(self) -> None:
        """End the iteration, also during a blocked read. Any thread may call it."""
        ...


class Device(Closing, Protocol):
    """An opened camera or stream for ``edge.sources.supervised``.

    Attributes:
        format: the pixel format of the array that ``read`` returned last.
        age_clock: the moment from which the age of that array counts.
        age: the seconds from that moment to the return of ``read``.
        damaged: pictures since the last ``read`` that could not be decoded. The source takes them and sets it to 0.
    """

    format: PixelFormat = "BGR"
    age_clock: AgeClock = "arrival"
    age: float = 0.0
    damaged: int = 0

    def read(self) -> NDArray[np.uint8]:
        """Return the pixels of the next frame in ``format``. Raises FileError when there is none."""
        ...

    def close(self) -> None:
        """Release the device. The thread that reads calls it."""
        ...

    def interrupt(self) -> None:
        """Make a blocked ``read`` raise an error, where the device can. Another thread calls it."""
        return
