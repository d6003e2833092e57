"""A queue and a thread around a sink, and the sink's policy: what happens when it is slow, and when it fails."""

import threading

from edge.backoff import DEFAULT, Backoff
from edge.errors import EdgeError
from edge.handover import Handover
from edge.reports import Report, to_stderr
from edge.sinks.base import Sink
from edge.sinks.event import Event
from edge.stats import Stats

CAPACITY = 8
"""Results that may wait for a sink. All sinks hold the same objects, so memory is that of the deepest queue."""

LIVE_CAPACITY = 32
"""Results that may wait for a lossless sink of a live source: a second at 30 a second, 88 MB of 720p frames."""

ROOM_SECONDS = 0.2
"""How often a loop that waits for a sink looks whether it was stopped."""

CLOSE_SECONDS = 5.0
"""How long a sink that may fail can take for one result when the run has ended; a file is always completed."""


class Queued:
    """Gives events to the sink inside, in one thread, and counts in ``Stats`` what the sink did not take.

    A context manager. ``emit`` and ``close`` raise what a sink whose errors are fatal raised, once.
    """

    def __init__(
        self,
        sink: Sink,
        live: bool,
        stats: Stats,
        stopped: threading.Event | None = None,
        backoff: Backoff = DEFAULT,
        report: Report = to_stderr,
    ) -> None:
        """Start the thread.

        Args:
            sink: what gets the events; it is closed in the thread.
            live: whether the source is, and must not be held up even by a sink that is lossless.
            stats: where losses and failures are counted.
            stopped: set when the run is to end; a sink that fails is then no longer waited for.
            backoff: how long a sink that failed is left alone.
            report: called with a line for each fault and recovery.
        """
        self._sink, self._stats, self._backoff, self._report = sink, stats, backoff, report
        self._fatal = sink.on_error == "fatal"
        capacity = LIVE_CAPACITY if live and sink.lossless else CAPACITY
        self._queue: Handover[Event] = Handover(capacity, lossless=sink.lossless and not live)
        self._stopped = stopped or threading.Event()
        self._ending = threading.Event()
        self._fault: Exception | None = None
        self._failures = self._given = self._done = self._told = 0
        self._abandoned = False
        self._thread = threading.Thread(target=self._run, name=f"sink {sink.name}", daemon=True)
        self._thread.start()

    def __enter__(self) -> "Queued":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def emit(self, event: Event) -> None:
        """Hand ``event`` over; waits for room only where the sink is lossless and the source is not live."""
        while True:
            try:
                taken = self._queue.put(event, ROOM_SECONDS)
                break
            except TimeoutError:
                if self._stopped.is_set() and not self._fatal:
                    self._lose(1)
                    return
        if not taken:
            self._raise_fault()
            self._lose(1)
        self._count_replaced()

    def close(self) -> None:
        """Let the sink take what waits, close it, and wait for that; one that may fail is not waited for for ever."""
        self._queue.finish()
        self._ending.set()
        while self._thread.is_alive():
            before = self._done
            self._thread.join(None if self._fatal else CLOSE_SECONDS)
            if self._thread.is_alive() and self._done == before:
                self._abandon()
                break
        self._raise_fault()

    def _run(self) -> None:
        try:
            with self._sink:
                for event in self._queue:
                    self._given += 1
                    self._give(event)
                    self._done += 1
        except Exception as error:
            self._ended(error)
        finally:
            self._queue.close()

    def _give(self, event: Event) -> None:
        """Let the sink take one event. A lossless sink that failed is given it again, until the run ends."""
        while True:
            try:
                self._sink.emit(event)
            except Exception as error:
                if self._fatal:
                    raise
                if self._failed(error) or not self._sink.lossless:
                    self._lose(1)
                    return
            else:
                self._succeeded()
                return

    def _failed(self, error: Exception) -> bool:
        """Count a failure, say the first of several in a row, and wait; return whether the sink is given up.

        Once the run is ending there is one more try, which wakes a sink that waited, and then no other.
        """
        self._failures += 1
        self._stats.count_error(self._sink.name)
        delay = self._backoff.delay(self._failures)
        ending = self._ending.is_set()
        if self._failures == 1:
            self._report(f"sink {self._sink.name}: {_line(error)}" + ("" if ending else f"; again in {delay:g} s"))
        if ending:
            self._lose(self._queue.close())
        else:
            self._ending.wait(delay)
        return ending

    def _succeeded(self) -> None:
        if self._failures:
            self._report(f"sink {self._sink.name}: back after {self._failures} attempt(s)")
        self._failures = 0

    def _ended(self, error: Exception) -> None:
        """Note that the sink failed for good: in ``emit`` when that is fatal, or in ``close``."""
        if self._fatal:
            self._fault = error
            return
        self._stats.count_error(self._sink.name)
        self._report(f"sink {self._sink.name} was not closed: {_line(error)}")

    def _count_replaced(self) -> None:
        replaced = self._queue.dropped - self._told
        if not replaced:
            return
        if self._sink.lossless and not self._told:
            self._report(f"sink {self._sink.name} is too slow for this source: it loses results, which are counted")
        self._told += replaced
        self._lose(replaced)

    def _lose(self, count: int) -> None:
        if not self._abandoned:  # what a thread does that was left is counted already
            self._stats.count_lost(self._sink.name, count)

    def _abandon(self) -> None:
        """Leave a thread that is inside the sink and does not come back; it ends with the process."""
        lost = self._queue.close() + self._given - self._done
        self._lose(lost)
        self._abandoned = True
        self._report(f"sink {self._sink.name} did not end within {CLOSE_SECONDS:g} s; it lost {lost} result(s)")

    def _raise_fault(self) -> None:
        fault, self._fault = self._fault, None
        if fault is not None:
            raise fault


def _line(error: Exception) -> str:
    """Return the error in one line: the class, unless the message is one of ours."""
    text = " ".join(str(error).split())
    return text if isinstance(error, EdgeError) else " ".join(filter(None, (type(error).__name__, text)))
