"""The wait doubles, up to its limit."""

from edge.backoff import Backoff


def test_the_wait_doubles_up_to_its_limit():
    backoff = Backoff(first=0.5, longest=30)
    assert [backoff.delay(n) for n in (1, 2, 3, 6, 7, 1000)] == [0.5, 1, 2, 16, 30, 30]
