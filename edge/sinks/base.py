"""The interface of every sink: where results go."""

from typing import Protocol

from edge.closing import Closing
from edge.results import Result
from edge.sources.base import Frame


class Sink(Closing, Protocol):
    """A context manager. A slow sink never holds the loop up: ``edge.sinks.queued`` gives each its own queue.

    One that raises OSError (FileError is one) ends the loop: what it was asked to keep cannot be kept. Before it
    does, it removes what it has half written. Any other exception is reported once, and the loop goes on without it.
    """

    def emit(self, frame: Frame, result: Result) -> None:
        """Take one frame and its result. The frame's image must not be changed."""
        ...

    def close(self) -> None:
        """Flush and release; what was written is complete afterwards."""
        ...
