"""A value is computed once, also when threads ask at the same time."""

import threading

import pytest

from edge.once import Once


def test_threads_that_ask_at_once_share_one_computation():
    computed, inside, release = [], threading.Event(), threading.Event()

    def compute():
        computed.append(1)
        inside.set()
        assert release.wait(10)
        return object()

    once, got = Once(compute), []
    threads = [threading.Thread(target=lambda: got.append(once())) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert inside.wait(10)
    release.set()
    for thread in threads:
        thread.join(10)
    assert len(computed) == 1
    assert len(got) == 4
    assert len(set(map(id, got))) == 1


def test_what_fails_is_tried_again():
    answers = iter([ZeroDivisionError(), 7])

    def compute():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    once = Once(compute)
    with pytest.raises(ZeroDivisionError):
        once()
    assert (once(), once()) == (7, 7)
