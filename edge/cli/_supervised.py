"""A camera loop as a service: it tells the service manager that it is ready, alive, what it did, and that it ends."""

from edge.notify import Supervisor, supervisor
from edge.stats import Stats


class Supervised:
    """Reports a loop to the service manager."""

    def __init__(self, manager: Supervisor) -> None:
        """Take the service manager."""
        self._manager = manager
        self._stats: Stats | None = None
        self._any = False

    def ready(self, stats: Stats) -> None:
        """Report that the model is loaded and the loop begins.

        Args:
            stats: the loop's counters, for the status line.
        """
        self._stats = stats
        self._manager.ready()

    def beat(self) -> None:
        """Report that the loop goes on, and the counters from time to time, the first result at once."""
        self._manager.alive()
        first = not self._any and self._stats is not None and self._stats.frames > 0
        if self._stats is not None and (first or self._manager.status_is_due()):
            self._any = self._any or first
            self._manager.status(self._stats.snapshot().line())

    def stopping(self) -> None:
        """Report that the loop ends."""
        self._manager.stopping()


def by_manager() -> Supervised | None:
    """Return what reports to the manager that started this process, or None when there is none."""
    manager = supervisor()
    return None if manager is None else Supervised(manager)
