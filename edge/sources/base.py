"""The interface of every source of frames."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from edge.closing import Closing
from edge.imaging import Image


@dataclass(frozen=True)
class Frame:
    """image: (height, width, 3) uint8 BGR. index: counted by the source, from 0.

    captured_ns: ``time.time_ns()`` when the frame arrived. source: what a person would call it.
    """

    image: Image
    index: int
    captured_ns: int
    source: str


class Source(Closing, Protocol):
    """A context manager and an iterator of frames, iterated by one thread.

    live: True for cameras and streams, where the newest frame matters and the end means a fault;
    False for files and folders, where every frame is processed, in order, and the end is the end.
    fps: the frames per second that a file states; None for images and whatever is live.
    Iterating raises FileError when the source cannot be opened.
    """

    name: str
    live: bool
    fps: float | None

    def __iter__(self) -> Iterator[Frame]: ...

    def close(self) -> None:
        """End the iteration, from any thread; a blocked read ends."""
        ...


class Device(Closing, Protocol):
    """What ``edge.sources.supervised`` keeps alive: an opened camera or stream."""

    def read(self) -> Image:
        """Return the next frame, (height, width, 3) uint8 BGR. Raises FileError when none can be had."""
        ...

    def close(self) -> None:
        """Release the device; called by the thread that reads."""
        ...
