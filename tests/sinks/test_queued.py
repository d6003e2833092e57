"""A queue around a sink: who waits, what is lost, what a fault does. Events decide who goes first."""

import threading
import time

import pytest

from edge.backoff import Backoff
from edge.errors import FileError
from edge.sinks.queued import CAPACITY, LIVE_CAPACITY, Queued
from edge.stats import Stats
from tests.loops import ListSink, event

QUICK = Backoff(first=0.001, longest=0.002)
LONG = Backoff(first=600, longest=600)


class Watched:
    """A queue around ``sink``, with what it counted and said."""

    def __init__(self, sink, live=False, backoff=QUICK, stopped=None):
        self.lines, self.stats, self.inside = [], Stats(), sink
        self.queue = Queued(sink, live, self.stats, stopped, backoff, self.lines.append)

    def emit(self, count, start=0):
        for number in range(start, start + count):
            self.queue.emit(event(number))

    def wait_for(self, count):
        """Wait until the sink has taken ``count`` results: closing the queue ends its patience with a failing one."""
        deadline = time.monotonic() + 10
        while len(self.inside.results) < count and time.monotonic() < deadline:
            threading.Event().wait(0.001)
        assert len(self.inside.results) >= count

    @property
    def numbers(self):
        return [result.frame for result in self.inside.results]

    @property
    def lost(self):
        return self.stats.snapshot().lost

    @property
    def errors(self):
        return self.stats.snapshot().sink_errors


class Blocked(ListSink):
    """Stays inside its first result until ``release``."""

    def __init__(self, **policy):
        super().__init__(self._block, **policy)
        self.begun, self.release = threading.Event(), threading.Event()

    def _block(self, result):
        self.begun.set()
        assert self.release.wait(30)


def test_every_result_arrives_in_order_before_close_returns():
    watched = Watched(ListSink())
    watched.emit(5 * CAPACITY)
    watched.queue.close()
    assert watched.numbers == list(range(5 * CAPACITY))
    assert watched.inside.closed == 1
    assert (watched.lost, watched.lines) == (0, [])


@pytest.mark.parametrize(
    ("lossless", "live", "room"),
    [
        pytest.param(False, False, CAPACITY, id="a viewer of a file"),
        pytest.param(False, True, CAPACITY, id="a viewer of a camera"),
        pytest.param(True, True, LIVE_CAPACITY, id="a recording of a camera"),
    ],
)
def test_a_sink_that_is_not_waited_for_loses_the_oldest(lossless, live, room):
    inside = Blocked(lossless=lossless)
    watched = Watched(inside, live)
    watched.emit(1)
    assert inside.begun.wait(10)
    watched.emit(room + 3, start=1)
    assert watched.lost == 3  # known while it runs
    inside.release.set()
    watched.queue.close()
    assert watched.numbers == [0, *range(4, room + 4)]
    said = ["sink list is too slow for this source: it loses results, which are counted"]
    assert watched.lines == (said if lossless else [])


def test_a_lossless_sink_of_a_file_is_waited_for():
    inside = Blocked()
    watched = Watched(inside)
    giver = threading.Thread(target=watched.emit, args=(CAPACITY + 5,))
    giver.start()
    assert inside.begun.wait(10)
    giver.join(0.3)  # longer than one look at whether the run was stopped
    assert giver.is_alive()
    inside.release.set()
    giver.join(10)
    watched.queue.close()
    assert watched.numbers == list(range(CAPACITY + 5))
    assert watched.lost == 0


class Failing(ListSink):
    """Raises what ``errors`` holds, one for each result; a None takes the result, and so does the end."""

    def __init__(self, *errors, **policy):
        self._errors = iter(errors)
        super().__init__(self._fail, **policy)

    def _fail(self, result):
        error = next(self._errors, None)
        if error is not None:
            raise error


class TestFatal:
    @pytest.mark.parametrize(
        "error", [FileError("cannot write out.avi: the disk is full"), BrokenPipeError(), ValueError("bug")]
    )
    def test_it_is_raised_once_and_the_sink_closed(self, error):
        watched = Watched(Failing(error))
        with pytest.raises(type(error)):
            watched.emit(10 * CAPACITY)
        watched.queue.close()
        assert watched.inside.closed == 1
        assert watched.lines == []

    def test_a_fault_in_the_last_result_is_raised_by_close(self):
        watched = Watched(Failing(FileError("cannot write")))
        watched.emit(1)
        with pytest.raises(FileError, match="cannot write"):
            watched.queue.close()

    def test_a_sink_that_fails_to_close_is_told(self):
        class Unfinished(ListSink):
            def close(self):
                raise FileError("cannot write the index")

        with pytest.raises(FileError, match="index"):
            Watched(Unfinished()).queue.close()


