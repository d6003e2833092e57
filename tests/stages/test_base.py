"""One gate or stage for each source."""

from edge.results import Result
from edge.stages.base import MOST_SOURCES, PerSource
from tests.loops import frame


def counter():
    """Return a stage that answers how often it was called."""
    calls = []
    return lambda *arguments: calls.append(arguments) or len(calls)


def test_each_source_has_its_own():
    stage = PerSource(counter)
    assert [stage(frame(source=name), Result()) for name in ("one", "two", "one", "one", "two")] == [1, 1, 2, 3, 2]
    assert PerSource(counter)(frame()) == 1  # a gate takes the frame alone


def test_many_sources_are_not_kept_for_ever():
    stage = PerSource(counter)
    for number in range(3 * MOST_SOURCES):
        stage(frame(source=str(number)), Result())
    assert len(stage._of) == MOST_SOURCES
    assert stage(frame(source=str(3 * MOST_SOURCES - 1)), Result()) == 2
