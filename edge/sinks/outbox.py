"""``Outbox`` delivers messages in threads of its own, so that a sink can go on taking frames meanwhile."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from edge.backoff import Backoff
from edge.errors import EdgeError
from edge.handover import Handover
from edge.reports import Report, to_stderr
from edge.stats import Stats

T = TypeVar("T")

CLOSE_SECONDS = 4.0
"""The longest wait for messages after the run has ended. ``edge.sinks.queued`` gives a sink 5 s."""

RETRIES = Backoff(first=0.5, longest=30.0)


class Outbox(Generic[T]):
    """A bounded queue of messages and the threads that deliver them. Lost messages and errors are counted.

    When the queue is full, a new message replaces the oldest one. A message whose delivery fails is tried again after a
    back-off. The first error in a row is reported, and so is the next success.

    Attributes:
        ending: is set when the run ends, so that a delivery can end early.
    """

    def __init__(
        self,
        name: str,
        deliver: Callable[[T], None],
        stats: Stats,
        capacity: int = 16,
        workers: int = 1,
        attempts: int = 1,
        backoff: Backoff = RETRIES,
        report: Report = to_stderr,
    ) -> None:
        """Start the threads.

        Args:
            name: the name of the sink.
            deliver: delivers one message, and raises an exception when that fails. It is called in the threads.
            stats: the counters.
            capacity: the most messages that wait.
            workers: the number of threads, which is the most deliveries at once.
            attempts: how often a message is tried before it is lost.
            backoff: how long to wait after an error.
            report: takes one line for the first of several errors, and for the recovery.
        """
        self.ending = threading.Event()
        self._name, self._deliver, self._stats, self._report = name, deliver, stats, report
        self._attempts, self._backoff = attempts, backoff
        self._queue: Handover[T] = Handover(capacity, lossless=False)
        self._lock = threading.Lock()
        self._failures = self._replaced = self._busy = 0
        self._abandoned = False
        self._threads = [
            threading.Thread(target=self._work, name=f"{name} {number}", daemon=True) for number in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    def put(self, message: T) -> None:
        """Add a message. It never waits."""
        self._queue.put(message)
        replaced = self._queue.dropped - self._replaced
        self._replaced += replaced
        self._lose(replaced)

    def close(self) -> None:
        """Deliver the messages that wait, each at most once more, for at most CLOSE_SECONDS in all."""
        self._queue.finish()
        self.ending.set()
        until = time.monotonic() + CLOSE_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        with self._lock:
            self._lose(self._queue.close() + self._busy)
            self._abandoned = True

    def _work(self) -> None:
        for message in self._queue:
            with self._lock:
                self._busy += 1
            delivered = self._delivered(message)
            with self._lock:
                self._busy -= 1
                if not delivered and not self._abandoned:  # those of an abandoned thread are already counted
                    self._lose(1)

    def _delivered(self, message: T) -> bool:
        for attempt in range(1, self._attempts + 1):
            try:
                self._deliver(message)
            except Exception as error:
                self._failed(error, final=attempt == self._attempts)
                if self.ending.is_set():
                    return False
                if attempt < self._attempts:
                    self.ending.wait(self._backoff.delay(attempt))
            else:
                self._succeeded()
                return True
        return False

    def _failed(self, error: Exception, final: bool) -> None:
        self._stats.count_error(self._name)
        with self._lock:
            self._failures += 1
            first = self._failures == 1
        if first:
            text = " ".join(str(error).split())
            line = text if isinstance(error, EdgeError) else " ".join(filter(None, (type(error).__name__, text)))
            self._report(f"sink {self._name}: {line}" + ("" if final else "; it is tried again"))

    def _succeeded(self) -> None:
        with self._lock:
            failures, self._failures = self._failures, 0
        if failures:
            self._report(f"sink {self._name}: back after {failures} attempt(s)")

    def _lose(self, count: int) -> None:
        self._stats.count_lost(self._name, count)
