"""A live source that fails in every way and comes back, on devices that do what the test says."""

import itertools
import threading
import time

import numpy as np
import pytest

from edge.errors import FileError
from edge.sources.base import Device
from edge.sources.supervised import MAX_STUCK, RetryPolicy, SupervisedSource
from tests.sources.simulated import SimulatedTime

IMAGE = np.zeros((4, 4, 3), np.uint8)
QUICK = RetryPolicy(stall=5.0, first=0.001, longest=0.002)


class Scripted(Device):
    """Reads what the script says: an image, an exception, or an event to wait for. The last step repeats."""

    def __init__(self, *script):
        self._script, self.closed = list(script), threading.Event()

    def read(self):
        step = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        if isinstance(step, threading.Event):
            step.wait(10)
            return IMAGE
        if isinstance(step, Exception):
            raise step
        return step

    def close(self):
        self.closed.set()


def source_of(*openings, retry=QUICK, must_open=False):
    """openings: for each attempt a device, or the error that opening raises. The last repeats."""
    lines, attempts = [], list(openings)

    def open_device():
        step = attempts.pop(0) if len(attempts) > 1 else attempts[0]
        if isinstance(step, Exception):
            raise step
        return step

    return SupervisedSource("cam", open_device, must_open, retry, lines.append), lines


def take(source, count):
    frames = []
    for frame in source:
        frames.append(frame)
        if len(frames) == count:
            source.close()
    return frames


def test_frames_have_the_format_and_the_clock_of_the_device():
    class Yuyv(Scripted):
        format = "YUYV"

    source, _ = source_of(Yuyv(np.full((4, 6, 2), 128, np.uint8)))
    (frame,) = take(source, 1)
    assert (frame.format, frame.age_clock, frame.size, frame.bgr.shape) == ("YUYV", "arrival", (6, 4), (4, 6, 3))


def test_a_device_that_gives_no_picture_is_a_fault_like_any_other():
    source, lines = source_of(Scripted(np.zeros((4, 4), np.uint8)), Scripted(IMAGE))
    assert len(take(source, 1)) == 1
    assert lines[0].startswith("a BGR frame must be (height, width, 3) uint8, got (4, 4) uint8; opening it again")


def test_frames_are_numbered_on_over_a_fault_and_the_device_is_released():
    first, second = Scripted(IMAGE, FileError("cable pulled")), Scripted(IMAGE)
    source, lines = source_of(first, second)
    frames = take(source, 3)
    indices = [f.index for f in frames]
    assert indices == sorted(set(indices))
    assert lines == ["cable pulled; opening it again until it answers", "source cam: back after 1 attempt(s)"]
    assert first.closed.wait(10)
    assert second.closed.wait(10)


def test_a_driver_that_raises_anything_is_reopened():
    source, lines = source_of(Scripted(ValueError("odd")), Scripted(IMAGE))
    assert len(take(source, 1)) == 1
    assert lines[0].startswith("source cam: ValueError odd; opening it again")


def test_a_blocked_read_is_given_up_and_its_thread_releases_the_device_when_it_returns():
    unblock = threading.Event()
    stuck = Scripted(unblock)
    source, lines = source_of(stuck, Scripted(IMAGE), retry=RetryPolicy(0.001, 0.002, opening=0.05))
    assert len(take(source, 1)) == 1
    assert lines[0].startswith("source cam: no frame for 0.05 s; opening it again")
    assert (source.stalls, source.errors) == (1, 0)
    assert not stuck.closed.is_set()
    unblock.set()
    assert stuck.closed.wait(10)


def test_a_stream_that_is_down_at_the_start_is_tried_until_it_is_up():
    down = FileError("no stream answers")
    source, lines = source_of(down, down, down, Scripted(IMAGE))
    assert len(take(source, 1)) == 1
    assert lines == ["no stream answers; opening it again until it answers", "source cam: back after 3 attempt(s)"]
    assert (source.errors, source.reopened, source.delivering) == (3, 1, True)


def test_a_camera_that_must_open_fails_at_the_first_try_only():
    source, lines = source_of(FileError("it is in use"), must_open=True)
    with pytest.raises(FileError, match="it is in use"):
        list(source)
    assert lines == []


def test_a_camera_that_opened_once_is_reopened_even_if_it_must_open():
    source, _ = source_of(Scripted(IMAGE, FileError("gone")), FileError("still gone"), Scripted(IMAGE), must_open=True)
    frames = iter(source)
    seen = [next(frames), next(frames)]
    source.close()
    assert len(seen) == 2


def test_a_camera_that_opens_and_gives_nothing_is_an_error_at_the_start():
    source, _ = source_of(Scripted(threading.Event()), must_open=True, retry=RetryPolicy(opening=0.02))
    with pytest.raises(FileError, match=r"no frame for 0\.02 s"):
        list(source)


