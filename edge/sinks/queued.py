"""A queue and a thread around a sink, so that writing never holds the loop up."""

import threading

from edge.handover import Handover
from edge.reports import Report, to_stderr
from edge.results import Result
from edge.sinks.base import Sink
from edge.sources.base import Frame

CAPACITY = 8


class Queued(Sink):
    """Runs ``emit`` and ``close`` of the sink inside in one thread.

    lossless: for files and folders ``emit`` waits for room, so that every frame arrives; otherwise the oldest
    waiting one is replaced and counted in ``dropped``. What ends a sink (see Sink) is raised by the next ``emit``
    or by ``close``, once; other exceptions are reported once.
    """

    def __init__(self, sink: Sink, lossless: bool, report: Report = to_stderr) -> None:
        self._sink, self._report = sink, report
        self._queue: Handover[tuple[Frame, Result]] = Handover(CAPACITY, lossless)
        self._fault: OSError | None = None
        self._thread = threading.Thread(target=self._run, name=f"sink {type(sink).__name__}", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """How many results were replaced before the sink could take them."""
        return self._queue.dropped

    def emit(self, frame: Frame, result: Result) -> None:
        """See Sink."""
        if not self._queue.put((frame, result)):
            self._raise_fault()

    def close(self) -> None:
        """Let the sink take what waits, close it, and wait for that."""
        self._queue.finish()
        self._thread.join()
        self._raise_fault()

    def _run(self) -> None:
        try:
            with self._sink:
                for frame, result in self._queue:
                    self._sink.emit(frame, result)
        except OSError as error:
            self._fault = error
        except Exception as error:  # a plug-in's bug must not end a loop that others rely on
            self._report(f"sink {type(self._sink).__name__} is dropped: {type(error).__name__} {error}")
        finally:
            self._queue.close()

    def _raise_fault(self) -> None:
        fault, self._fault = self._fault, None
        if fault is not None:
            raise fault
