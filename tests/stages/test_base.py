"""One gate or stage for each source."""

from dataclasses import replace

from edge.results import Result
from edge.stages.base import InTurn, PerSource
from tests.loops import frame


def counter():
    """Return a stage that answers how often it was called."""
    calls = []
    return lambda *arguments: calls.append(arguments) or len(calls)


def test_each_source_has_its_own():
    stage = PerSource(counter)
    assert [stage(frame(source=name), Result()) for name in ("one", "two", "one", "one", "two")] == [1, 1, 2, 3, 2]
    assert PerSource(counter)(frame()) == 1  # a gate takes the frame alone


def test_the_pictures_of_a_folder_share_one():
    stage = PerSource(counter)
    pictures = [replace(frame(source=f"{number}.png"), stream="folder") for number in range(3)]
    assert [stage(one, Result()) for one in pictures] == [1, 2, 3]


def test_a_frame_passes_several_gates_when_it_passes_each():
    calls = []

    def gate(name, answer):
        return lambda one: calls.append(name) or answer

    assert InTurn([gate("a", True), gate("b", (0, 0, 4, 4)), gate("c", True)])(frame()) == (0, 0, 4, 4)
    assert calls == ["a", "b", "c"]
    assert InTurn([gate("d", False), gate("e", True)])(frame()) is False
    assert calls[3:] == ["d"]
