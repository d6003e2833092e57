"""A queue around a sink: the loop never waits for a live one, every frame of a file arrives, faults are told."""

import threading

import pytest

from edge.errors import FileError
from edge.results import Result
from edge.sinks.queued import CAPACITY, Queued
from tests.loops import ListSink, frame


def emit(sink, count, start=0):
    for number in range(start, start + count):
        sink.emit(frame(number), Result((), frame=number))


def numbers(sink):
    return [result.frame for result in sink.results]


def test_every_result_arrives_in_order_before_close_returns():
    inside = ListSink()
    with Queued(inside, lossless=True) as sink:
        emit(sink, 5 * CAPACITY)
    assert numbers(inside) == list(range(5 * CAPACITY))
    assert inside.closed == 1
    assert sink.dropped == 0


def test_a_blocked_live_sink_loses_the_oldest_and_holds_nobody_up():
    begun, release = threading.Event(), threading.Event()

    def block(result):
        begun.set()
        release.wait(10)

    inside = ListSink(block)
    sink = Queued(inside, lossless=False)
    emit(sink, 1)
    assert begun.wait(10)
    emit(sink, CAPACITY + 3, start=1)
    assert sink.dropped == 3
    release.set()
    sink.close()
    assert numbers(inside) == [0, *range(4, CAPACITY + 4)]


def failing(error):
    def fail(result):
        raise error

    return ListSink(fail)


@pytest.mark.parametrize("error", [FileError("cannot write out.avi: the disk is full"), BrokenPipeError()])
def test_what_cannot_be_written_is_raised_once_and_the_sink_closed(error):
    inside = failing(error)
    sink = Queued(inside, lossless=True)
    with pytest.raises(type(error)):
        emit(sink, 10 * CAPACITY)
    sink.close()
    assert inside.closed == 1


def test_a_fault_in_the_last_result_is_raised_by_close():
    sink = Queued(failing(FileError("cannot write")), lossless=True)
    emit(sink, 1)
    with pytest.raises(FileError, match="cannot write"):
        sink.close()


def test_a_sink_that_fails_to_close_is_told():
    class Unfinished(ListSink):
        def close(self):
            raise FileError("cannot write the index")

    sink = Queued(Unfinished(), lossless=True)
    with pytest.raises(FileError, match="index"):
        sink.close()


def test_a_bug_in_a_sink_is_reported_once_and_the_loop_goes_on():
    lines = []
    inside = failing(KeyError("bug"))
    sink = Queued(inside, lossless=True, report=lines.append)
    emit(sink, 3 * CAPACITY)
    sink.close()
    assert lines == ["sink ListSink is dropped: KeyError 'bug'"]
    assert inside.closed == 1
