"""The queue between two threads: order, bounds, the newest frame, the end, errors."""

import threading

import pytest

from edge.handover import Handover


def test_newest_wins_and_what_it_replaced_is_counted():
    slot = Handover(1, lossless=False)
    assert all(slot.put(number) for number in range(5))
    assert slot.take() == 4
    assert slot.dropped == 4


def test_lossless_keeps_order_and_waits_for_room():
    queue, given = Handover(2, lossless=True), []
    third = threading.Event()

    def give():
        for number in range(6):
            if number == 2:
                third.set()
            queue.put(number)
            given.append(number)
        queue.finish()

    thread = threading.Thread(target=give)
    thread.start()
    assert third.wait(10)
    assert len(given) <= 2
    assert list(queue) == list(range(6))
    thread.join(10)
    assert queue.dropped == 0


def test_what_is_inside_comes_before_the_end_or_the_error():
    queue = Handover(4, lossless=True)
    queue.put("a")
    queue.finish(ValueError("camera gone"))
    assert queue.take() == "a"
    with pytest.raises(ValueError, match="camera gone"):
        queue.take()


def test_after_the_end_nothing_comes():
    queue = Handover(4, lossless=True)
    queue.finish()
    with pytest.raises(EOFError):
        queue.take()
    assert list(queue) == []


def test_waiting_has_a_limit():
    with pytest.raises(TimeoutError):
        Handover(1, lossless=False).take(timeout=0.01)
    full = Handover(1, lossless=True)
    full.put("kept")
    with pytest.raises(TimeoutError):
        full.put("no room", timeout=0.01)
    assert full.take() == "kept"


def test_closing_wakes_a_waiting_giver_and_refuses_more():
    queue, outcome = Handover(1, lossless=True), []
    queue.put(0)
    thread = threading.Thread(target=lambda: outcome.append(queue.put(1)))
    thread.start()
    assert queue.close() == 1  # item 0 was inside
    thread.join(10)
    assert outcome == [False]
    assert queue.closed
    assert not queue.put(2)
    with pytest.raises(EOFError):
        queue.take()


def test_closing_wakes_a_waiting_taker():
    queue, outcome = Handover(1, lossless=False), []
    thread = threading.Thread(target=lambda: outcome.extend(queue))
    thread.start()
    queue.close()
    thread.join(10)
    assert not thread.is_alive()
    assert outcome == []
