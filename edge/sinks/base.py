"""The interface of all sinks. A sink writes results, and states what happens when it is slow or fails."""

from typing import Literal, Protocol

from edge.closing import Closing
from edge.sinks.event import Event

OnError = Literal["fatal", "retry"]


class Sink(Closing, Protocol):
    """A context manager that takes events. ``edge.sinks.queued`` gives each sink a queue and a thread.

    Attributes:
        name: the sink's name in the table, for messages and statistics.
        lossless: whether the sink must get every result. If it is True, the loop waits for the sink when the source is
            a file or folder. With a live source the sink has a longer queue, and lost results are reported. If it is
            False, the loop never waits: a new result replaces the oldest one in the queue.
        on_error: what an exception of the sink does. ``fatal`` ends the run, because the sink cannot keep what it must;
            the sink removes partly written files before it raises. With ``retry`` the exception is reported and
            counted, and the sink gets results again after a back-off. A sink that uses a network is always ``retry``.
        close_seconds: the longest time for one result, and for ``close``, after the run has ended. A sink whose errors
            are fatal has no such limit.
        working: whether nothing has failed since the sink's output was last complete. A sink that writes later than it
            takes, such as ``clips``, sets it to False with an error and to True when something was written. Until then
            ``edge.sinks.queued`` does not say that the sink is back.
    """

    name: str
    lossless: bool
    on_error: OnError
    close_seconds: float = 5.0
    working: bool = True

    def emit(self, event: Event) -> None:
        """Take one frame and its result."""
        ...

    def close(self) -> None:
        """Flush and release the output, which is complete afterwards."""
        ...
