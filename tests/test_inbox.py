"""Items of several queues are taken in turn, and the end or error of one leaves the others."""

import threading

import pytest

from edge.handover import Handover
from edge.inbox import Inbox


def queues(*lossless: bool) -> list[Handover[int]]:
    return [Handover(4 if kind else 1, kind) for kind in lossless]


def inbox(boxes, errors=None):
    def on_error(place, error):
        if errors is None:
            raise error
        errors.append((place, error))

    return Inbox(boxes, on_error)


def test_queues_are_taken_in_turn_however_full_they_are():
    boxes = queues(True, True, True)
    for item in range(4):
        boxes[0].put(item)
    boxes[2].put(20)
    boxes[2].put(21)
    box = inbox(boxes)
    assert [box.take(0) for _ in range(6)] == [0, 20, 1, 21, 2, 3]
    with pytest.raises(TimeoutError):
        box.take(0)


def test_a_queue_that_fills_again_at_once_does_not_keep_its_turn():
    boxes = queues(False, False)
    box = inbox(boxes)
    taken = []
    for _ in range(10):
        boxes[0].put(0)
        boxes[1].put(1)
        taken.append(box.take(0))
    assert taken == [0, 1] * 5


def test_it_ends_when_all_queues_have_ended():
    boxes = queues(True, True)
    boxes[0].put(1)
    boxes[0].finish()
    boxes[1].finish()
    box = inbox(boxes)
    assert box.take(0) == 1
    with pytest.raises(EOFError):
        box.take(0)


def test_an_error_is_handed_over_after_the_items_before_it_and_the_rest_goes_on():
    boxes, errors = queues(True, True), []
    boxes[0].put(1)
    boxes[0].finish(ValueError("gone"))
    boxes[1].put(2)
    boxes[1].put(3)
    box = inbox(boxes, errors)
    assert [box.take(0) for _ in range(3)] == [1, 2, 3]
    assert [(place, str(error)) for place, error in errors] == [(0, "gone")]


def test_an_error_that_the_owner_raises_ends_it():
    boxes = queues(True)
    boxes[0].finish(ValueError("gone"))
    with pytest.raises(ValueError, match="gone"):
        inbox(boxes).take(0)


@pytest.mark.parametrize(
    "act", [lambda b: b.put(5), lambda b: b.finish(), lambda b: b.close()], ids=["put", "finish", "close"]
)
def test_a_waiting_take_wakes_up(act):
    boxes = queues(False)
    box, found = inbox(boxes), []

    def take():
        try:
            found.append(box.take())
        except EOFError:
            found.append(None)

    thread = threading.Thread(target=take)
    thread.start()
    act(boxes[0])
    thread.join(10)
    assert found in ([5], [None])


def test_many_threads_lose_nothing():
    boxes = queues(True, True, True, True)
    box = inbox(boxes)

    def fill(queue, base):
        for item in range(500):
            queue.put(base + item)
        queue.finish()

    threads = [threading.Thread(target=fill, args=(queue, 1000 * at)) for at, queue in enumerate(boxes)]
    for thread in threads:
        thread.start()
    taken = []
    while True:
        try:
            taken.append(box.take(10))
        except EOFError:
            break
    for thread in threads:
        thread.join()
    assert sorted(taken) == [1000 * at + item for at in range(4) for item in range(500)]
    for at in range(4):
        own = [item for item in taken if item // 1000 == at]
        assert own == sorted(own)
