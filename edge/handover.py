"""What passes items from one thread to another: bounded, and either lossless or newest-wins."""

import threading
from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Handover(Generic[T]):
    """A bounded queue between one giving and one taking thread.

    lossless: ``put`` waits for room, nothing is lost. Otherwise ``put`` never waits: when all ``capacity``
    places are taken the oldest item is replaced and counted in ``dropped``.
    """

    def __init__(self, capacity: int, lossless: bool) -> None:
        self.dropped = 0
        self._capacity, self._lossless = capacity, lossless
        self._items: deque[T] = deque()
        self._lock = threading.Lock()
        self._filled, self._freed = threading.Condition(self._lock), threading.Condition(self._lock)
        self._finished = self._closed = False
        self._error: BaseException | None = None

    def put(self, item: T) -> bool:
        """Add ``item``. Returns False, keeping nothing, when the taking side has closed."""
        with self._lock:
            while self._lossless and len(self._items) >= self._capacity and not self._closed:
                self._freed.wait()
            if self._closed:
                return False
            if len(self._items) >= self._capacity:
                self._items.popleft()
                self.dropped += 1
            self._items.append(item)
            self._filled.notify()
            return True

    def take(self, timeout: float | None = None) -> T:
        """Return the oldest item, waiting up to ``timeout`` seconds for one.

        Raises TimeoutError when none came, EOFError after ``finish`` or ``close``, and what ``finish`` was given.
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
        """Yield items until the end; raises what ``finish`` was given."""
        while True:
            try:
                item = self.take()
            except EOFError:
                return
            yield item

    def finish(self, error: BaseException | None = None) -> None:
        """Say that no item will follow; those still inside are taken first, then ``error`` is raised."""
        with self._lock:
            self._finished, self._error = True, error
            self._filled.notify_all()

    def close(self) -> None:
        """Leave the taking side: what is inside is discarded, a waiting ``put`` or ``take`` returns."""
        with self._lock:
            self._closed = True
            self._items.clear()
            self._filled.notify_all()
            self._freed.notify_all()

    @property
    def closed(self) -> bool:
        """Whether the taking side has left."""
        return self._closed
