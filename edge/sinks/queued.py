"""``Queued`` gives a sink a queue and a thread, and applies its policy when it is slow or fails."""

import threading

from edge.backoff import DEFAULT, Backoff
from edge.errors import EdgeError
from edge.handover import Handover
from edge.reports import Report, to_stderr
from edge.sinks.base import Sink
from edge.sinks.event import Event
from edge.stats import Stats

CAPACITY = 8
"""The most results that wait for a sink. All sinks share the objects, so the deepest queue decides the memory."""

LIVE_CAPACITY = 32
"""The most results that wait for a lossless sink of a live source: one second at 30 fps, 88 MB of 720p frames."""

ROOM_SECONDS = 0.2
"""The interval at which a loop that waits for a sink checks whether it was stopped."""


class Queued:
    """A context manager that passes events to a sink in a thread, and counts lost results in ``Stats``.

    ``emit`` or ``close`` raises the exception of a sink whose errors are fatal, once.
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
            sink: the sink. It is closed in the thread.
            live: whether the source is live. Then the loop never waits, not even for a lossless sink.
            stats: the counters of lost results and errors.
            stopped: is set when the run must end. The loop then no longer waits for a sink that fails.
            backoff: how long to wait after an error before the sink gets events again.
            report: takes one line for each error and each recovery.
        """
        self._sink, self._stats, self._backoff, self._report = sink, stats, backoff, report
        self._fatal = sink.on_error == "fatal"
        self._close_seconds = getattr(sink, "close_seconds", Sink.close_seconds)  # a plug-in need not state it
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
        """Add an event to the queue. It waits for room only if the sink is lossless and the source is not live."""
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
        """Let the sink take the waiting events, and close it. The wait is limited unless its errors are fatal."""
        self._queue.finish()
        self._ending.set()
        while self._thread.is_alive():
            before = self._done
            self._thread.join(None if self._fatal else self._close_seconds)
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
                waiting = not self._working
            if waiting:
                self._succeeded()  # what was written last decides
        except Exception as error:
            self._ended(error)
        finally:
            self._queue.close()

    def _give(self, event: Event) -> None:
        """Give the sink one event. A lossless sink gets it again after an error, until the run ends."""
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
        """Count an error, report the first of several in a row, and wait. Return whether to give up the sink.

        When the run ends, a sink that waits gets its event once more. After another error it is given up.
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

    @property
    def _working(self) -> bool:
        return getattr(self._sink, "working", True)  # a plug-in need not state it

    def _succeeded(self) -> None:
        if not self._working:
            return
        if self._failures:
            self._report(f"sink {self._sink.name}: back after {self._failures} attempt(s)")
        self._failures = 0

    def _ended(self, error: Exception) -> None:
        """Record the error that ended the sink: a fatal one in ``emit``, or any in ``close``."""
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
        if not self._abandoned:  # the results of an abandoned thread are already counted as lost
            self._stats.count_lost(self._sink.name, count)

    def _abandon(self) -> None:
        """Abandon a thread that is blocked in the sink. It ends with the process."""
        lost = self._queue.close() + self._given - self._done
        self._lose(lost)
        self._abandoned = True
        self._report(f"sink {self._sink.name} did not end within {self._close_seconds:g} s; it lost {lost} result(s)")

    def _raise_fault(self) -> None:
        fault, self._fault = self._fault, None
        if fault is not None:
            raise fault


def _line(error: Exception) -> str:
    """Return an error in one line. The class comes first, unless the error is an EdgeError."""
    text = " ".join(str(error).split())
    return text if isinstance(error, EdgeError) else " ".join(filter(None, (type(error).__name__, text)))
