"""Loops with any schedule of several sources, drops, skips, errors and stops: what adds up, and what never stays."""

import threading
from contextlib import suppress
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.errors import BrokenOutput
from edge.pipeline import Loop
from tests.loops import BandsNetwork, ListSink, ListSource, frame

PARTS = ("gate", "stage", "network", "sink")
BRIEF = 0.0005
"""The pause in seconds at which threads change places."""


class Fault(Exception):
    """The error of a part in a test."""


@dataclass
class Schedule:
    """What happens in one run.

    Attributes:
        sources: for each one, whether it is live, the pause before each frame (True for one), and whether it fails.
        decisions: what the gate says, frame after frame, again and again.
        failing: the part that raises an error, and at which of its calls. None when none does.
        broken: the calls of the network that give no result.
        stop: the number of frames that are read before another thread stops the loop. None when it does not.
    """

    sources: list
    decisions: list
    failing: tuple | None
    broken: set
    stop: int | None


SOURCES = st.tuples(st.booleans(), st.lists(st.booleans(), max_size=15), st.booleans())
DECISIONS = st.lists(st.sampled_from([True, False, (0, 0, 32, 24), (-5, 8, 500, 500)]), min_size=1, max_size=6)
SCHEDULES = st.builds(
    Schedule,
    st.lists(SOURCES, min_size=1, max_size=4),
    DECISIONS,
    st.none() | st.tuples(st.sampled_from(PARTS), st.integers(1, 12)),
    st.sets(st.integers(1, 12), max_size=3),
    st.none() | st.integers(1, 12),
)


class Run:
    """A loop of a schedule, with all that went in and came out."""

    def __init__(self, schedule):
        self.schedule, self.calls, self.lock = schedule, dict.fromkeys((*PARTS, "read"), 0), threading.Lock()
        self.gated, self.processed, self.error = [], [], None
        self.enough = threading.Event()
        self.sources = [self._source(f"s{at}", *one) for at, one in enumerate(schedule.sources)]
        self.sink = ListSink(lambda result: self._call("sink"))
        network = BandsNetwork(self._infer)
        self.loop = Loop(self.sources, network, self._gate, [self._stage], report=lambda line: None)

    def __call__(self):
        stopper = threading.Thread(target=self._stop)
        stopper.start()
        try:
            self.loop.run([self.sink])
        except Fault as error:
            self.error = error
        finally:
            self.enough.set()
            stopper.join()
        self.counts = self.loop.stats.snapshot()
        return self

    def _source(self, name, live, pauses, fails):
        frames = [frame(index, source=name) for index in range(len(pauses))]
        error = Fault("source") if fails else None
        return ListSource(frames, live, error, lambda one: self._read(pauses[one.index]), name)

    def _read(self, pause):
        if pause:
            threading.Event().wait(BRIEF)
        if self._count("read") == self.schedule.stop:
            self.enough.set()

    def _stop(self):
        self.enough.wait()
        if self.schedule.stop is not None:
            self.loop.stop()

    def _count(self, part):
        with self.lock:
            self.calls[part] += 1
            return self.calls[part]

    def _call(self, part):
        call = self._count(part)
        if (part, call) == self.schedule.failing:
            raise Fault(part)
        return call

    def _gate(self, one):
        call = self._call("gate")
        self.gated.append((one.stream, one.index))
        return self.schedule.decisions[call % len(self.schedule.decisions)]

    def _infer(self):
        if self._call("network") in self.schedule.broken:
            raise BrokenOutput("no result: NaN")

    def _stage(self, one, result):
        self._call("stage")
        return result

    @property
    def whole(self):
        """Whether the run ended because its sources did."""
        return self.error is None and self.schedule.stop is None


def of(name, pairs):
    return [index for source, index in pairs if source == name]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SCHEDULES)
def test_in_any_schedule_no_frame_is_lost_without_being_counted(schedule):
    before = set(threading.enumerate())
    run = Run(schedule)()
    results = [(result.source, result.frame) for result in run.sink.results]
    for source, (live, pauses, _) in zip(run.sources, schedule.sources, strict=True):
        for pairs in (run.gated, results):
            found = of(source.name, pairs)
            assert found == sorted(set(found)), "in order, and no frame twice"
        counted = run.counts.by_source.get(source.name)
        total = 0 if counted is None else counted.frames + counted.dropped + counted.skipped
        assert total <= len(pauses)
        if run.whole:
            assert total == len(pauses)
        if counted is not None and not live:
            assert counted.dropped == 0
        assert len(of(source.name, results)) <= (0 if counted is None else counted.frames)
        assert source.closed.is_set()
    if run.whole and not any(live for live, _, _ in schedule.sources):
        assert len(results) == run.counts.frames
    assert run.sink.closed == 1
    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize("live", [True, False], ids=["camera", "file"])
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("call", [1, 2, 5])
def test_an_error_of_any_part_ends_the_run(part, call, live):
    """A sink gets fewer results than there are frames of a camera, so that its later calls may not happen."""
    run = Run(Schedule([(live, [True] * 8, False), (live, [True] * 8, False)], [True], (part, call), set(), None))()
    if run.calls[part] >= call:
        assert str(run.error) == part
    else:
        assert live
        assert run.error is None


@pytest.mark.parametrize("live", [True, False], ids=["camera", "file"])
def test_the_error_of_one_of_two_sources_ends_it_alone(live):
    run = Run(Schedule([(live, [], True), (live, [True] * 9, False)], [True], None, set(), None))
    with suppress(Fault):  # when the other one has ended before, as with a camera of few frames
        run.loop.run([run.sink])
    counted = run.loop.stats.snapshot().by_source["s1"]
    assert counted.frames + counted.dropped == 9
