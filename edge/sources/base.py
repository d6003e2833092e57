"""The interface of every source of frames."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge.closing import Closing
from edge.frames import Frame, PixelFormat


class Source(Closing, Protocol):
    """A context manager that yields frames to one thread.

    Iterating raises FileError when the source cannot be opened.

    Attributes:
        name: the name for the user, without passwords.
        live: True for cameras and streams: the newest frame counts, and the end is an error. False for files and
            folders: every frame is processed, in order.
        fps: the frames per second that a video file states. None for images and live sources.
        lost_frames: how many frames the source should have yielded and could not, because they are damaged or missing.
    """

    name: str
    live: bool
    fps: float | None
    lost_frames: int = 0

    def __iter__(self) -> Iterator[Frame]: ...

    def close(self) -> None:
        """End the iteration, also during a blocked read. Any thread may call it."""
        ...


class Device(Closing, Protocol):
    """An opened camera or stream for ``edge.sources.supervised``.

    Attributes:
        format: the pixel format of the arrays that ``read`` returns.
    """

    format: PixelFormat = "BGR"

    def read(self) -> NDArray[np.uint8]:
        """Return the pixels of the next frame in ``format``. Raises FileError when there is none."""
        ...

    def close(self) -> None:
        """Release the device. The thread that reads calls it."""
        ...
