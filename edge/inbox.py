"""``Inbox`` lets one thread take items from several queues in turn, so that a fast source starves no slow one."""

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from edge.handover import Handover

T = TypeVar("T")


class Inbox(Generic[T]):
    """Takes items from several queues in turn."""

    def __init__(self, queues: Sequence[Handover[T]], on_error: Callable[[int, BaseException], None]) -> None:
        """Connect the queues.

        Args:
            queues: the queues. They may get items already.
            on_error: is called with the place of a queue that ended with an error, and the error. It may raise it.
        """
        self._queues, self._on_error = queues, on_error
        self._open = list(range(len(queues)))
        self._changed = threading.Condition()
        for queue in queues:
            queue.on_change = self._notify

    def take(self, timeout: float | None = None) -> T:
        """Remove and return the oldest item of the next queue that has one. Wait if there is none.

        Args:
            timeout: the longest wait in seconds. None waits without limit.

        Raises:
            TimeoutError: no item came in time.
            EOFError: all queues have ended.
        """
        while self._open:
            with self._changed:
                if not self._changed.wait_for(self._something_happened, timeout):
                    raise TimeoutError
            for _ in range(len(self._open)):
                place = self._open.pop(0)
                try:
                    item = self._queues[place].take(0)
                except TimeoutError:
                    self._open.append(place)
                except EOFError:
                    pass
                except BaseException as error:
                    self._on_error(place, error)
                else:
                    self._open.append(place)
                    return item
        raise EOFError

    def _something_happened(self) -> bool:
        return any(self._queues[place].ready for place in self._open)

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()
