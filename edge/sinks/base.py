"""The interface of every sink: where results go, and what is to happen when one is slow or fails."""

from typing import Literal, Protocol

from edge.closing import Closing
from edge.sinks.event import Event

OnError = Literal["fatal", "retry"]


class Sink(Closing, Protocol):
    """A context manager that takes events. ``edge.sinks.queued`` gives each one a queue and a thread of its own.

    Attributes:
        name: the sink's row in the table, for messages and statistics.
        lossless: whether it must get every result. The loop then waits for it when the source is a file or a folder;
            from a live source it has a deeper queue, and what is lost nevertheless is said. A sink that is not
            lossless never holds the loop up: the oldest result that waits for it is replaced.
        on_error: ``fatal``: what it raises ends the run, because what it was asked to keep cannot be kept; before it
            raises, it removes what it has half written. ``retry``: what it raises is reported and counted, and it is
            given results again after a back-off. A sink that talks to a network is always ``retry``.
    """

    name: str
    lossless: bool
    on_error: OnError

    def emit(self, event: Event) -> None:
        """Take one frame and its result."""
        ...

    def close(self) -> None:
        """Flush and release; what was written is complete afterwards."""
        ...