def test_closing_ends_a_wait_for_a_frame():
    blocked = threading.Event()
    device = Scripted(blocked)
    source, _ = source_of(device, retry=RetryPolicy(stall=60))
    threading.Timer(0.05, source.close).start()
    assert list(source) == []
    blocked.set()
    assert device.closed.wait(10)


def test_closing_ends_a_back_off():
    source, lines = source_of(FileError("down"), retry=RetryPolicy(first=60, longest_unanswered=60))
    threading.Timer(0.05, source.close).start()
    assert list(source) == []
    assert lines == ["down; opening it again until it answers"]


def test_a_slow_caller_gets_the_newest_frame_and_sees_the_gap():
    taken, given, release = threading.Event(), threading.Event(), threading.Event()

    class Counting(Device):
        count = 0

        def read(self):
            self.count += 1
            if self.count == 2:
                taken.wait(10)
            if self.count == 6:
                given.set()
                release.wait(10)
            return np.full((1, 1, 3), self.count, np.uint8)

        def close(self):
            pass

    source, _ = source_of(Counting())
    frames = iter(source)
    assert next(frames).index == 0
    taken.set()
    assert given.wait(10)
    newest = next(frames)
    source.close()
    release.set()
    assert (newest.index, newest.bgr.max()) == (4, 5)


def test_a_new_size_and_format_are_passed_on_and_each_is_said_once():
    small, large = np.zeros((4, 4, 3), np.uint8), np.zeros((8, 6, 3), np.uint8)
    source, lines = source_of(Scripted(*[small, large] * 20, FileError("over")))
    seen = {frame.size for frame in take_until(source, lines, "over")}
    assert seen <= {(4, 4), (6, 8)}
    assert lines[0] == "source cam: frames are 6x8 BGR now, 4x4 BGR before"
    assert len(lines) == 2


def take_until(source, lines, word):
    report = source._report
    source._report = lambda line: (report(line), source.close() if word in line else None)
    return list(source)


def test_errors_in_turn_are_each_said_once_until_it_works_steadily():
    errors = [FileError("refused"), FileError("no route"), FileError("refused"), FileError("no route")]
    source, lines = source_of(*errors, Scripted(IMAGE, FileError("refused")), Scripted(IMAGE))
    frames = iter(source)
    next(frames)
    while source.reopened < 2:
        next(frames)
    source.close()
    assert [line.partition(";")[0] for line in lines] == ["refused", "no route", "source cam: back after 4 attempt(s)"]


def test_a_source_that_never_answered_is_asked_less_often():
    times, source = [], None

    def open_device():
        times.append(source.now())
        if len(times) == 8:
            source.close()
        raise FileError("down")

    clock = SimulatedTime()
    source = SupervisedSource(clock.source, open_device, report=lambda line: None, clock=clock.source_clock())
    clock.take_part()
    assert list(source) == []
    assert [round(b - a, 2) for a, b in itertools.pairwise(times)] == [0.25, 0.5, 1, 2, 4, 8, 16]


def test_reads_that_never_return_do_not_add_up():
    blocked = [Scripted(threading.Event()) for _ in range(2 * MAX_STUCK)]
    source, lines = source_of(*blocked, retry=RetryPolicy(0.001, 0.001, longest_unanswered=0.001, opening=0.01))
    reading = threading.Thread(target=lambda: list(source))
    reading.start()
    waiting = threading.Event()
    source._report = lambda line: (lines.append(line), waiting.set() if "do not return" in line else None)
    assert waiting.wait(20)
    source.close()
    reading.join(20)
    assert sum(thread.name == "read cam" for thread in threading.enumerate()) <= 2 * MAX_STUCK
    assert lines[-1] == f"source cam: {MAX_STUCK} reads do not return; waiting for one of them"
    for device in blocked:
        device._script[0].set()


def test_a_given_up_device_is_interrupted():
    class Interruptible(Scripted):
        def interrupt(self):
            self._script[0].set()

    device = Interruptible(threading.Event())
    source, _ = source_of(device, Scripted(IMAGE), retry=RetryPolicy(0.001, 0.001, opening=0.05))
    assert len(take(source, 1)) == 1
    assert device.closed.wait(5)


def test_damaged_pictures_are_counted_over_all_openings():
    class Damaged(Scripted):
        def read(self):
            self.damaged += 2
            return super().read()

    source, _ = source_of(Damaged(IMAGE, FileError("over")), Damaged(IMAGE))
    frames = take(source, 3)
    assert len(frames) == 3
    assert source.lost_frames >= 2 * 4  # three frames and the read that failed


def test_the_age_counts_from_the_moment_that_the_device_states():
    class Late(Scripted):
        age_clock, age = "sender", 0.5

    source, _ = source_of(Late(IMAGE))
    before = time.time_ns()
    (frame,) = take(source, 1)
    assert frame.age_clock == "sender"
    assert frame.age_ns() >= 5e8
    assert before - 6e8 <= frame.captured_ns <= time.time_ns() - 5e8
