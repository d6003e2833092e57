"""Messages are delivered beside the loop, tried again, and counted when they are lost."""

import threading

import pytest

from edge.backoff import Backoff
from edge.errors import FileError
from edge.sinks import outbox
from edge.sinks.outbox import Outbox
from edge.stats import Stats

AT_ONCE = Backoff(0.0, 0.0)


@pytest.fixture
def stats():
    return Stats()


def test_messages_are_delivered_in_order(stats):
    taken = []
    box = Outbox("hook", taken.append, stats)
    for number in range(10):
        box.put(number)
    box.close()
    assert taken == list(range(10))
    assert stats.snapshot().lost == 0


def test_a_message_is_tried_again_and_the_first_error_is_said_once(stats):
    lines, tries = [], []

    def deliver(message):
        tries.append(message)
        if len(tries) < 3:
            raise FileError("nobody is there")

    done = threading.Event()
    box = Outbox("webhook", lambda m: (deliver(m), done.set()), stats, attempts=5, backoff=AT_ONCE, report=lines.append)
    box.put("a")
    assert done.wait(10)
    box.close()
    assert tries == ["a"] * 3
    assert lines == [
        "sink webhook: nobody is there; it is tried again",
        "sink webhook: back after 2 attempt(s)",
    ]
    assert (stats.snapshot().lost, stats.snapshot().errors_by_sink) == (0, {"webhook": 2})


def test_a_message_that_nobody_takes_is_lost(stats):
    lines = []

    def refuse(message):
        raise RuntimeError("no")

    box = Outbox("webhook", refuse, stats, attempts=2, backoff=AT_ONCE, report=lines.append)
    box.put("a")
    box.close()
    assert lines[0] == "sink webhook: RuntimeError no; it is tried again"
    assert stats.snapshot().lost_by_sink == {"webhook": 1}


def test_a_full_queue_loses_the_oldest(stats):
    begun, go, taken = threading.Event(), threading.Event(), []

    def deliver(message):
        begun.set()
        go.wait(10)
        taken.append(message)

    box = Outbox("hook", deliver, stats, capacity=2)
    box.put(0)
    assert begun.wait(10)
    for number in range(1, 6):
        box.put(number)
    go.set()
    box.close()
    assert taken == [0, 4, 5]
    assert stats.snapshot().lost_by_sink == {"hook": 3}


def test_several_are_delivered_at_once(stats):
    both = threading.Barrier(2, timeout=10)
    box = Outbox("hook", lambda _: both.wait(), stats, workers=2)
    box.put(0)
    box.put(1)
    box.close()
    assert stats.snapshot().sink_errors == 0


def test_a_delivery_that_hangs_does_not_hold_the_end_up(stats, monkeypatch):
    monkeypatch.setattr(outbox, "CLOSE_SECONDS", 0.05)
    begun, never = threading.Event(), threading.Event()
    box = Outbox("webhook", lambda _: begun.set() or never.wait(20), stats)
    box.put(0)
    assert begun.wait(10)
    box.put(1)
    box.close()
    assert stats.snapshot().lost_by_sink == {"webhook": 2}
    never.set()
