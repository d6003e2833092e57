"""A file at its own rate, under an injected clock: when each frame comes, and which ones are passed over."""

import threading
import time

import numpy as np
import pytest

from edge.frames import Frame
from edge.pipeline import Loop
from edge.scenes import write_clip
from edge.sources import open_source
from edge.sources.base import Source
from edge.sources.options import SourceOptions
from edge.sources.realtime import Realtime
from tests.loops import BandsNetwork

BLACK = np.zeros((2, 2), np.uint8)


class Clock:
    """A clock that only waits move, and the decoding of a frame."""

    def __init__(self):
        self.now = 50.0

    def wait(self, seconds):
        self.now += seconds
        return False


class File(Source):
    """Frames at the given positions, each of which takes ``cost`` seconds to decode."""

    name, live, fps = "clip", False, None

    def __init__(self, clock, positions, cost=0.0):
        self._clock, self._positions, self._cost, self.closed = clock, positions, cost, False

    def __iter__(self):
        for index, position in enumerate(self._positions):
            self._clock.now += self._cost
            yield Frame(BLACK, "GRAY", index, 0, "decode", self.name, position=position)

    def close(self):
        self.closed = True


def played(positions, interval=0.1, cost=0.0, busy=0.0):
    """Play a file to a reader that is busy for so long after each frame: what it gets, with the time of each."""
    clock = Clock()
    source = Realtime(File(clock, positions, cost), interval, lambda: clock.now, clock.wait)
    got = []
    for frame in source:
        got.append((frame.index, round(clock.now - 50.0 - cost, 6)))
        clock.now += busy
    return got


TENTHS = [number / 10 for number in range(10)]


def test_each_frame_comes_at_its_time_counted_from_the_first():
    assert played(TENTHS) == [(index, index / 10) for index in range(10)]
    assert played([position + 7.0 for position in TENTHS]) == [(index, index / 10) for index in range(10)]


def test_a_variable_frame_rate_is_that_of_the_time_stamps():
    assert played([0.0, 0.1, 0.5, 0.55, 2.0]) == [(0, 0.0), (1, 0.1), (2, 0.5), (3, 0.55), (4, 2.0)]


def test_frames_without_a_time_are_an_interval_apart():
    assert played([None] * 3, interval=0.25) == [(0, 0.0), (1, 0.25), (2, 0.5)]


def test_a_slow_reader_gets_the_newest_and_the_gap_counts_what_it_missed():
    """Busy for 0.37 s, it takes frame 3, due at 0.3 s, at 0.37 s, then 7 at 0.74 s, and then the last one."""
    assert played(TENTHS, busy=0.37) == [(0, 0.0), (3, 0.37), (7, 0.74), (9, 1.11)]


def test_the_last_frame_comes_even_when_it_is_late():
    assert played(TENTHS, busy=5.0) == [(0, 0.0), (9, 5.0)]


def test_a_file_that_decodes_slower_than_it_plays_is_not_held_back():
    got = played(TENTHS, cost=0.15)
    assert [index for index, _ in got] == list(range(10))
    assert got[-1] == (9, pytest.approx(0.15 * 9))


def test_it_is_live_and_the_age_counts_from_the_due_time():
    clock = Clock()
    source = Realtime(File(clock, [0.0, 0.1]), 0.1, lambda: clock.now, clock.wait)
    frames = iter(source)
    next(frames)
    clock.now += 0.15
    frame = next(frames)
    assert (source.live, source.fps, source.name, frame.age_clock) == (True, None, "clip", "pts")
    assert (time.time_ns() - frame.captured_ns) / 1e9 == pytest.approx(0.05, abs=0.04)


def test_a_loop_counts_what_it_passes_over_as_dropped(tmp_path):
    """A network of 50 ms on 20 frames of 10 ms: the newest wins, and no frame is lost from the count."""
    path = tmp_path / "clip.avi"
    write_clip(path, frames=20, size=(64, 48), fps=100.0)
    source = open_source(str(path), SourceOptions(realtime=True))
    stats = Loop(source, BandsNetwork(lambda: time.sleep(0.05))).run()
    assert stats.dropped > 0
    assert stats.captured == 20
    assert stats.frames + stats.dropped == 20


def test_closing_ends_a_wait():
    inner = File(Clock(), [0.0, 3600.0])
    source = Realtime(inner, 0.1)
    begun = threading.Event()

    def read():
        for _ in source:
            begun.set()

    thread = threading.Thread(target=read)
    thread.start()
    assert begun.wait(10)
    source.close()
    thread.join(10)
    assert not thread.is_alive()
    assert inner.closed
