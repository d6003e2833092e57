"""``RetryPolicy`` states how long a supervised source waits, and ``Clock`` by which clocks."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from edge.backoff import Backoff


@dataclass(frozen=True)
class RetryPolicy(Backoff):
    """How long to wait for a frame, and how long to wait before a device is opened again.

    Attributes:
        first: the wait after the first failure, in seconds. It counts from the begin of the failed attempt.
        longest: the longest wait of a source that gave a frame before, in seconds. With the time to open a stream and
            to get its next key frame, results resume within 3 s.
        longest_unanswered: the longest wait of a source that never gave a frame, in seconds.
        stall: the least time without a frame that is a stall, in seconds. After it the device is opened again.
        intervals: a stall takes at least so many times the usual interval between frames.
        opening: the longest time that opening a device and its first frame may take, in seconds. After the first frame
            ever, it is twice the usual time of an opening, at least ``stall``, and longer after each that was given up.
    """

    first: float = 0.25
    longest: float = 1.0
    longest_unanswered: float = 30.0
    stall: float = 2.0
    intervals: float = 5.0
    opening: float = 10.0


DEFAULT = RetryPolicy()


class Clock(NamedTuple):
    """The clocks of a source. Tests pass their own.

    Attributes:
        monotonic_ns: returns a time that only rises.
        time_ns: returns the time of day since 1970.
        condition: makes the condition on which threads wait for each other.
    """

    monotonic_ns: Callable[[], int] = time.monotonic_ns
    time_ns: Callable[[], int] = time.time_ns
    condition: Callable[[], threading.Condition] = threading.Condition
