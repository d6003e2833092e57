"""Times of frames never go back, whatever happens to the system's clock."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.sinks.timeline import Timeline
from tests.loops import ListSource, frame


def source(live=True, fps=None):
    made = ListSource([], live)
    made.fps = fps
    return made


@pytest.mark.parametrize(("fps", "times"), [(25.0, [0.0, 0.4, 0.8]), (None, [0.0, 5.0, 10.0])])
def test_a_file_s_time_is_that_in_the_video(fps, times):
    timeline = Timeline(source(False, fps))
    assert [timeline(frame(index)) for index in (0, 10, 20)] == times


def test_a_live_source_s_time_is_that_of_capture():
    now = iter([0.0, 0.5, 0.5])  # the sink was late, and took two frames at once
    timeline = Timeline(source(), lambda: next(now))
    assert [timeline(frame(i, captured_ns=10**18 + i * 250_000_000)) for i in range(3)] == [0.0, 0.25, 0.5]


@pytest.mark.parametrize("jump", [3600, -3600])
def test_a_clock_that_is_set_is_not_followed(jump):
    now = iter([0.0, 1.0, 2.0])
    timeline = Timeline(source(), lambda: next(now))
    captured = [10**18, 10**18 + (1 + jump) * 10**9, 10**18 + (2 + jump) * 10**9]
    assert [timeline(frame(i, captured_ns=ns)) for i, ns in enumerate(captured)] == [0.0, 1.0, 2.0]


@given(st.lists(st.tuples(st.integers(0, 2**62), st.floats(0, 100)), max_size=30))
def test_it_never_goes_back(steps):
    passed = [0.0]
    timeline = Timeline(source(), lambda: passed[0])
    last = 0.0
    for captured, step in steps:
        passed[0] += step
        seconds = timeline(frame(0, captured_ns=captured))
        assert seconds >= last
        last = seconds
