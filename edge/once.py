"""``Once`` holds a value that is computed at most once, also when several threads need it."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """Computes a value at the first call and returns it at every call. Other threads wait for the first call.

    ``functools.cached_property`` does not suffice. Since Python 3.12 it computes the value twice when two threads need
    it at the same time. Before, one lock served that property of all objects.
    """

    def __init__(self, compute: Callable[[], T]) -> None:
        """Store the function.

        Args:
            compute: returns the value. When it raises an exception, the next call tries again.
        """
        self._compute: Callable[[], T] | None = compute
        self._lock = threading.Lock()
        self._value: T

    def __call__(self) -> T:
        """Return the value, which is computed at the first call."""
        if self._compute is not None:
            with self._lock:
                if self._compute is not None:
                    self._value = self._compute()
                    self._compute = None  # also releases the objects that compute refers to
        return self._value
