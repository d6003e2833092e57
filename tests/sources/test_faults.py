"""A loop outlives every fault of its source, and has results again within 3 s after the source is back."""

import itertools
import random
import threading
import time
from dataclasses import dataclass

import pytest

from edge.pipeline import Loop
from edge.sources.base import Source
from edge.sources.faulty import Clock, Fault, FaultyCamera
from edge.sources.supervised import SupervisedSource
from tests.loops import BandsNetwork
from tests.sources.simulated import SimulatedTime

SIZE, RATE = (32, 32), 10.0
RECOVERY_SECONDS = 3.0
AFTER = 3
"""How many more frames are awaited after the last fault."""

STALL, END, ERROR, TRUNCATE = "stall", "end", "error", "truncate"
RESIZE, CLOCK, AWAY, HANG = "size", "clock", "away", "hang"


def script(count, seed, longest):
    """Return faults of every kind, 3 to 8 frames apart. longest: the most seconds of a stall or an absence."""
    rng, at, faults = random.Random(seed), 0, []
    kinds = [STALL, END, ERROR, TRUNCATE, RESIZE, CLOCK, AWAY, HANG]
    for number in range(count):
        at += rng.randint(3, 8)
        kind = kinds[number] if number < len(kinds) else rng.choice(kinds)
        seconds = rng.uniform(-1e6, 1e6) if kind == CLOCK else rng.uniform(0.1, longest)
        size = (rng.randrange(16, 64, 2), rng.randrange(16, 64, 2))
        faults.append(Fault(kind, at, seconds=seconds, size=size))
    return faults


class Watched(FaultyCamera):
    """Notes when each fault happened."""

    def __init__(self, faults, clock):
        super().__init__(SIZE, RATE, faults, clock=clock)
        self.times, self.expected = [], len(faults)

    def fault(self):
        found = super().fault()
        if found is not None:
            self.times.append((found, self.clock.monotonic()))
        return found


@dataclass(frozen=True)
class Seen:
    """A frame that a loop took: when, and how old it was, in seconds of the clock."""

    at: float
    age: float
    index: int


class InStep(Source):
    """Gives the loop the next frame when the one before has its result, and ends after the last fault."""

    fps, live = None, True

    def __init__(self, source, camera, take_part=lambda: None):
        self.name, self.seen, self.done = source.name, [], threading.Semaphore(0)
        self._source, self._camera, self._take_part = source, camera, take_part

    def __iter__(self):
        self._take_part()
        left = AFTER
        for frame in self._source:
            now = self._camera.clock.monotonic()
            self.seen.append(Seen(now, now - frame.monotonic_ns / 1e9, frame.index))
            yield frame
            assert self.done.acquire(timeout=60)
            left -= len(self._camera.times) == self._camera.expected
            if not left:
                return

    def close(self):
        self._source.close()


def run(source, camera, take_part=lambda: None):
    """Run a loop until every fault has happened. Return the frames that it took."""
    in_step = InStep(source, camera, take_part)
    stats = Loop(in_step, BandsNetwork(on=in_step.done.release)).run()
    assert stats.frames == len(in_step.seen)
    assert len(camera.times) == camera.expected
    return in_step.seen


def late(camera, seen):
    """Return the faults after which results came too late, with the delay after the source was back.

    A stalled or hanging device is back when it is opened anew, which may happen after 2 s. A camera that is away stays
    away, whatever else happens: a read that was given up earlier may have met the fault.
    """
    absences, found = [(at, at + fault.seconds) for fault, at in camera.times if fault.kind == AWAY], []
    for fault, at in camera.times:
        back = at + (min(fault.seconds, 2.0) if fault.kind in (STALL, HANG) else 0.0)
        for left, returned in absences:
            back = returned if left <= back < returned else back
        delay = next(one.at for one in seen if one.at >= at) - back
        if delay > RECOVERY_SECONDS:
            found.append((fault, delay))
    return found


def longest_gap(seen):
    return max(second.at - first.at for first, second in itertools.pairwise(seen))


def simulated(faults):
    """Return a camera, its supervised source, the lines that it reports, and the clock of all."""
    clock, lines = SimulatedTime(), []
    camera = Watched(faults, clock.camera_clock())
    source = SupervisedSource(clock.source, camera.open, report=lines.append, clock=clock.source_clock(camera.time_ns))
    return camera, source, lines, clock


