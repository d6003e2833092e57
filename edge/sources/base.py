"""The interface of every source of frames."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge.closing import Closing
from edge.frames import Frame, PixelFormat


class Source(Closing, Protocol):
    """A context manager and an iterator of frames, iterated by one thread.

    Iterating raises FileError when the source cannot be opened.

    Attributes:
        name: what a person would call it; it holds no password.
        live: True for cameras and streams, where the newest frame matters and the end means a fault;
            False for files and folders, where every frame is processed, in order, and the end is the end.
        fps: the frames per second that a file states; None for images and whatever is live.
    """

    name: str
    live: bool
    fps: float | None

    def __iter__(self) -> Iterator[Frame]: ...

    def close(self) -> None:
        """End the iteration, from any thread; a blocked read ends."""
        ...


class Device(Closing, Protocol):
    """What ``edge.sources.supervised`` keeps alive: an opened camera or stream.

    Attributes:
        format: how the pixels lie in the arrays that ``read`` returns.
    """

    format: PixelFormat = "BGR"

    def read(self) -> NDArray[np.uint8]:
        """Return the pixels of the next frame, in the shape of ``format``. Raises FileError when none can be had."""
        ...

    def close(self) -> None:
        """Release the device; called by the thread that reads."""
        ...
