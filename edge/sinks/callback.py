"""``Callback`` gives events to a user's own function."""

from collections.abc import Callable

from edge.sinks.base import OnError, Sink
from edge.sinks.event import Event


class Callback(Sink):
    """Calls a function with each event, in a thread of its own. ``Loop.run`` makes one of each function that it gets.

    An exception of the function ends the run, because a mistake in it should be seen.
    """

    on_error: OnError = "fatal"

    def __init__(self, function: Callable[[Event], object], lossless: bool = True) -> None:
        """Store the function.

        Args:
            function: takes an event; what it returns is ignored.
            lossless: whether it must get every result (``Sink.lossless``).
        """
        self.name = getattr(function, "__name__", "callback")
        self.lossless = lossless
        self._function = function

    def emit(self, event: Event) -> None:
        """See Sink."""
        self._function(event)

    def close(self) -> None:
        """See Sink."""
