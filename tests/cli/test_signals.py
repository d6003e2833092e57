"""Signals end a loop, whatever the main thread is doing when they come."""

import os
import signal
import threading

import pytest

from edge.cli import _signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stop_may_need_a_lock_that_the_interrupted_code_holds(number):
    lock, stopped = threading.Lock(), threading.Event()

    def stop():
        with lock:
            stopped.set()

    with _signals.stopping(stop) as received:
        with lock:
            os.kill(os.getpid(), number)
        assert stopped.wait(10)
    assert received == [number]


def test_stop_is_called_once_for_many_signals():
    calls, stopped = [], threading.Event()

    def stop():
        calls.append(1)
        stopped.set()

    with _signals.stopping(stop) as received:
        for _ in range(50):
            os.kill(os.getpid(), signal.SIGTERM)
        assert stopped.wait(10)
    assert calls == [1]
    assert set(received) == {signal.SIGTERM}


def test_a_second_interrupt_ends_at_once():
    with _signals.stopping(lambda: None) as received:
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert received == [signal.SIGINT]


def test_nothing_is_left_behind():
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    threads, files = threading.active_count(), len(os.listdir("/dev/fd"))
    with _signals.stopping(lambda: pytest.fail("no signal came")) as received:
        pass
    assert received == []
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers
    assert (threading.active_count(), len(os.listdir("/dev/fd"))) == (threads, files)


def test_sigterm_ends_a_body_as_an_interrupt_does():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), _signals.terminating():
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before


def test_another_thread_sets_no_handler():
    before, inside = signal.getsignal(signal.SIGTERM), []

    def body():
        with _signals.terminating():
            inside.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert inside == [before]
