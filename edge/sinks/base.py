"""The interface of every sink: where results go."""

from typing import Protocol

from edge.closing import Closing
from edge.results import Result
from edge.sources.base import Frame


class Sink(Closing, Protocol):
    """A context manager. A slow sink never holds the loop up: ``edge.sinks.queued`` gives each its own queue.

    lossless: True when every frame of a file source must reach it (a recording, a log).
    """

    def emit(self, frame: Frame, result: Result) -> None:
        """Take one frame and its result. The frame's image must not be changed."""
        ...

    def close(self) -> None:
        """Flush and release; what was written is complete afterwards."""
        ...
