"""A value that is computed at most once, however many threads ask for it."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """Calls ``compute`` when the first caller asks; callers in other threads wait for that one result.

    ``functools.cached_property`` is not enough here: it computes twice when two threads ask at the same time
    (Python 3.12 and later), or lets the same property of all objects wait for one lock (before).
    """

    def __init__(self, compute: Callable[[], T]) -> None:
        """compute: takes nothing and returns the value; when it raises, the next caller tries again."""
        self._compute: Callable[[], T] | None = compute
        self._lock = threading.Lock()
        self._value: T

    def __call__(self) -> T:
        """Return the value."""
        if self._compute is not None:
            with self._lock:
                if self._compute is not None:
                    self._value = self._compute()
                    self._compute = None  # also lets go of what it was computed from
        return self._value
