"""``Handover`` is a bounded queue between two threads. It is lossless, or newer items replace older ones."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Handover(Generic[T]):
    """A bounded queue between one thread that puts items and one that takes them.

    Attributes:
        dropped: how many items were replaced by newer ones.
        on_change: is called, if it is set, after each change that lets ``take`` return or raise.
    """

    def __init__(self, capacity: int, lossless: bool) -> None:
        """Make an empty queue.

        Args:
            capacity: the largest number of items in the queue.
            lossless: whether ``put`` waits for room. If not, a new item replaces the oldest one of a full queue, which
                is counted in ``dropped``.
        """
        self.dropped = 0
        self.on_change: Callable[[], None] | None = None
        self._capacity, self._lossless = capacity, lossless
        self._items: deque[T] = deque()
        self._lock = threading.Lock()
        self._filled, self._freed = threading.Condition(self._lock), threading.Condition(self._lock)
        self._finished = self._closed = False
        self._error: BaseException | None = None

    def put(self, item: T, timeout: float | None = None) -> bool:
        """Add an item and return True. Return False, and do not add it, when the taking side has closed the queue.

        Args:
            item: the item.
            timeout: the longest wait for room in a lossless queue, in seconds. None waits without limit.

        Raises:
            TimeoutError: there was no room in time, and ``item`` was not added.
        """
        with self._lock:
            if self._lossless and not self._freed.wait_for(self._has_room, timeout):
                raise TimeoutError
            if self._closed:
                return False
            if len(self._items) >= self._capacity:
                self._items.popleft()
                self.dropped += 1
            self._items.append(item)
            self._filled.notify()
        self._tell()
        return True

    def take(self, timeout: float | None = None) -> T:
        """Remove and return the oldest item. Wait if there is none.

        Args:
            timeout: the longest wait in seconds. None waits without limit.

        Raises:
            TimeoutError: no item came in time.
            EOFError: no item is left after ``finish``, or the queue was closed.
            BaseException: the error that was passed to ``finish``, when no item is left.
        """
        with self._lock:
            if not self._filled.wait_for(lambda: self._items or self._finished or self._closed, timeout):
                raise TimeoutError
            if self._items and not self._closed:
                item = self._items.popleft()
                self._freed.notify()
                return item
            if self._error is not None and not self._closed:
                raise self._error
            raise EOFError

    def __iter__(self) -> Iterator[T]:
        """Yield items until the end, then raise the error that was passed to ``finish``, if any."""
        while True:
            try:
                item = self.take()
            except EOFError:
                return
            yield item

    def finish(self, error: BaseException | None = None) -> None:
        """Declare that no item will follow. Items in the queue are still taken, then ``error`` is raised."""
        with self._lock:
            self._finished, self._error = True, error
            self._filled.notify_all()
        self._tell()

    def close(self) -> int:
        """Close the taking side. A waiting ``put`` or ``take`` ends. Return the number of items that were discarded."""
        with self._lock:
            self._closed = True
            discarded = len(self._items)
            self._items.clear()
            self._filled.notify_all()
            self._freed.notify_all()
        self._tell()
        return discarded

    @property
    def ready(self) -> bool:
        """Whether ``take`` would return or raise at once."""
        return bool(self._items) or self._finished or self._closed

    @property
    def running(self) -> bool:
        """Whether items are left or may follow."""
        return not self._closed and (bool(self._items) or not self._finished)

    def _tell(self) -> None:
        if self.on_change is not None:
            self.on_change()

    def _has_room(self) -> bool:
        return self._closed or len(self._items) < self._capacity

    @property
    def closed(self) -> bool:
        """Whether the taking side has closed the queue."""
        return self._closed