@pytest.mark.parametrize(
    ("count", "seed"), [(100, 0), *(pytest.param(1000, seed, marks=pytest.mark.slow) for seed in (1, 2, 5))]
)
def test_many_faults_under_an_injected_clock(count, seed):
    camera, source, lines, clock = simulated(script(count, seed, longest=20.0))
    seen = run(source, camera, clock.take_part)
    kinds = [fault.kind for fault, _ in camera.times]
    assert not late(camera, seen)
    assert [one for one in seen if not -1e-6 <= one.age <= 1 / RATE] == []
    assert [one.index for one in seen] == sorted({one.index for one in seen})
    assert source.stalls > 0
    assert source.errors >= kinds.count(END) + kinds.count(ERROR) + kinds.count(AWAY)
    assert source.reopened <= source.errors + source.stalls
    assert len(lines) < 20 + 2 * kinds.count(RESIZE)  # each error is said once, and each size


@pytest.mark.parametrize("seed", range(3))
def test_a_long_absence_is_asked_for_once_a_second_and_found_at_once(seed):
    away = Fault(AWAY, 20, seconds=3600.0)
    camera, source, lines, clock = simulated([away, Fault(END, 40 + seed)])
    seen = run(source, camera, clock.take_part)
    gap = longest_gap(seen)
    assert 3600 <= gap <= 3600 + RECOVERY_SECONDS
    assert 3600 <= camera.openings <= 3700
    assert len(lines) < 20


def test_a_jump_of_the_clock_is_no_stall_and_changes_no_age():
    jumps = [Fault(CLOCK, 10 * number, seconds=seconds) for number, seconds in enumerate((1e7, -1e9, 3.0, -2.5), 1)]
    camera, source, lines, clock = simulated(jumps)
    seen = run(source, camera, clock.take_part)
    assert (source.stalls, source.errors, source.reopened, lines) == (0, 0, 0, [])
    assert {one.age for one in seen} == {0.0}
    assert [one.index for one in seen] == list(range(len(seen)))


@pytest.mark.parametrize(("stall", "noticed"), [(1.5, False), (1.95, False), (2.1, True), (60.0, True)])
def test_a_stall_is_two_seconds_without_a_frame_at_the_least(stall, noticed):
    camera, source, _, clock = simulated([Fault(STALL, 20, seconds=stall - 1 / RATE)])
    seen = run(source, camera, clock.take_part)
    assert source.stalls == noticed
    assert longest_gap(seen) < 2.4


def test_a_slow_source_is_waited_for_five_times_as_long_as_usual():
    """Frames that the camera held back in a stall come at once after it, so that the newest may replace the others."""
    clock = SimulatedTime()
    faults = [Fault(STALL, 8, seconds=31.0), Fault(STALL, 12, seconds=1000.0)]
    camera = FaultyCamera(SIZE, 0.125, faults, clock=clock.camera_clock())
    source = SupervisedSource(clock.source, camera.open, report=lambda line: None, clock=clock.source_clock())
    clock.take_part()
    times = []
    for _ in source:
        times += [clock.now] if clock.now not in times else []
        if len(times) == 11:
            break
    gaps = [round(b - a, 2) for a, b in itertools.pairwise(times)]
    assert gaps[:7] == [8.0] * 7
    assert gaps[7] == 39.0  # of the 40 s that are five intervals of 8 s
    assert gaps[8:] == [40.25, 8.0]
    assert source.stalls == 1


def test_a_device_that_became_slow_to_open_is_given_more_time():
    """Its first opening takes no time, and all later ones 7 s."""
    clock, times = SimulatedTime(), []

    class Slow(FaultyCamera):
        def open(self):
            if self.openings:
                self.clock.sleep(7.0)
            return super().open()

    camera = Slow(SIZE, RATE, [Fault(END, 20)], clock=clock.camera_clock())
    source = SupervisedSource(clock.source, camera.open, report=lambda line: None, clock=clock.source_clock())
    clock.take_part()
    for _ in source:
        times.append(clock.now)
        if len(times) == 30:
            break
    assert source.reopened == 1
    assert max(b - a for a, b in itertools.pairwise(times)) < 2 + 4 + 7 + 3


@pytest.mark.slow
def test_thirty_faults_in_real_time():
    camera, lines = Watched(script(30, seed=2, longest=3.0), Clock(time.monotonic, time.sleep, time.time_ns)), []
    source = SupervisedSource("cam", camera.open, report=lines.append)
    seen = run(source, camera)
    assert not late(camera, seen)
    assert all(0 <= one.age <= 1.0 for one in seen)
    assert source.reopened > 0