RESET = ConnectionResetError(104, "Connection reset by peer")


class TestRetry:
    def test_a_lossy_sink_is_given_the_next_result_after_a_back_off(self):
        watched = Watched(Failing(RESET, RESET, None, lossless=False, on_error="retry", name="mqtt"))
        watched.emit(4)
        watched.wait_for(2)
        watched.queue.close()
        assert watched.numbers == [2, 3]
        assert (watched.lost, watched.errors) == (2, 2)
        assert watched.lines == [
            "sink mqtt: ConnectionResetError [Errno 104] Connection reset by peer; again in 0.001 s",
            "sink mqtt: back after 2 attempt(s)",
        ]

    def test_a_lossless_sink_is_given_the_same_result_again(self):
        watched = Watched(Failing(RESET, RESET, RESET, None, RESET, on_error="retry"))
        watched.emit(4 * CAPACITY)
        watched.wait_for(4 * CAPACITY)
        watched.queue.close()
        assert watched.numbers == list(range(4 * CAPACITY))
        assert (watched.lost, watched.errors) == (0, 4)

    def test_a_sink_that_writes_later_is_back_when_it_has_written(self):
        class Buffering(Failing):
            def emit(self, event):
                self.working = event.result.frame >= 4
                super().emit(event)

        watched = Watched(Buffering(None, RESET, None, None, RESET, on_error="retry"))
        watched.emit(4)
        watched.wait_for(4)
        assert watched.lines == [
            "sink list: ConnectionResetError [Errno 104] Connection reset by peer; again in 0.001 s"
        ]
        watched.emit(2, start=4)
        watched.queue.close()
        assert watched.lines[1:] == ["sink list: back after 2 attempt(s)"]

    @pytest.mark.parametrize("lossless", [True, False])
    def test_at_the_end_one_more_try_and_no_waiting(self, lossless):
        failed = threading.Event()

        class Down(ListSink):
            tries = 0

            def emit(self, event):
                self.tries += 1
                failed.set()
                raise RESET

        watched = Watched(Down(lossless=lossless, on_error="retry"), backoff=LONG)
        watched.emit(1)
        assert failed.wait(10)
        watched.emit(5, start=1)
        watched.queue.close()
        assert watched.inside.tries == 2
        assert watched.inside.closed == 1
        assert watched.lost == 6
        assert watched.lines == ["sink list: ConnectionResetError [Errno 104] Connection reset by peer; again in 600 s"]

    def test_a_server_that_is_back_at_the_end_gets_what_waits(self):
        failed = threading.Event()
        inside = Failing(RESET, on_error="retry")
        watched = Watched(inside, backoff=LONG)
        fail = inside._on
        inside._on = lambda result: (failed.set(), fail(result))
        watched.emit(1)
        assert failed.wait(10)
        watched.emit(3, start=1)
        watched.queue.close()
        assert watched.numbers == [0, 1, 2, 3]
        assert watched.lost == 0

    def test_one_that_does_not_come_back_is_left_and_what_it_has_is_counted(self):
        inside = Blocked(on_error="retry")
        inside.close_seconds = 0.05
        watched = Watched(inside)
        watched.emit(1)
        assert inside.begun.wait(10)
        watched.emit(4, start=1)
        watched.queue.close()
        assert watched.lost == 5
        assert watched.lines == ["sink list did not end within 0.05 s; it lost 5 result(s)"]
        inside.release.set()
        watched.queue._thread.join(10)
        assert watched.lost == 5

    def test_one_that_fails_to_close_is_reported(self):
        class Unfinished(ListSink):
            def close(self):
                raise TimeoutError("no answer")

        watched = Watched(Unfinished(on_error="retry"))
        watched.queue.close()
        assert watched.lines == ["sink list was not closed: TimeoutError no answer"]
        assert watched.errors == 1

    def test_a_stopped_run_does_not_wait_for_room(self):
        stopped = threading.Event()
        inside = Blocked(on_error="retry")
        watched = Watched(inside, stopped=stopped)
        watched.emit(1)
        assert inside.begun.wait(10)
        watched.emit(CAPACITY, start=1)
        stopped.set()
        watched.emit(2, start=CAPACITY + 1)
        assert watched.lost == 2
        inside.release.set()
        watched.queue.close()
        assert watched.numbers == list(range(CAPACITY + 1))
