"""Rates of the last seconds, with a clock that the test moves."""

import pytest

from edge.rates import WINDOW, RecentCounts


def counted(times, name="frames"):
    counts = RecentCounts()
    for now in times:
        counts.add(now, name)
    return counts


def test_a_steady_rate_is_that_rate():
    counts = counted([100 + i / 4 for i in range(4 * 30)])  # 4 a second for 30 s
    assert counts.rates(130.0, 100.0)["frames"] == pytest.approx(4.0)
    assert counts.rates(130.5, 100.0)["frames"] == pytest.approx(4 * 9 / 9.5)  # none came in the last half second


def test_in_the_beginning_the_time_since_the_start_counts():
    assert counted([100.25, 100.5]).rates(100.5, 100.0)["frames"] == pytest.approx(4.0)


def test_what_stopped_has_the_rate_0_after_the_window():
    counts = counted([100 + i / 10 for i in range(50)])
    assert counts.rates(105.0, 100.0)["frames"] == pytest.approx(10.0)
    assert counts.rates(103.9 + WINDOW, 100.0)["frames"] > 0
    assert counts.rates(105 + WINDOW, 100.0)["frames"] == 0


def test_names_are_counted_apart():
    counts = RecentCounts()
    counts.add(10.0, "frames")
    counts.add(10.5, "dropped", 3)
    assert counts.rates(11.0, 10.0) == {"frames": 1.0, "dropped": 3.0}


def test_no_time_no_rate():
    assert counted([100.0]).rates(100.0, 100.0) == {}


def test_memory_is_bounded():
    counts = counted(float(i) for i in range(10_000))
    assert len(counts._buckets) <= WINDOW
