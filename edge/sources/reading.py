"""``ReadingThread`` reads a device through a library in C++, and ``still_reading`` waits for all of them at the end.

A process that ends normally while a thread is inside OpenCV may abort ("terminate called without an active exception"),
because Python ends that thread where C++ allows no end (https://github.com/python/cpython/issues/87135).
"""

import threading
import time


class ReadingThread(threading.Thread):
    """A thread that does not keep the process alive, because its read may never return."""

    def __init__(self, name: str) -> None:
        """Make the thread ``name``."""
        super().__init__(name=name, daemon=True)


def still_reading(seconds: float) -> bool:
    """Wait until no thread reads any more. Return whether one still does after so many seconds."""
    deadline = time.monotonic() + seconds
    threads = [thread for thread in threading.enumerate() if isinstance(thread, ReadingThread)]
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return any(thread.is_alive() for thread in threads)
